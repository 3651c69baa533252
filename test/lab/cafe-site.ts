import { FAMILIES, type Family } from '../../rules/model.ts';
import type { Mode } from '../../src/config/settings.ts';
import { type ApiServer, startApiServer } from '../apiserver/server.ts';
import { ApiGate } from './api-gate.ts';
import {
  CAFE_SERVICES,
  type CafeEndpoint,
  type CafePod,
  type CafeService,
  cafeCluster,
  cafeSlices,
  INGRESS_NODE_PORT,
  ingressBalancerIP,
  TLS_PORT,
} from './cafe-cluster.ts';
import { CafeGuests, type Entrance } from './cafe-guests.ts';
import type { Nginx } from './cafe-nginx.ts';
import { CafePods } from './cafe-pods.ts';
import { COMPILE_CACHE } from './compile-cache.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { Lab } from './lab.ts';
import type { ApiObject } from './manifest.ts';
import { ADDRESSES } from './topology.ts';

/** ms; an emulated processor takes its time. */
const PATIENCE_MS = 180_000;

/** Node ports, the load balancer's address (of both families), and the node's own network. */
export const ENTRANCES = {
  nodePort: { name: 'NodePort', address: ADDRESSES.ipv4.node, port: INGRESS_NODE_PORT },
  balancer: { name: 'LoadBalancer', address: ingressBalancerIP('ipv4'), port: TLS_PORT },
  balancerIPv6: { name: 'LoadBalancer, IPv6', address: ingressBalancerIP('ipv6'), port: TLS_PORT },
  hostNetwork: { name: 'hostNetwork', address: ADDRESSES.ipv4.node, port: TLS_PORT },
} as const satisfies Record<string, Entrance>;

export const ALL_ENTRANCES: readonly Entrance[] = Object.values(ENTRANCES);

export interface CafeOptions {
  /**
   * How long it takes to pour a pot, which is to last longer than taking an endpoint away.
   * @default 3
   */
  readonly potSeconds?: number;
}

/**
 * The cafe: cafe.example.com with its tea and coffee behind cluster IPs, nginx as ingress controller in front of them
 * in the three classic ways, everything programmed by a Fairlead that follows an API server, and guests who never
 * stop asking.
 */
export class CafeSite implements AsyncDisposable {
  readonly lab: Lab;
  readonly api: ApiServer;
  readonly mode: Mode;
  readonly fairlead: FairleadProcess;
  readonly #pods: CafePods;
  #guests: CafeGuests | undefined;
  readonly #resources: AsyncDisposableStack;

  /** Builds it all; when this resolves, the doors are open, and nobody has come yet. */
  static async open(mode: Mode, { potSeconds = 3 }: CafeOptions = {}): Promise<CafeSite> {
    await using resources = new AsyncDisposableStack();
    const lab = resources.use(await Lab.create());
    const pods = resources.use(await CafePods.create(lab, potSeconds));
    const api = await startApiServer();
    resources.defer(() => api.close());
    for (const object of cafeCluster()) api.put(object);
    const gate = resources.use(await ApiGate.open(lab, api));
    const initial = new Set<CafePod>(Object.values(CAFE_SERVICES).flat());
    await Promise.all([...[...initial].map((pod) => pods.start(pod)), pods.startOnNode()]);

    const config = await lab.file('config.yaml', labConfiguration());
    const flags = ['--config', config, '--kubeconfig', gate.kubeconfig, '--proxy-mode', mode];
    const fairlead = resources.use(new FairleadProcess(lab.node, flags, COMPILE_CACHE));
    await fairlead.until('the first sync', () => isSynced(fairlead, 0), PATIENCE_MS);
    return new CafeSite({ lab, api, mode, fairlead, pods, resources: resources.move() });
  }

  private constructor(parts: {
    lab: Lab;
    api: ApiServer;
    mode: Mode;
    fairlead: FairleadProcess;
    pods: CafePods;
    resources: AsyncDisposableStack;
  }) {
    this.lab = parts.lab;
    this.api = parts.api;
    this.mode = parts.mode;
    this.fairlead = parts.fairlead;
    this.#pods = parts.pods;
    this.#resources = parts.resources;
  }

  /** The clients outside; they come at first use. */
  get guests(): CafeGuests {
    const { outside } = this.lab;
    this.#guests ??= this.#resources.use(new CafeGuests(outside, this.#pods.certificate, ALL_ENTRANCES));
    return this.#guests;
  }

  start(pod: CafePod): Promise<Nginx> {
    return this.#pods.start(pod);
  }

  /** The nginx of a Pod that has been started, or of the node's own network. */
  nginx(pod: CafePod | 'host'): Nginx {
    return this.#pods.nginx(pod);
  }

  /** Changes who is behind a Service, and waits until both families are programmed. */
  change(service: CafeService, endpoints: readonly CafeEndpoint[]): Promise<void> {
    return this.put(cafeSlices(service, endpoints));
  }

  /** Puts objects that change what both families have, and waits until that is programmed. */
  async put(objects: readonly ApiObject[]): Promise<void> {
    const before = this.fairlead.log.length;
    for (const object of objects) this.api.put(object);
    await this.fairlead.until('the change', () => isSynced(this.fairlead, before), PATIENCE_MS);
  }

  /** All rules of a family as the mode's tools print them, without counters. */
  async rules(family: Family): Promise<string> {
    const { node } = this.lab;
    const save = family === 'ipv6' ? 'ip6tables-nft-save' : 'iptables-nft-save';
    const table = ['table', family === 'ipv6' ? 'ip6' : 'ip', 'kube-proxy'];
    const commands: Readonly<Record<Mode, readonly (readonly string[])[]>> = {
      iptables: [[save]],
      nftables: [['nft', '-s', 'list', ...table]],
      ipvs: [[save], ['ipvsadm', '-Sn'], ['ipset', 'save']],
    };
    const texts = await Promise.all(commands[this.mode].map((command) => node.run(command)));
    return texts
      .join('')
      .replace(/^#.*\n/gm, '')
      .replace(/ \[\d+:\d+\]$/gm, '');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** Whether both families have been programmed since so many lines of the log. */
function isSynced(fairlead: FairleadProcess, since: number): boolean {
  const records = fairlead.log.slice(since);
  return FAMILIES.every((family) =>
    records.some((record) => record.msg === 'synced' && record['family'] === family),
  );
}
