import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Namespace, newPrefix, type Subprocess } from './namespaces.ts';

const RELAY = fileURLToPath(new URL('./doorway-relay.ts', import.meta.url));

/** Where Fairlead serves /healthz, and where /metrics. */
export const HEALTH_PORT = 10256;
export const METRICS_PORT = 10249;

/** An answer over HTTP. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends HTTP requests to 127.0.0.1 of a namespace from this process, which is in another. */
export class Doorway implements AsyncDisposable {
  readonly #folder: string;
  readonly #relay: Subprocess;

  /** @param more ports besides those of the health and metrics servers */
  static async open(namespace: Namespace, more: readonly number[] = []): Promise<Doorway> {
    const folder = await mkdtemp(join(tmpdir(), `${newPrefix()}-door-`));
    const ports = [HEALTH_PORT, METRICS_PORT, ...more].map(String);
    const relay = namespace.start([process.execPath, RELAY, folder, ...ports]);
    await new Promise((resolve, reject) => {
      relay.stdout.once('data', resolve);
      void relay.then(() => reject(new Error('the doorway has ended')));
    });
    return new Doorway(folder, relay);
  }

  private constructor(folder: string, relay: Subprocess) {
    this.#folder = folder;
    this.#relay = relay;
  }

  /** @throws {Error} nobody answers there. */
  get(port: number, path: string, headers: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const socketPath = join(this.#folder, `${port}.sock`);
      request({ socketPath, path, headers, agent: false }, (response) => {
        text(response).then(
          (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text: body }),
          reject,
        );
      })
        .on('error', reject)
        .end();
    });
  }

  /** The value of the first series of /metrics that has this name and these labels; undefined: there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
    const { text: lines } = await this.get(METRICS_PORT, '/metrics');
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const line = lines.split('\n').find((each) => {
      const [, series, found = ''] = /^([^{ ]+)(?:\{(.*)\})? /.exec(each) ?? [];
      return series === name && wanted.every((label) => found.split(',').includes(label));
    });
    return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#relay.kill();
    await this.#relay;
    await rm(this.#folder, { recursive: true, force: true });
  }
}
