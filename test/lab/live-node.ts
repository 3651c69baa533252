import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Family } from '../../rules/model.ts';
import { asObject } from '../apiserver/json.ts';
import { type ApiServer, type ApiServerOptions, startApiServer } from '../apiserver/server.ts';
import { BareNode } from './bare-node.ts';
import { COMPILE_CACHE } from './compile-cache.ts';
import { eventually } from './deadline.ts';
import { Doorway } from './doorway.ts';
import { dryRun, kernelDifferences } from './dry-run-comparison.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { type ApiObject, nodes } from './manifest.ts';
import { type Namespace, newPrefix } from './namespaces.ts';
import { dumpRules, tool } from './rule-dump.ts';
import type { Backend } from './suite.ts';
import { ADDRESSES } from './topology.ts';

const RELAY = fileURLToPath(new URL('./relay.ts', import.meta.url));
const API_PORT = 6443;

export interface LiveNodeOptions {
  /** What the cluster has besides the Nodes. */
  readonly objects?: readonly ApiObject[];
  /** @default 'nft' */
  readonly backend?: Backend;
  readonly api?: ApiServerOptions;
  /** Ports of the node that tests ask besides those for health and metrics. */
  readonly ports?: readonly number[];
}

export interface PostedEvent {
  readonly type: string;
  readonly note: string;
  /** Kind and name. */
  readonly regarding: string;
  /** As `kubectl describe` asks for Events: by the uid of the object. */
  readonly uid: unknown;
}

export interface StartOptions {
  /** What the configuration has besides `labConfiguration`. */
  readonly config?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * A node alone, without Pods, that follows an API server in this process: for tests that look at rules, endpoints and
 * Events and send no requests through Services.
 */
export class LiveNode implements AsyncDisposable {
  readonly namespace: Namespace;
  readonly api: ApiServer;
  readonly backend: Backend;
  readonly door: Doorway;
  readonly folder: string;
  readonly #resources: AsyncDisposableStack;
  #files = 0;

  static async create(options: LiveNodeOptions = {}): Promise<LiveNode> {
    await using resources = new AsyncDisposableStack();
    const { namespace } = resources.use(await BareNode.create(['eth0']));
    const { ipv4, ipv6 } = ADDRESSES;
    await namespace.ip([
      `addr add ${ipv4.node}/${ipv4.nodeSubnetLength} dev eth0`,
      `addr add ${ipv6.node}/${ipv6.nodeSubnetLength} dev eth0 nodad`,
    ]);
    const folder = await mkdtemp(join(tmpdir(), `${newPrefix()}-live-`));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    const api = await startApiServer(options.api);
    resources.defer(() => api.close());
    for (const object of [...nodes(), ...(options.objects ?? [])]) api.put(object);

    const path = join(folder, 'api.sock');
    const server = createServer((client) => {
      const upstream = connect(api.port, '127.0.0.1');
      pipeline(client, upstream, client, () => {});
    });
    server.listen(path);
    await once(server, 'listening');
    resources.defer(() => void server.close());
    const relay = namespace.start([process.execPath, RELAY, '127.0.0.1', String(API_PORT), path]);
    resources.defer(async () => {
      relay.kill();
      await relay;
    });
    const [, door] = await Promise.all([once(relay.stdout, 'data'), Doorway.open(namespace, options.ports)]);
    resources.use(door);
    const backend = options.backend ?? 'nft';
    const node = new LiveNode({ namespace, api, backend, door, folder, resources: resources.move() });
    await writeFile(node.kubeconfig, api.kubeconfig().replace(api.url, `http://127.0.0.1:${API_PORT}`));
    return node;
  }

  private constructor(parts: {
    namespace: Namespace;
    api: ApiServer;
    backend: Backend;
    door: Doorway;
    folder: string;
    resources: AsyncDisposableStack;
  }) {
    this.namespace = parts.namespace;
    this.api = parts.api;
    this.backend = parts.backend;
    this.door = parts.door;
    this.folder = parts.folder;
    this.#resources = parts.resources;
  }

  get kubeconfig(): string {
    return join(this.folder, 'admin.conf');
  }

  /** Starts Fairlead on the node; it ends with the node. */
  async start({ config = '', flags = [], env = {} }: StartOptions = {}): Promise<FairleadProcess> {
    const file = await this.file('config.yaml', `${labConfiguration()}${config}`);
    const all = ['--config', file, '--kubeconfig', this.kubeconfig, '--iptables-backend', this.backend];
    return this.own(new FairleadProcess(this.namespace, [...all, ...flags], { ...COMPILE_CACHE, ...env }));
  }

  /** Writes a file of its own folder that lives as long as the node, and gives its path. */
  async file(name: string, text: string): Promise<string> {
    const path = join(this.folder, `${++this.#files}-${name}`);
    await writeFile(path, text);
    return path;
  }

  put(objects: readonly ApiObject[]): void {
    for (const object of objects) this.api.put(object);
  }

  rules(family: Family): Promise<string> {
    return dumpRules(this.namespace, this.backend, family);
  }

  /** Waits until the family's rules have this text, and gives them. */
  rulesWith(family: Family, text: string, timeoutMs = 20_000): Promise<string> {
    return this.#rulesThat(family, `with ${text}`, (rules) => rules.includes(text), timeoutMs);
  }

  /** Waits until the family's rules have this text no more, and gives them. */
  rulesWithout(family: Family, text: string, timeoutMs = 20_000): Promise<string> {
    return this.#rulesThat(family, `without ${text}`, (rules) => !rules.includes(text), timeoutMs);
  }

  /** Runs iptables of the node's backend and a family, as somebody else on the node would. */
  iptables(family: Family, ...args: readonly string[]): Promise<string> {
    return this.namespace.run([tool(this.backend, family), '-w', ...args]);
  }

  /** Gives iptables-restore --noflush a payload, as somebody else on the node would. */
  async restore(family: Family, input: string): Promise<void> {
    await this.namespace.run([tool(this.backend, family, '-restore'), '--noflush', '-w'], { input });
  }

  /** Events that were posted for this reason, oldest first. */
  events(reason: string): readonly PostedEvent[] {
    const found = this.api.list('Event').filter((event) => event['reason'] === reason);
    // The core group's names for them.
    return found.map(({ message, involvedObject, type }) => {
      const { kind, name, uid } = asObject(involvedObject) ?? {};
      return { type: String(type), note: String(message), regarding: `${kind} ${name}`, uid };
    });
  }

  /** Waits for an Event with this reason about an object (`Service web`), and gives its note. */
  event(reason: string, regarding: string): Promise<string> {
    return eventually(`Event ${reason} about ${regarding}`, async () => {
      return this.events(reason).find((event) => event.regarding === regarding)?.note;
    });
  }

  /** What differs between the kernel's rules and those of a fresh dry run against the API server. */
  async differences(flags: readonly string[] = []): Promise<readonly string[]> {
    const file = await this.file('dry-run.yaml', labConfiguration());
    const addresses = [ADDRESSES.ipv4.node, ADDRESSES.ipv6.node].join();
    const all = ['--config', file, '--kubeconfig', this.kubeconfig, '--local-addresses', addresses, ...flags];
    return await kernelDifferences(this.namespace, this.backend, await dryRun(this.namespace, all));
  }

  /**
   * Waits until the kernel has what a fresh dry run against the API server prints.
   *
   * @throws {Error} that names the differences that stay
   */
  async inStep(timeoutMs = 20_000): Promise<void> {
    let last: readonly string[] = [];
    const isInStep = async () => {
      last = await this.differences();
      return last.length === 0 || undefined;
    };
    await eventually('rules as in a fresh dry run', isInStep, { timeoutMs }).catch((cause: unknown) => {
      throw last.length === 0 ? cause : new Error(last.join('\n'), { cause });
    });
  }

  /** Has something end before the node goes. */
  own<T extends AsyncDisposable>(resource: T): T {
    return this.#resources.use(resource);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  async #rulesThat(
    family: Family,
    what: string,
    condition: (rules: string) => boolean,
    timeoutMs: number,
  ): Promise<string> {
    let last = '';
    try {
      return await eventually(
        `${family} rules ${what}`,
        async () => {
          last = await this.rules(family);
          return condition(last) ? last : undefined;
        },
        { timeoutMs },
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}; Services' rules are:\n${servicesIn(last)}`);
    }
  }
}

function servicesIn(rules: string): string {
  return rules
    .split('\n')
    .filter((line) => /^-A KUBE-(SVC|SEP|SERVICES)/.test(line))
    .join('\n');
}
