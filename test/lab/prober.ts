import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Namespace, Subprocess } from './namespaces.ts';
import type { Answer, ProbeCommand, ProbeReply, RequestOptions, Target } from './probe-protocol.ts';

const PROBE = fileURLToPath(new URL('./probe.ts', import.meta.url));
const TIMEOUT_MS = 5_000;

/** A client process in a namespace that sends requests and says who answered. Started once, because Node starts slowly. */
export class Prober implements AsyncDisposable {
  readonly #process: Subprocess;
  readonly #waiting = new Map<
    number,
    { resolve: (answers: readonly Answer[]) => void; reject: (error: Error) => void }
  >();
  #lastId = 0;

  constructor(namespace: Namespace) {
    this.#process = namespace.start([process.execPath, PROBE]);
    let stderr = '';
    this.#process.stderr.on('data', (text) => {
      stderr += text;
    });
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      const reply: ProbeReply = JSON.parse(line);
      this.#waiting.get(reply.id)?.resolve(reply.answers);
      this.#waiting.delete(reply.id);
    });
    void this.#process.then(() => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the probe has ended: ${stderr}`));
    });
  }

  /** Sends requests, each on a new connection, and gives the answers in the order they came. Failures are answers. */
  request(target: Target, options: RequestOptions = {}): Promise<readonly Answer[]> {
    const defaults = { count: 1, parallel: 1, timeoutMs: TIMEOUT_MS, pauseMs: 0 };
    return this.#send((id) => ({ id, op: 'request', target, ...defaults, ...options }));
  }

  /** Opens a TCP connection and keeps it, after one request, for `ask`. */
  async open(connection: string, target: Target): Promise<Answer> {
    return only(await this.#send((id) => ({ id, op: 'open', connection, target, timeoutMs: TIMEOUT_MS })));
  }

  /** Sends one more request through a connection that `open` keeps: `{error: 'reset'}` where it has broken. */
  async ask(connection: string): Promise<Answer> {
    return only(await this.#send((id) => ({ id, op: 'ask', connection, timeoutMs: TIMEOUT_MS })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#process;
  }

  #send(command: (id: number) => ProbeCommand): Promise<readonly Answer[]> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.stdin.write(`${JSON.stringify(command(id))}\n`);
    });
  }
}

function only(answers: readonly Answer[]): Answer {
  const [answer] = answers;
  if (answer === undefined) throw new Error('the probe gave no answer');
  return answer;
}
