import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { searchPath } from '../lab/command.ts';
import type { Backend } from '../lab/suite.ts';
import { now } from './clock.ts';
import { type KernelState, LegacyState, NftState, type Size } from './kernel-state.ts';
import { parseTransaction, type Sign, type Transaction } from './transaction.ts';

/** Numbers of clock_gettime and getsockopt, by process.arch. */
const SYSTEM_CALLS: Readonly<Record<string, readonly [number, number]>> = {
  x64: [228, 55],
  arm64: [113, 209],
};

const DEADLINE_MS = 180_000;

interface Waiter {
  readonly seen: () => boolean;
  readonly resolve: (at: number) => void;
  readonly reject: (error: Error) => void;
}

/** Sees from outside when rules of this network namespace change, whoever changes them. */
export class KernelWatch implements AsyncDisposable {
  readonly #state: KernelState;
  readonly #process: ReturnType<typeof startScript>;
  readonly #waiters = new Set<Waiter>();
  readonly #askers: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  #failure: Error | undefined;
  #last = 0;

  /** @param table whose rules are counted @throws Error where the kernel cannot be watched */
  static async start(backend: Backend, table?: string): Promise<KernelWatch> {
    const subprocess = startScript(watchCommand(backend));
    const lines = createInterface({ input: subprocess.stdout });
    const ended = subprocess.then(({ stderr }) => {
      throw new Error(`the kernel watch has ended: ${stderr}`);
    });
    await Promise.race([once(lines, 'line'), ended]);
    const watch = new KernelWatch(backend === 'nft' ? new NftState(table) : new LegacyState(), subprocess);
    lines.on('line', (line) => watch.#read(line));
    ended.catch((error: Error) => watch.#fail(error));
    return watch;
  }

  private constructor(state: KernelState, subprocess: ReturnType<typeof startScript>) {
    this.#state = state;
    this.#process = subprocess;
  }

  /** Objects added to and removed from the kernel so far. @see KernelState.writes */
  get writes(): number {
    return this.#state.writes;
  }

  /** When rules changed last, in ms on the monotonic clock; 0: not yet. */
  get last(): number {
    return this.#last;
  }

  /** Resolves with the time of the transaction that completed the sign. Expect it before causing it. */
  sighting(what: string, sign: Sign): Promise<number> {
    return this.#until(what, this.#state.expect(sign));
  }

  /** Resolves with the time of the transaction after which the table of all Services is as big as this. */
  reached(size: Size): Promise<number> {
    return this.#until(`${size.rules} rules`, () => this.#state.has(size));
  }

  /** Resolves when all is known that was in the kernel before: the watch may be behind after big transactions. */
  async catchUp(): Promise<void> {
    if (this.#failure) throw this.#failure;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#askers.push({ resolve, reject });
    this.#process.stdin.write('?\n');
    await promise;
  }

  /** Resolves when nothing has changed for so many ms. */
  async quiet(ms: number): Promise<void> {
    await this.catchUp();
    const started = now();
    for (let rest = ms; rest > 0; rest = ms - (now() - Math.max(this.#last, started))) {
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new Error('the kernel watch is closed'));
    this.#process.kill();
    await this.#process;
  }

  #until(what: string, seen: () => boolean): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        finish();
      };
      const waiter: Waiter = {
        seen,
        resolve: (at) => settle(() => resolve(at)),
        reject: (error) => settle(() => reject(error)),
      };
      const timer = setTimeout(
        () => waiter.reject(new Error(`not in the kernel within ${DEADLINE_MS / 1000} s: ${what}`)),
        DEADLINE_MS,
      );
      this.#waiters.add(waiter);
      if (seen()) waiter.resolve(this.#last);
    });
  }

  #read(line: string): void {
    if (line === 'caught up') this.#askers.shift()?.resolve();
    else this.#take(parseTransaction(line));
  }

  #take(transaction: Transaction): void {
    if (!transaction.whole) this.#fail(new Error('the kernel watch could not keep up, and has lost events'));
    this.#state.take(transaction);
    // iptables begins a new generation even where it had nothing to say.
    if (transaction.events.size > 0) this.#last = transaction.at;
    for (const waiter of [...this.#waiters]) if (waiter.seen()) waiter.resolve(transaction.at);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of [...this.#waiters, ...this.#askers.splice(0)]) waiter.reject(error);
  }
}

/**
 * The script that watches the network namespace that it is started in.
 * @throws Error where it cannot run on this architecture
 */
export function watchCommand(backend: Backend): readonly string[] {
  const calls = SYSTEM_CALLS[process.arch];
  if (calls === undefined) {
    throw new Error(`the kernel watch does not know the system calls of ${process.arch}`);
  }
  const script = fileURLToPath(new URL('./kernel-watch.pl', import.meta.url));
  return ['perl', script, backend, ...calls.map(String)];
}

function startScript([file = '', ...args]: readonly string[]) {
  return execa(file, args, {
    env: { PATH: searchPath() },
    stdin: 'pipe',
    buffer: { stdout: false },
    reject: false,
  });
}
