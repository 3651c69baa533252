import { familyOf } from '../../../rules/address.ts';
import type { SavedTable } from '../../../rules/iptables/save.ts';
import { type Address, FAMILIES, type Family, type ServicePort } from '../../../rules/model.ts';
import { listCluster } from '../../cluster/api.ts';
import type { Connection } from '../../cluster/connection.ts';
import { ClusterError } from '../../cluster/errors.ts';
import type { Settings } from '../../config/settings.ts';
import { readLocalAddresses } from '../../dataplane/addresses.ts';
import { DataplaneError } from '../../dataplane/dataplane.ts';
import { ExecError } from '../../dataplane/exec.ts';
import { type Backend, IptablesTools } from '../../dataplane/iptables/tools.ts';
import type { Context } from '../../desired-state.ts';
import { givenAddresses, nodeFacts, proxySettings } from '../../node-facts.ts';
import type { LostClaim } from '../../tracker/claims.ts';
import { ANSWER_MS, ApiReader } from '../api-reader.ts';
import { connect } from '../cluster.ts';
import { readFilesInto } from '../objects.ts';
import { NotAllowed, NotKnown } from './check.ts';
import { podsInFiles } from './cluster/pod-files.ts';
import { type PodView, viewPod } from './cluster/pod-view.ts';
import { type ServiceView, type SliceView, viewService, viewSlice } from './cluster/views.ts';
import { Witness } from './cluster/witness.ts';
import { type Bridge, readBridges } from './node/bridges.ts';
import { type Proxies, readProxies } from './node/proxies.ts';
import type { Ports } from './ports.ts';
import { type Target, targetText } from './target.ts';

export interface Question {
  readonly settings: Settings;
  readonly target: Target | undefined;
  /** Node checks are left out. */
  readonly offline: boolean;
  /** Empty: look for the cluster's DNS Service. */
  readonly dnsAddress: string;
  readonly clusterDomain: string;
}

/** A ServicePort with the destinations that an older one took from it. */
export interface Resolved {
  readonly servicePort: ServicePort;
  readonly lost: readonly LostClaim[];
}

/** All that checks look at. Each fact is gathered once, when the first check asks for it. */
export class Facts {
  readonly question: Question;
  readonly settings: Settings;
  readonly ports: Ports;
  /** Aborts when there is nothing left to find out. */
  readonly signal: AbortSignal;
  readonly #gathered = new Map<string, unknown>();
  /** Why the API server need not be asked again. */
  #unreachable: string | undefined;

  constructor(question: Question, ports: Ports, signal: AbortSignal) {
    this.question = question;
    this.settings = question.settings;
    this.ports = ports;
    this.signal = signal;
  }

  /** The way to the API server. @throws NotKnown, ClusterError */
  connection(): Promise<Connection> {
    return this.once('connection', async () => {
      if (this.settings.from.length > 0) throw new NotKnown('objects are read from files (--from)');
      const connection = await connect(this.settings);
      this.signal.addEventListener('abort', () => connection.close());
      return connection;
    });
  }

  /** @throws NotKnown, ClusterError */
  api(): Promise<ApiReader> {
    return this.once('api', async () => new ApiReader(await this.connection(), this.signal));
  }

  /** Everything that the node's rules depend on. @throws NotKnown, UsageError */
  cluster(): Promise<Witness> {
    return this.once('cluster', async () => {
      const witness = new Witness(this.settings.nodeName);
      if (this.settings.from.length > 0) readFilesInto(witness, this.settings.from);
      else await this.#list(witness);
      return witness;
    });
  }

  async #list(witness: Witness): Promise<void> {
    try {
      await listCluster({
        connection: await this.connection(),
        sink: witness,
        nodeName: this.settings.nodeName,
        serviceCIDRs: this.settings.mode === 'nftables',
        logger: { info: () => {}, debug: () => {}, warn: () => {} },
        signal: this.signal,
        timing: { answerMs: ANSWER_MS, retryAfterMaxMs: 1_000 },
      });
    } catch (error) {
      if (error instanceof ClusterError) throw this.#withoutAnswer(error);
      throw error;
    }
  }

  /** The Service that was asked about. @throws NotKnown */
  async service(): Promise<ServiceView> {
    const found = await this.findService();
    if (found) return found;
    throw new NotKnown('there is no such Service');
  }

  /** undefined: there is none of that name. @throws NotKnown */
  findService(): Promise<ServiceView | undefined> {
    return this.once('service', async () => {
      const { namespace, name } = this.#target();
      if (this.settings.from.length > 0) return (await this.cluster()).services.get(`${namespace}/${name}`);
      const query = { fieldSelector: `metadata.name=${name}` };
      const items = await this.#items(`/api/v1/namespaces/${namespace}/services`, query, 'Services');
      return items.map(viewService).find((view) => view?.name === name);
    });
  }

  /** Of the Service that was asked about. @throws NotKnown */
  slices(): Promise<readonly SliceView[]> {
    return this.once('slices', async () => {
      const target = this.#target();
      if (this.settings.from.length > 0) return (await this.cluster()).slices.get(targetText(target)) ?? [];
      const path = `/apis/discovery.k8s.io/v1/namespaces/${target.namespace}/endpointslices`;
      const query = { labelSelector: `kubernetes.io/service-name=${target.name}` };
      const items = await this.#items(path, query, 'EndpointSlices');
      return items.map(viewSlice).filter((view) => view !== undefined);
    });
  }

  /** Those that the Service selects. @throws NotKnown also where they may not be read */
  pods(): Promise<readonly PodView[]> {
    return this.once('pods', async () => {
      const { namespace, selector } = await this.service();
      const labels = Object.entries(selector);
      if (labels.length === 0) throw new NotKnown('the Service has no selector');
      if (this.settings.from.length > 0) {
        const pods = podsInFiles(this.settings.from).map(viewPod);
        const isSelected = (pod: PodView): boolean =>
          pod.namespace === namespace && labels.every(([key, value]) => pod.labels[key] === value);
        return pods.filter((pod) => pod !== undefined).filter(isSelected);
      }
      const labelSelector = labels.map(([key, value]) => `${key}=${value}`).join(',');
      const items = await this.#items(`/api/v1/namespaces/${namespace}/pods`, { labelSelector }, 'Pods');
      return items.map(viewPod).filter((view) => view !== undefined);
    });
  }

  /** What rules are made of, of all Services. @throws NotKnown */
  everyServicePort(): Promise<readonly Resolved[]> {
    return this.once('everyServicePort', async () => {
      const witness = await this.cluster();
      return FAMILIES.flatMap((family) =>
        [...witness.servicePortKeys(family)].map((key) => witness.resolve(family, key)),
      ).filter((resolved) => resolved !== undefined);
    });
  }

  /** The same for the Service that was asked about, or for all where none was. @throws NotKnown */
  async servicePorts(): Promise<readonly ServicePort[]> {
    const { target } = this.question;
    return (await this.everyServicePort())
      .map(({ servicePort }) => servicePort)
      .filter(
        ({ namespace, service }) =>
          target === undefined || (namespace === target.namespace && service === target.name),
      );
  }

  /** What rules of a family depend on besides Services, as this machine is. @throws NotKnown */
  async context(family: Family): Promise<Pick<Context, 'node' | 'settings'>> {
    const witness = await this.cluster();
    const given = this.settings.localAddresses;
    const node = nodeFacts(family, this.settings, {
      node: witness.node,
      localAddresses: given ? givenAddresses(given) : await this.ownAddresses(),
      serviceCIDRs: witness.serviceCIDRs(family),
    });
    return {
      node,
      settings: proxySettings(family, this.settings, node, { nfacct: true, randomFully: true }),
    };
  }

  /** IP families that this node has addresses of; both where that is not known. */
  async families(): Promise<readonly Family[]> {
    const { ipFamily } = this.settings;
    if (ipFamily !== undefined) return [ipFamily];
    const node = await this.cluster().then(
      (witness) => witness.node,
      () => undefined,
    );
    const own = FAMILIES.filter((family) => node?.nodeIPs.some((address) => familyOf(address) === family));
    return own.length > 0 ? own : FAMILIES;
  }

  /** Addresses of this machine's interfaces. @throws NotKnown */
  ownAddresses(): Promise<readonly Address[]> {
    return this.once('ownAddresses', () => this.tool(() => readLocalAddresses(this.ports.exec, this.signal)));
  }

  /** Resolves where this machine is the node and may be looked at. @throws NotKnown */
  onNode(): Promise<void> {
    return this.once('onNode', async () => {
      if (this.question.offline) throw new NotKnown('node checks are off (--offline)');
      const own = await this.cluster().then(
        (witness) => witness.node?.addresses ?? [],
        () => [],
      );
      if (own.length === 0) return;
      const here = new Set<string>(await this.ownAddresses().catch(() => own));
      if (own.some((address) => here.has(address))) return;
      const node = this.settings.nodeName;
      throw new NotKnown(`this is not Node ${node}: no interface here has its address ${own[0]}`);
    });
  }

  /** What iptables-save prints. @throws NotKnown where the tool is missing, or this process lacks the right */
  saved(backend: Backend, family: Family): Promise<readonly SavedTable[]> {
    return this.once(`saved ${backend} ${family}`, () =>
      this.tool(() => new IptablesTools(family, backend, this.ports.exec).save(this.signal)),
    );
  }

  /** Bridges that Pods of this node hang on. @throws NotKnown */
  bridges(): Promise<readonly Bridge[]> {
    return this.once('bridges', async () => {
      const { node } = await this.cluster().catch(() => ({ node: undefined }));
      const networks = [...(node?.podCIDRs ?? []), ...this.settings.config.clusterCIDR];
      return await this.tool(() => readBridges(networks, this.ports, this.signal));
    });
  }

  proxies(): Promise<Proxies> {
    return this.once('proxies', async () => readProxies(this.ports));
  }

  /** Does something with a tool. What the tool cannot do here is not known. @throws NotKnown */
  async tool<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof DataplaneError || error instanceof ExecError) {
        if (isForRoot(error.message)) throw new NotAllowed(`${error.message.split(':')[0]} needs root`);
        throw new NotKnown(error.message);
      }
      throw error;
    }
  }

  /** Gathers something once, whoever asks. */
  once<T>(name: string, gather: () => Promise<T>): Promise<T> {
    const known = this.#gathered.get(name);
    if (known !== undefined) return known as Promise<T>;
    const gathered = gather();
    this.#gathered.set(name, gathered);
    return gathered;
  }

  #target(): Target {
    if (this.question.target) return this.question.target;
    throw new NotKnown('no Service was named');
  }

  async #items(path: string, query: Readonly<Record<string, string>>, what: string) {
    if (this.#unreachable !== undefined) throw new NotKnown(this.#unreachable);
    const answer = await this.api()
      .then((api) => api.get(path, query))
      .catch((error: unknown) => {
        throw error instanceof ClusterError ? this.#withoutAnswer(error) : error;
      });
    if (answer.status === 200) return answer.items;
    const why = answer.status === 403 ? 'not allowed to list' : `the API server answers ${answer.status} for`;
    throw new NotKnown(`${why} ${what} in that namespace`);
  }

  /** Why nothing is known. Who waits for an answer once waits long enough: other questions are not asked then. */
  #withoutAnswer({ code, message }: ClusterError): NotKnown {
    // Another check says it in full.
    const why = OF_ITS_OWN.includes(code) ? UNREADABLE : `${UNREADABLE}: ${message}`;
    if (code === 'unreachable') this.#unreachable = why;
    return new NotKnown(why);
  }
}

const OF_ITS_OWN: readonly ClusterError['code'][] = ['config', 'unreachable', 'unauthorized'];
/** Why checks are skipped that need what the API server does not tell. */
export const UNREADABLE = 'the cluster cannot be read';

function isForRoot(message: string): boolean {
  return /permission denied|not permitted|must be root|superuser|root privileges/i.test(message);
}
