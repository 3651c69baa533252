import { isLoopback, parseAddress } from '../../../rules/address.ts';
import type { Address, Family } from '../../../rules/model.ts';
import type { Host, Packet } from '../../../rules/trace/packet.ts';
import type { Trace } from '../../../rules/trace/trace.ts';
import type { Settings } from '../../config/settings.ts';
import { UsageError } from '../../config/usage.ts';
import { type Answer, answerOf } from './answer.ts';
import type { KnownCluster } from './cluster.ts';
import type { Route } from './live-rules.ts';
import { isNodes, type NodeView, nodeView } from './node-view.ts';
import type { From } from './operands.ts';
import type { FoundPod } from './pods.ts';
import { ofFamily, type Question } from './questions.ts';
import type { RuleSource } from './rule-source.ts';
import type { Tracer } from './rules.ts';
import { nodeSender, podSender, type Sender, senderAt, someClient, somePod } from './senders.ts';
import { serviceAt } from './service-at.ts';

export interface InvestigationOptions {
  readonly settings: Settings;
  readonly cluster: KnownCluster | undefined;
  readonly rules: RuleSource;
  readonly from: From | undefined;
  /** Where `from` is a Pod. */
  readonly pod: FoundPod | undefined;
  /** The interface that packets from elsewhere come in by; empty: to be found out. */
  readonly interface: string;
  /** Asks the kernel for its routes, where the rules are the kernel's. */
  readonly route: ((address: Address) => Promise<Route | undefined>) | undefined;
}

/** Sends packets through rules and puts what becomes of them into words. */
export class Investigation {
  readonly #options: InvestigationOptions;
  readonly #tracers = new Map<Family, Tracer>();
  readonly #views = new Map<Family, NodeView>();
  readonly #routes = new Map<Address, Route | undefined>();

  constructor(options: InvestigationOptions) {
    this.#options = options;
  }

  view(family: Family): NodeView {
    const { settings, cluster, rules } = this.#options;
    const view = this.#views.get(family) ?? nodeView(family, settings, cluster, rules.localAddresses);
    this.#views.set(family, view);
    return view;
  }

  tracer(family: Family): Tracer {
    const tracer = this.#tracers.get(family) ?? this.#options.rules.tracer(family);
    this.#tracers.set(family, tracer);
    return tracer;
  }

  /** @throws UsageError where the sender has no address of the family */
  async answer(question: Question): Promise<Answer> {
    const view = this.view(question.family);
    const { cluster } = this.#options;
    const way = cluster && serviceAt(question, view, cluster);
    const sender = await this.#sender(question, view);
    const packet: Packet = {
      source: sender.address,
      sourcePort: SOURCE_PORT,
      destination: question.address,
      port: question.port,
      protocol: question.protocol,
      from: sender.kind === 'node' ? undefined : await this.#interface(sender, view),
    };
    const trace = await this.#trace(packet, view);
    const notes = this.#isLocalityDoubtful(trace, view) ? [LOCALITY_NOTE] : [];
    return answerOf(
      sender,
      trace,
      { packet, mode: this.tracer(question.family).mode, view, cluster, way },
      notes,
    );
  }

  async #sender(question: Question, view: NodeView): Promise<Sender> {
    const { from, pod, cluster } = this.#options;
    const { servicePort, family, address } = question;
    switch (from?.kind) {
      case 'address':
        return senderAt(from.address, view, cluster);
      case 'pod': {
        const own = pod && ofFamily(pod.addresses, family);
        if (!own)
          throw new UsageError(`Pod ${pod?.pod} has no ${family === 'ipv6' ? 'IPv6' : 'IPv4'} address`);
        return podSender({ ...pod, address: own }, view);
      }
      case undefined:
        if (servicePort)
          return servicePort.clusterIP === address ? somePod(servicePort, view) : someClient(servicePort);
    }
    return nodeSender(await this.#ownSource(address, view), view);
  }

  /** The kernel sends what is for one of its own addresses from that very address. */
  async #ownSource(to: Address, view: NodeView): Promise<Address> {
    if (isNodes(view, to) || this.tracer(view.family).serviceAddresses.includes(to)) return to;
    const { source = '' } = (await this.#route(to)) ?? {};
    return parseAddress(source) ?? view.address;
  }

  async #interface({ kind, address }: Sender, view: NodeView): Promise<string> {
    if (this.#options.interface !== '') return this.#options.interface;
    const route = await this.#route(address);
    if (route?.interface !== undefined) return route.interface;
    const detector = view.settings?.localDetector;
    if (detector?.kind === 'bridge') return kind === 'pod' ? detector.interface : NOT_OF_PODS;
    if (detector?.kind === 'prefix') return kind === 'pod' ? `${detector.prefix}0` : NOT_OF_PODS;
    return '';
  }

  async #trace(packet: Packet, view: NodeView): Promise<Trace> {
    const tracer = this.tracer(view.family);
    const host: Host = {
      localAddresses: view.localAddresses,
      interfaceTo: (destination) => this.#routes.get(destination)?.interface,
    };
    const trace = tracer.trace(packet, host);
    // Rules about outgoing interfaces: only now it is known where packets go.
    if (!this.#options.route || !trace.some(({ steps }) => steps.some(({ doubt }) => doubt))) return trace;
    for (const { destination } of trace) await this.#route(destination);
    return tracer.trace(packet, host);
  }

  async #route(address: Address): Promise<Route | undefined> {
    if (!this.#options.route || isLoopback(address)) return undefined;
    if (!this.#routes.has(address)) this.#routes.set(address, await this.#options.route(address));
    return this.#routes.get(address);
  }

  /** Nothing is known of the node's addresses, and what was asked about may be one of them. */
  #isLocalityDoubtful(trace: Trace, view: NodeView): boolean {
    return !view.isAddressKnown && trace.some(({ verdict }) => verdict === 'pass');
  }
}

/** Any will do: no rule of a proxy looks at it. */
const SOURCE_PORT = 40_000;
/** Some interface that is none of the Pods'. */
const NOT_OF_PODS = 'uplink';
const LOCALITY_NOTE =
  'the addresses of the node are not known: with --local-addresses its node ports are explained too';
