import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { control } from './control.ts';
import { Allocator } from './defaults.ts';
import {
  type CutLists,
  type CutWatches,
  type FailNext,
  Faults,
  type SlowBody,
  type WatchListSupport,
} from './faults.ts';
import { type Deny, handle, type LoggedRequest } from './handler.ts';
import { asObject, asString, type JsonObject, valueAt } from './json.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { textOf } from './listing.ts';
import { objectsIn, resourceNamed, resourceOf } from './manifests.ts';
import { mergePatch } from './patch.ts';
import { RESOURCES, type Resource } from './resources.ts';
import { contentOf, Store } from './store.ts';
import { WatchHub } from './watching.ts';
import { keyOf, Writer } from './writing.ts';

export type { CutLists, CutWatches, Deny, FailNext, JsonObject, LoggedRequest, SlowBody, WatchListSupport };

export interface ApiServerOptions {
  /** @default '127.0.0.1' */
  readonly host?: string;
  /** @default 0, any free one */
  readonly port?: number;
  /** Bearer token → user name. Where there are none (and no client CA), everybody may come in. */
  readonly tokens?: Readonly<Record<string, string>>;
  /** HTTPS. With `clientCa`, client certificates signed by it are accepted. All PEM. */
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    /** Goes into the kubeconfig. */
    readonly ca: string;
    readonly clientCa?: string;
  };
  /** Goes into the kubeconfig; PEM. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  /** Requests to refuse with 403. */
  readonly deny?: Deny;
  /** How often watches that allow bookmarks get one. @default 60000 */
  readonly bookmarkIntervalMs?: number;
  /** Changes that can be watched from; older ones are compacted away. @default 10000 */
  readonly historyLimit?: number;
  /** The resource version to start with. @default 1 */
  readonly resourceVersion?: number;
  /** What is in the log of requests at most; the oldest go first. @default 10000 */
  readonly requestLimit?: number;
}

export interface PutOptions {
  /** Store the object as it is: no API defaults, no allocated addresses. Metadata is completed all the same. */
  readonly raw?: boolean;
  /** The resource version that the write gets, where the server's counter is not past it. */
  readonly resourceVersion?: number;
}

export interface RestartOptions {
  /** The resource version from which everything is numbered anew. @default 1 */
  readonly resourceVersion?: number;
  /** True: all objects are lost too. @default false */
  readonly empty?: boolean;
}

/**
 * Starts an API server that holds everything in memory.
 * @throws what `listen` throws where the address cannot be had
 */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const server = new ApiServer(options);
  await server.start();
  return server;
}

/** A Kubernetes API server for tests, demo and benchmarks: real HTTP, no etcd, no admission, no controllers. */
export class ApiServer {
  /** The troubles that are on; see also the methods that are troubles in themselves. */
  readonly faults = new Faults();
  /** All requests since the start or `requests.length = 0`, oldest first. */
  readonly requests: LoggedRequest[] = [];
  /** Bearer token → user name; may be changed at any time. */
  readonly tokens: Map<string, string>;
  /** Requests to refuse with 403; may be changed at any time. */
  deny: Deny;
  private readonly options: ApiServerOptions;
  private readonly store: Store;
  private readonly writer: Writer;
  private readonly hub: WatchHub;
  private readonly http: Server;
  private readonly sockets = new Set<Socket>();
  private address: { host: string; port: number };

  constructor(options: ApiServerOptions) {
    this.options = options;
    this.tokens = new Map(Object.entries(options.tokens ?? {}));
    this.deny = options.deny ?? (() => false);
    this.address = { host: options.host ?? '127.0.0.1', port: options.port ?? 0 };
    this.store = new Store(
      {
        historyLimit: options.historyLimit ?? 10_000,
        now: () => new Date(),
        onChange: (change) => this.hub.publish(change),
      },
      options.resourceVersion,
    );
    this.hub = new WatchHub(this.store, this.faults, options.bookmarkIntervalMs ?? 60_000);
    this.writer = new Writer(this.store, new Allocator());
    this.http = this.createHttpServer();
    this.http.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
    this.http.keepAliveTimeout = 60_000;
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease'])
      this.ensureNamespace(name);
  }

  /** `http://127.0.0.1:41234` */
  get url(): string {
    const { host, port } = this.address;
    const scheme = this.options.tls === undefined ? 'http' : 'https';
    return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  get port(): number {
    return this.address.port;
  }

  /** The resource version of the last write. */
  get resourceVersion(): number {
    return this.store.revision;
  }

  /** How many connections are open. */
  get connections(): number {
    return this.sockets.size;
  }

  /** How many watches are open, of one resource (plural) or of all. */
  watches(resource?: string): number {
    return this.hub.count(resource);
  }

  /** The text of a kubeconfig file for this server. @param token default: the first of the tokens */
  kubeconfig(token: string | undefined = [...this.tokens.keys()][0]): string {
    return kubeconfigText({
      server: this.url,
      certificateAuthority: this.options.tls?.ca,
      token,
      clientCertificate: this.options.clientCertificate,
    });
  }

  /**
   * Creates an object, or replaces it. Nothing is checked, so that objects can be put that no real server would take.
   * @param object with apiVersion, kind, metadata.name and, for namespaced kinds, metadata.namespace (or `default`)
   * @returns the object as the API shows it now
   * @throws Error for a kind that the server does not have
   */
  put(object: object, options: PutOptions = {}): JsonObject {
    const given = structuredClone(object) as JsonObject;
    const resource = resourceOf(given);
    if (resource === undefined) {
      throw new Error(`the server has no ${given['apiVersion']} ${given['kind']}`);
    }
    const metadata = asObject(given['metadata']) ?? {};
    const name = asString(metadata['name']) ?? '';
    const namespace = resource.namespaced ? (asString(metadata['namespace']) ?? 'default') : '';
    if (name === '') throw new Error('metadata.name must not be empty');
    if (namespace !== '') this.ensureNamespace(namespace);
    const before = this.store.get(resource, keyOf(namespace, name));
    const previous = before === undefined ? undefined : contentOf(before);
    const content =
      options.raw === true
        ? (resource.view?.store(given) ?? given)
        : this.writer.complete(resource, given, previous);
    const written = this.store.write(resource, content, options.resourceVersion);
    return JSON.parse(textOf(resource, written)) as JsonObject;
  }

  /** Puts every object of a YAML or JSON text; kinds that the server does not have are passed over. */
  loadYaml(text: string, options: PutOptions = {}): void {
    for (const object of objectsIn(text)) if (resourceOf(object) !== undefined) this.put(object, options);
  }

  /** An object as the API shows it, or undefined. @param kind `Service` or `services` */
  get(kind: string, namespace: string, name: string): JsonObject | undefined {
    const resource = resourceNamed(kind);
    const object = this.store.get(resource, this.key(resource, namespace, name));
    return object === undefined ? undefined : (JSON.parse(textOf(resource, object)) as JsonObject);
  }

  /** All objects of a kind as the API shows them, in the order of their keys. @param kind `Service` or `services` */
  list(kind: string): JsonObject[] {
    const resource = resourceNamed(kind);
    return this.store.list(resource).map((object) => JSON.parse(textOf(resource, object)) as JsonObject);
  }

  /**
   * Applies a JSON merge patch (RFC 7386), without checks.
   * @throws Error where there is no such object
   */
  patch(kind: string, namespace: string, name: string, patch: object): JsonObject {
    const before = this.get(kind, namespace, name);
    if (before === undefined) throw new Error(`there is no ${kind} ${namespace}/${name}`);
    return this.put(mergePatch(before, patch as JsonObject), { raw: true });
  }

  /** Deletes an object at once, finalizers or not; false: there was none. */
  delete(kind: string, namespace: string, name: string): boolean {
    const resource = resourceNamed(kind);
    const object = this.store.get(resource, this.key(resource, namespace, name));
    if (object === undefined) return false;
    this.writer.remove(resource, object);
    return true;
  }

  /** Moves the resource version on, as writes of other resources do in a real cluster. */
  advance(resourceVersion: number): void {
    this.store.revision = Math.max(this.store.revision, resourceVersion);
  }

  /** Sends every watch that allows it a bookmark now. */
  bookmark(): void {
    this.hub.bookmark();
  }

  /** Forgets the history: watches and lists from older versions get 410 from now on. Open watches go on. */
  compact(): void {
    this.store.compact();
  }

  /** Breaks all connections. */
  dropConnections(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Ends all watches in good order, as a server does that shuts down. */
  endWatches(): void {
    this.hub.endAll();
  }

  /** Comes back as another server would after a restore from a backup: lower versions, no history. */
  restart(options: RestartOptions = {}): void {
    this.dropConnections();
    if (options.empty === true) this.store.clear();
    this.store.renumber(options.resourceVersion ?? 1);
  }

  /** Listens, on the same port as before where it has listened before. */
  async start(): Promise<void> {
    const { host, port } = this.address;
    this.http.listen(port, host);
    await once(this.http, 'listening');
    this.address = { host, port: (this.http.address() as AddressInfo).port };
  }

  /** Refuses connections from now on, and breaks those that are open; objects stay. `start` undoes it. */
  async stop(): Promise<void> {
    if (!this.http.listening) return;
    const closed = once(this.http, 'close');
    this.http.close();
    this.dropConnections();
    await closed;
  }

  /** Ends all watches, closes the port and all connections. */
  async close(): Promise<void> {
    this.hub.close();
    this.faults.clear();
    await this.stop();
  }

  private createHttpServer(): Server {
    const { tls } = this.options;
    const authentication = {
      tokens: this.tokens,
      anonymous: this.tokens.size === 0 && tls?.clientCa === undefined,
    };
    const parts = {
      store: this.store,
      writer: this.writer,
      hub: this.hub,
      faults: this.faults,
      authentication,
      deny: (request: Parameters<Deny>[0]) => this.deny(request),
      log: (request: LoggedRequest) => this.log(request),
    };
    const listener: Parameters<typeof createServer>[1] = (request, response) => {
      // A client that goes away in the middle is nothing to report.
      response.on('error', () => {});
      void (request.url?.startsWith('/_test/') === true
        ? control(this, request, response)
        : handle(parts, request, response));
    };
    if (tls === undefined) return createServer(listener);
    const { cert, key, clientCa } = tls;
    const clients =
      clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false };
    return createTlsServer({ cert, key, ...clients }, listener);
  }

  private log(request: LoggedRequest): void {
    this.requests.push(request);
    if (this.requests.length > (this.options.requestLimit ?? 10_000)) this.requests.shift();
  }

  private key(resource: Resource, namespace: string, name: string): string {
    return keyOf(resource.namespaced ? namespace : '', name);
  }

  private ensureNamespace(name: string): void {
    const resource = RESOURCES.find((candidate) => candidate.kind === 'Namespace');
    if (resource === undefined || this.store.get(resource, name) !== undefined) return;
    this.store.write(resource, this.writer.complete(resource, { metadata: { name } }, undefined));
  }
}

/** The version of an object, as a number. */
export function resourceVersionOf(object: JsonObject): number {
  return Number(valueAt(object, 'metadata', 'resourceVersion'));
}
