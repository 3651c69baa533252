import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FAMILIES, type Family } from '../../rules/model.ts';
import type { Namespace, Subprocess } from './namespaces.ts';
import { ADDRESSES, NODE_NAME } from './topology.ts';

const SOURCE = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A line of Fairlead's log. */
export interface LogRecord {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Fairlead as a user starts it: by its command line, in a node's namespace. */
export class FairleadProcess implements AsyncDisposable {
  readonly log: LogRecord[] = [];
  /** What it printed that is no log record: messages for people, stack traces. */
  readonly output: string[] = [];
  readonly #process: Subprocess;
  readonly #watchers = new Set<() => void>();
  #exitCode: number | undefined;

  /** @param env such as a PATH with other tools. */
  constructor(node: Namespace, flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
    // Another build can be put to the same tests, such as the bundle.
    const main = process.env['FAIRLEAD_MAIN'] ?? SOURCE;
    // As a program of its own: its first line has the flags of Node.js that users run it with, and this Node.js.
    const path = `${dirname(process.execPath)}:${env['PATH'] ?? process.env['PATH']}`;
    this.#process = node.start([main, ...flags], { NO_COLOR: '1', ...env, PATH: path });
    this.#process.stdin.end();
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#read(line));
    }
    void this.#process.then(({ exitCode, signal }) => {
      this.#exitCode = exitCode ?? (signal === undefined ? 1 : 128);
      this.#changed();
    });
  }

  /** Resolves when every one of the families has been synced at least `times` times since the start. */
  synced(families: readonly Family[] = FAMILIES, times = 1): Promise<void> {
    return this.until(`sync of ${families.join(' and ')}`, () =>
      families.every((family) => this.syncs(family).length >= times),
    );
  }

  syncs(family: Family): readonly LogRecord[] {
    return this.log.filter((record) => record.msg === 'synced' && record['family'] === family);
  }

  /** Resolves when the condition holds after some log line; rejects when Fairlead ends before, or after the time. */
  until(what: string, condition: () => boolean, timeoutMs = 30_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (condition()) settle(resolve);
        else if (this.#exitCode !== undefined)
          settle(() => reject(this.#failure(`ended with ${this.#exitCode}`, what)));
      };
      const settle = (finish: () => void) => {
        this.#watchers.delete(check);
        clearTimeout(timer);
        finish();
      };
      const timer = setTimeout(() => settle(() => reject(this.#failure('is still silent', what))), timeoutMs);
      this.#watchers.add(check);
      check();
    });
  }

  /** Waits until it ends by itself and gives its exit code. */
  async ended(timeoutMs = 30_000): Promise<number> {
    await this.until('its end', () => this.#exitCode !== undefined, timeoutMs);
    return this.#exitCode ?? 1;
  }

  /** Asks it to end (SIGTERM) and gives its exit code. Killed after five seconds. */
  async stop(): Promise<number> {
    this.#process.kill('SIGTERM');
    return await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#exitCode === undefined) await this.stop();
  }

  #read(line: string): void {
    const record = parseRecord(line);
    if (record === undefined) this.output.push(line);
    else this.log.push(record);
    this.#changed();
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #failure(state: string, what: string): Error {
    const records = this.log.slice(-20).map((record) => JSON.stringify(record));
    return new Error(
      `waiting for ${what}, Fairlead ${state}:\n${[...this.output.slice(-20), ...records].join('\n')}`,
    );
  }
}

/** A KubeProxyConfiguration for the lab's node. Limits of conntrack are left alone: they are the whole machine's. */
export function labConfiguration(): string {
  const clusterCIDR = FAMILIES.map((family) => ADDRESSES[family].clusterCIDR).join(',');
  return `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
hostnameOverride: ${NODE_NAME}
clusterCIDR: ${clusterCIDR}
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
conntrack:
  maxPerCore: 0
  min: 0
  tcpEstablishedTimeout: 0s
  tcpCloseWaitTimeout: 0s
`;
}

function parseRecord(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
