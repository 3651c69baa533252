import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FAMILIES } from '../../rules/model.ts';
import { addNamespaces, type Namespace, newPrefix, removeNamespacesSync, sweepStale } from './namespaces.ts';
import { wire } from './network.ts';
import { Prober } from './prober.ts';
import { ADDRESSES, LOCAL_PODS, POD_PORT, type PodName, REMOTE_POD } from './topology.ts';

const POD_SERVER = fileURLToPath(new URL('./pod-server.ts', import.meta.url));

/**
 * A node with Pods, a second node, and a client outside, in network namespaces of their own (see README.md). Nothing
 * proxies yet: that is for the test. Disposing it ends all processes that it started and removes the namespaces; so
 * does the end of this process, and the next lab cleans up after one that was killed.
 */
export class Lab implements AsyncDisposable {
  /** The node under test. */
  readonly node: Namespace;
  readonly otherNode: Namespace;
  /** The client, which is also the switch and the router of the nodes' network. */
  readonly outside: Namespace;
  readonly #pods: ReadonlyMap<PodName, Namespace>;
  readonly #folder: string;
  readonly #resources: AsyncDisposableStack;
  readonly #probers = new Map<string, Prober>();

  /**
   * Builds the network and starts the Pods' servers; when it resolves, they answer.
   *
   * @throws {ExecaError} a command failed; nothing is left behind. `labHindrance` tells beforehand what is missing.
   */
  static async create(): Promise<Lab> {
    await sweepStale();
    const prefix = newPrefix();
    await using resources = new AsyncDisposableStack();
    const remove = () => removeNamespacesSync(prefix);
    process.once('exit', remove);
    resources.defer(() => {
      process.off('exit', remove);
      remove();
    });
    const names = ['node', 'node-2', 'outside', ...LOCAL_PODS].map((name) => `${prefix}-${name}`);
    const [node, otherNode, outside, ...pods] = await addNamespaces(names);
    if (node === undefined || otherNode === undefined || outside === undefined)
      throw new Error('unreachable');
    const local = new Map(LOCAL_PODS.flatMap((name, i) => (pods[i] ? [[name, pods[i]] as const] : [])));
    await wire({ node, otherNode, outside, pods: local });
    const servers = new Map<PodName, Namespace>([...local, [REMOTE_POD, otherNode]]);
    await Promise.all([...servers].map(([name, namespace]) => startPod(name, namespace, resources)));
    const folder = await mkdtemp(join(tmpdir(), `${prefix}-`));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    return new Lab({ node, otherNode, outside, pods: servers, folder, resources: resources.move() });
  }

  private constructor(parts: {
    node: Namespace;
    otherNode: Namespace;
    outside: Namespace;
    pods: ReadonlyMap<PodName, Namespace>;
    folder: string;
    resources: AsyncDisposableStack;
  }) {
    this.node = parts.node;
    this.otherNode = parts.otherNode;
    this.outside = parts.outside;
    this.#pods = parts.pods;
    this.#folder = parts.folder;
    this.#resources = parts.resources;
  }

  /** The namespace that a Pod's traffic comes from. */
  pod(name: PodName): Namespace {
    const namespace = this.#pods.get(name);
    if (namespace === undefined) throw new Error(`no Pod ${name}`);
    return namespace;
  }

  /** The client process of a namespace of this lab; started at first use, ended with the lab. */
  from(namespace: Namespace): Prober {
    const known = this.#probers.get(namespace.name);
    if (known !== undefined) return known;
    const prober = this.own(new Prober(namespace));
    this.#probers.set(namespace.name, prober);
    return prober;
  }

  /** Writes a file that lives as long as the lab, and gives its path. */
  async file(name: string, text: string): Promise<string> {
    await writeFile(this.path(name), text);
    return this.path(name);
  }

  /** A path in a folder that lives as long as the lab. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Has something end before the lab's namespaces go. Disposing it twice must do no harm. */
  own<T extends AsyncDisposable>(resource: T): T {
    return this.#resources.use(resource);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

async function startPod(name: PodName, namespace: Namespace, resources: AsyncDisposableStack): Promise<void> {
  const addresses = FAMILIES.map((family) => ADDRESSES[family].pods[name]);
  const server = namespace.start([process.execPath, POD_SERVER, name, String(POD_PORT), ...addresses]);
  resources.defer(async () => {
    server.kill();
    await server;
  });
  const ready = new Promise((resolve) => server.stdout.once('data', resolve));
  let stderr = '';
  server.stderr.on('data', (text) => {
    stderr += text;
  });
  const ended = server.then(() => {
    throw new Error(`the server of ${name} has ended: ${stderr}`);
  });
  await Promise.race([ready, ended]);
  // Nobody waits for its end any more but disposal.
  ended.catch(() => {});
}
