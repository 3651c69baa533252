import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NodeState } from '../../../../src/ui/state.ts';

/** What a proxy answers at /debug/state, without the proxy. */
export class StateServer implements AsyncDisposable {
  readonly #server: Server;
  /** What it answers from now on. */
  state: NodeState | string;
  asked = 0;

  static async create(state: NodeState | string): Promise<StateServer> {
    const server = new StateServer(state);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  private constructor(state: NodeState | string) {
    this.state = state;
    this.#server = createServer(({ url }, response) => {
      this.asked++;
      response.statusCode = url === '/debug/state' ? 200 : 404;
      response.end(typeof this.state === 'string' ? this.state : JSON.stringify(this.state));
    });
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
