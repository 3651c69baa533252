import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ApiServer } from '../apiserver/server.ts';
import type { Lab } from './lab.ts';
import type { Subprocess } from './namespaces.ts';
import { ADDRESSES } from './topology.ts';

const RELAY = fileURLToPath(new URL('./relay.ts', import.meta.url));
const PORT = 6443;

/**
 * Lets the lab's nodes reach an API server in this process, at the router's address, though this process' network
 * and theirs have nothing in common.
 */
export class ApiGate implements AsyncDisposable {
  /** The path of a kubeconfig that is right on the nodes. */
  readonly kubeconfig: string;
  readonly #server: Server;
  readonly #relay: Subprocess;

  static async open(lab: Lab, api: ApiServer): Promise<ApiGate> {
    const path = lab.path('api.sock');
    const server = createServer((client) => {
      const upstream = connect(api.port, '127.0.0.1');
      pipeline(client, upstream, client, () => {});
    });
    server.listen(path);
    await once(server, 'listening');
    const relay = lab.outside.start([process.execPath, RELAY, ADDRESSES.ipv4.router, String(PORT), path]);
    const gate = new ApiGate(
      server,
      relay,
      await lab.file(
        'admin.conf',
        api.kubeconfig().replace(api.url, `http://${ADDRESSES.ipv4.router}:${PORT}`),
      ),
    );
    const [first] = await Promise.race([once(relay.stdout, 'data'), relay.then(() => [])]);
    if (first === undefined) throw new Error('the relay to the API server has ended');
    return lab.own(gate);
  }

  private constructor(server: Server, relay: Subprocess, kubeconfig: string) {
    this.#server = server;
    this.#relay = relay;
    this.kubeconfig = kubeconfig;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#relay.kill();
    await this.#relay;
    this.#server.close();
  }
}
