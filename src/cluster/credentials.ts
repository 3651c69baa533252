import type http from 'node:http';
import type https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { fingerprint, keepAliveAgent, Lease, type TlsMaterial } from './agent-pool.ts';
import type { Clock } from './clock.ts';
import { ClusterError, reasonOf } from './errors.ts';

/** With what a request goes to the API server. */
export interface Access {
  readonly server: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** `user:password`, for Basic authentication. */
  readonly auth: string | undefined;
  readonly lease: Lease;
  /** Equal for equal credentials. */
  readonly identity: string;
}

/** Files and plugins are asked again after this: a rotated token is used within seconds. */
const FRESH_MS = 5_000;
/** A credential plugin that runs longer hangs. */
const PLUGIN_MS = 60_000;

/** Asks KubeConfig for credentials, for all requests at once, and again when they have aged or were refused. */
export class Credentials {
  readonly #read: () => KubeConfig;
  readonly #clock: Clock;
  #config: KubeConfig | undefined;
  #access: Access | undefined;
  #since = 0;
  #pending: Promise<Access> | undefined;
  #tls = '';
  #generation = 0;

  /** @param read reads the kubeconfig anew */
  constructor(read: () => KubeConfig, clock: Clock) {
    this.#read = read;
    this.#clock = clock;
  }

  /** @throws ClusterError `config` or `unauthorized` */
  get(): Promise<Access> {
    if (this.#access !== undefined && this.#clock.now() - this.#since < FRESH_MS) {
      return Promise.resolve(this.#access);
    }
    this.#pending ??= this.#apply().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /** The server refused these: everything is read anew the next time, whatever is cached anywhere. */
  refuse(access: Access): void {
    if (this.#access?.identity === access.identity) this.#forget();
  }

  close(): void {
    this.#access?.lease.agent.destroy();
  }

  async #apply(): Promise<Access> {
    this.#config ??= this.#read();
    const cluster = this.#config.getCurrentCluster();
    if (!cluster) throw new ClusterError('config', 'the kubeconfig names no cluster');
    const server = new URL(cluster.server);
    let options = await this.#options(this.#config);
    let tls = `${server.origin} ${fingerprint(materialOf(options))}`;
    if (cluster.proxyUrl && tls !== this.#tls) {
      // The library keeps a proxy's agent, with the certificates of its first day, as long as the names stay.
      this.#generation++;
      const renamed = { ...cluster, name: `${cluster.name}#${this.#generation}` };
      const user = this.#config.getCurrentUser();
      if (user) this.#config.loadFromClusterAndUser(renamed, user);
      options = await this.#options(this.#config);
      tls = `${server.origin} ${fingerprint(materialOf(options))}`;
    }
    const lease = this.#lease(tls, () =>
      cluster.proxyUrl && options.agent instanceof Object
        ? (options.agent as http.Agent)
        : keepAliveAgent(server.protocol, materialOf(options)),
    );
    const headers = headersOf(options);
    const auth = options.auth ?? undefined;
    const access = { server, headers, auth, lease, identity: JSON.stringify([tls, headers, auth]) };
    this.#access = access;
    this.#since = this.#clock.now();
    return access;
  }

  #lease(tls: string, create: () => http.Agent): Lease {
    if (this.#access !== undefined && tls === this.#tls) return this.#access.lease;
    this.#access?.lease.retire();
    this.#tls = tls;
    return new Lease(create());
  }

  async #options(config: KubeConfig): Promise<https.RequestOptions> {
    const options: https.RequestOptions = {};
    let cancel = (): void => {};
    const deadline = new Promise<never>((_, reject) => {
      cancel = this.#clock.after(PLUGIN_MS, () => reject(new Error('the credential plugin does not end')));
    });
    try {
      await Promise.race([config.applyToHTTPSOptions(options), deadline]);
      return options;
    } catch (error) {
      this.#config = undefined;
      throw new ClusterError('unauthorized', `no credentials for the API server: ${reasonOf(error)}`, {
        cause: error,
      });
    } finally {
      cancel();
    }
  }

  #forget(): void {
    this.#config = undefined;
    this.#since = Number.NEGATIVE_INFINITY;
  }
}

function materialOf(options: https.RequestOptions): TlsMaterial {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  return Object.fromEntries(
    Object.entries({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

/** A token file usually ends in a newline, which no header may hold. */
function headersOf(options: https.RequestOptions): Record<string, string> {
  return Object.fromEntries(
    Object.entries({ ...options.headers }).map(([name, value]) => [name, String(value).trim()]),
  );
}
