import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const SERVER = fileURLToPath(new URL('../apiserver/main.ts', import.meta.url));

/** One write at the API. */
export interface ApiWrite {
  readonly method: 'PATCH' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: object;
}

/** The API server, in a process of its own, so that it does not share a thread with who measures. */
export class ApiProcess implements AsyncDisposable {
  readonly url: string;
  readonly #process: ReturnType<typeof startServer>;

  /** @param manifest file with the objects to begin with @param kubeconfig file to write */
  static async start(manifest: string, kubeconfig: string): Promise<ApiProcess> {
    const subprocess = startServer(manifest, kubeconfig);
    const lines = createInterface({ input: subprocess.stdout });
    const ended = subprocess.then(({ stderr }) =>
      Promise.reject(new Error(`the API server has ended: ${stderr}`)),
    );
    const [line] = await Promise.race([once(lines, 'line'), ended]);
    ended.catch(() => {});
    const { url } = JSON.parse(String(line)) as { readonly url: string };
    return new ApiProcess(url, subprocess);
  }

  private constructor(url: string, subprocess: ReturnType<typeof startServer>) {
    this.url = url;
    this.#process = subprocess;
  }

  /** @throws Error where the API refuses */
  async write({ method, path, body }: ApiWrite): Promise<void> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { 'content-type': type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGTERM');
    await this.#process;
  }
}

function startServer(manifest: string, kubeconfig: string) {
  const args = [SERVER, '--listen', '127.0.0.1:0', '--from', manifest, '--write-kubeconfig', kubeconfig];
  return execa(process.execPath, args, {
    stdin: 'ignore',
    buffer: { stdout: false },
    reject: false,
    forceKillAfterDelay: 5_000,
  });
}
