import type { Family, Protocol, ServicePortKey } from '../../rules/model.ts';
import type { Mode } from '../config/settings.ts';

/**
 * What the endpoints of src/ui say, as JSON. Times are ms since the epoch by the node's clock, durations ms. Lists
 * that may be long are cut, and have their whole length beside them.
 */

/** `/debug/state`: how the proxy of this node is, and its recent syncs. */
export interface NodeState {
  readonly version: string;
  readonly mode: Mode;
  readonly nodeName: string;
  /** Empty where the Node has none. */
  readonly zone: string;
  /** When this process started, and when it answered. */
  readonly started: number;
  readonly now: number;
  /** Services that are programmed in either family. */
  readonly services: number;
  /** Those being programmed; empty until the first sync can begin. */
  readonly families: readonly FamilyState[];
  /** The last ones of both families that had something to do or failed, oldest first: at most SYNCS_KEPT. */
  readonly syncs: readonly SyncRecord[];
}

/** One IP family. Counts are since the start of the process. */
export interface FamilyState {
  readonly family: Family;
  readonly servicePorts: number;
  /** Summed over all ServicePorts, ready or not. */
  readonly endpoints: number;
  /** Objects that are believed to be in the kernel. */
  readonly objects: number;
  /** Syncs that succeeded, those without anything to do among them. */
  readonly syncs: number;
  readonly failures: number;
  /** Lines of payload that were applied. */
  readonly lines: number;
  /** Lines of payload that put right what somebody else had changed. */
  readonly repaired: number;
  readonly lastRepair: number | undefined;
  /** The last success; undefined: none yet. */
  readonly lastSync: number | undefined;
  /** Why the last sync failed; undefined where it succeeded. */
  readonly failing: SyncFailure | undefined;
  readonly quarantined: Cut<QuarantinedServicePort>;
  readonly contested: Cut<ContestedClaim>;
  /** When somebody else was last found writing our rules again and again; undefined: never. */
  readonly anotherProxy: number | undefined;
}

/** The beginning of a list. */
export interface Cut<T> {
  readonly total: number;
  readonly items: readonly T[];
}

/** A ServicePort whose rules the kernel refuses. Its last good ones stay. */
export interface QuarantinedServicePort {
  readonly servicePort: ServicePortKey;
  readonly message: string;
  /** The refused line of the payload, where the tool named it. */
  readonly line: string | undefined;
  readonly attempts: number;
  readonly retryAt: number;
}

/** A destination that goes to an older Service. */
export interface ContestedClaim {
  readonly servicePort: ServicePortKey;
  readonly winner: ServicePortKey;
  /** `192.0.2.1:80/tcp`, or `node port 30080/tcp`. */
  readonly what: string;
}

export interface SyncFailure {
  /** As fairlead_sync_failures_total has it. */
  readonly code: string;
  readonly message: string;
}

/** One sync: an entry of NodeState.syncs, and the data of each `sync` event of `/debug/events`. */
export interface SyncRecord {
  /** Counts up from 1 with every record of the process. */
  readonly id: number;
  readonly family: Family;
  /** When it ended. */
  readonly at: number;
  readonly duration: number;
  /** Everything was compared with the kernel; false: only what had changed. */
  readonly full: boolean;
  /** ServicePorts that were compiled anew: the first few. */
  readonly servicePorts: Cut<ServicePortKey>;
  /** Lines of payload applied. */
  readonly lines: number;
  /** Of them, what put right somebody else's changes. */
  readonly repaired: number;
  /** Objects that were found in the kernel, where this sync read it. */
  readonly adopted: number | undefined;
  /** Objects in the ledger afterwards. */
  readonly objects: number;
  /** Undefined: it succeeded. */
  readonly failure: SyncFailure | undefined;
}

/** `/debug/sync?id=N`: a sync with what it wrote. */
export interface SyncDetails extends SyncRecord {
  /** What changed in the kernel, by whose it is; the base's and what has no owner any more come last. */
  readonly changes: Cut<ObjectChange>;
  /** As it was given to the mode's tool; cut, or undefined where it was long or is no longer remembered. */
  readonly payload: string | undefined;
}

export interface ObjectChange {
  /** Undefined: the base, or nobody any more. */
  readonly servicePort: ServicePortKey | undefined;
  readonly change: 'written' | 'removed';
  /** For people: a chain, a rule, an element. */
  readonly object: string;
}

/** `/debug/services?search=TEXT&only=trouble&limit=N`: Services in the order of their names. */
export interface ServiceList {
  /** All of them, found or not. */
  readonly services: number;
  readonly found: Cut<ServiceSummary>;
}

export interface ServiceSummary {
  readonly namespace: string;
  readonly name: string;
  /** Without duplicates: `10.96.0.10`, `2001:db8::10`. */
  readonly clusterIPs: readonly string[];
  /** `http 80/tcp`, with a node port `http 80:30080/tcp`. */
  readonly ports: readonly string[];
  /** Of all ServicePorts, each address once, in the family that has more of them. */
  readonly endpoints: { readonly total: number; readonly ready: number; readonly local: number };
  readonly trouble: readonly Trouble[];
}

/** Something about a Service that an operator should look at. */
export type Trouble = 'no endpoints' | 'no local endpoints' | 'quarantined' | 'contested';

/** `/debug/service?namespace=NAMESPACE&name=NAME`. */
export interface ServiceDetails {
  readonly namespace: string;
  readonly name: string;
  /** Empty: there is no such Service, or nothing of it is programmed (headless, ExternalName). */
  readonly servicePorts: readonly ServicePortDetails[];
  /** Syncs that compiled one of its ServicePorts, newest first, as far as they are remembered. */
  readonly syncs: readonly SyncRecord[];
}

/** One ServicePort, and where its packets go. */
export interface ServicePortDetails {
  readonly key: ServicePortKey;
  readonly family: Family;
  /** Empty where the port has none. */
  readonly portName: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** 0: no session affinity. */
  readonly affinitySeconds: number;
  readonly internalPolicy: Policy;
  readonly externalPolicy: Policy;
  /** 0: none. */
  readonly healthCheckNodePort: number;
  /** Where it is quarantined the kernel has its last good rules, and `ways` are what is wanted. */
  readonly quarantined: QuarantinedServicePort | undefined;
  readonly contested: readonly ContestedClaim[];
  readonly ways: readonly Way[];
  readonly endpoints: readonly EndpointDetails[];
}

export type Policy = 'Cluster' | 'Local';

/** One kind of address by which packets reach a ServicePort. */
export interface Way {
  readonly kind: 'cluster IP' | 'node port' | 'external IP' | 'load balancer';
  /** `10.96.0.10:80`, `any node address:30080`. */
  readonly addresses: readonly string[];
  /** Sources that may use it; empty: all. What comes from elsewhere is dropped. */
  readonly sourceRanges: readonly string[];
  /** What becomes of packets, by where they come from. */
  readonly flows: readonly Flow[];
}

export interface Flow {
  /** elsewhere: from anywhere but where other flows of the way are from. */
  readonly from: 'anywhere' | 'elsewhere' | 'Pods' | 'this node' | 'outside';
  /** How its Pods are told from others: `10.244.1.0/24`, `interface cni0`. Empty where that does not matter. */
  readonly sources: string;
  readonly policy: Policy;
  /** What packets go through in the kernel, in order: chains, maps, a virtual server. */
  readonly through: readonly string[];
  /** pass: no rule is about it, and it goes to its destination as it is. */
  readonly verdict: 'endpoints' | 'drop' | 'reject' | 'pass';
  /** Why it is dropped, rejected or let pass, or why just these endpoints, for people. Empty: nothing to explain. */
  readonly reason: string;
  /** Whether the source address becomes this node's. A Pod that reaches itself is always masqueraded. */
  readonly masquerade: Masquerade;
  /** The scheduler of ipvs mode by which an endpoint is chosen, where it does not give all equal shares: `lc`. */
  readonly scheduler: string | undefined;
  /** With their shares of new connections, which are 1 together. Undefined where a scheduler has a mind of its own. */
  readonly endpoints: readonly { readonly endpoint: string; readonly share: number | undefined }[];
}

export interface Masquerade {
  readonly when: 'always' | 'all but Pods' | 'never';
  /** For people. */
  readonly reason: string;
}

export interface EndpointDetails {
  /** `10.244.1.5:8080`. */
  readonly endpoint: string;
  readonly local: boolean;
  readonly nodeName: string | undefined;
  readonly state: 'ready' | 'terminating' | 'not ready';
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

/** Syncs that are remembered. */
export const SYNCS_KEPT = 240;
