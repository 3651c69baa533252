import { FAMILIES, type Family } from '../../rules/model.ts';
import { CAFE_PODS, type CafePod, cafeClusterIP, cafePodAddress, TEA_PORT } from './cafe-cluster.ts';
import { ingressHttp, makeCertificate, Nginx, servingHttp } from './cafe-nginx.ts';
import type { Lab } from './lab.ts';
import { addNamespaces, type Namespace, newPrefix, removeNamespacesSync } from './namespaces.ts';
import { ADDRESSES, NODE_NAME } from './topology.ts';

/** The Pods' namespaces, beside those that every lab has, and the nginx in each of them. */
export class CafePods implements AsyncDisposable {
  readonly certificate: string;
  readonly #key: string;
  readonly #potSeconds: number;
  readonly #lab: Lab;
  readonly #namespaces: ReadonlyMap<CafePod, Namespace>;
  readonly #running = new Map<CafePod | 'host', Nginx>();
  readonly #resources: AsyncDisposableStack;

  static async create(lab: Lab, potSeconds: number): Promise<CafePods> {
    await using failing = new AsyncDisposableStack();
    const resources = failing.use(new AsyncDisposableStack());
    const prefix = newPrefix();
    const remove = () => removeNamespacesSync(prefix);
    process.once('exit', remove);
    resources.defer(() => {
      process.off('exit', remove);
      remove();
    });
    const local = (Object.keys(CAFE_PODS) as CafePod[]).filter((pod) => CAFE_PODS[pod].node === NODE_NAME);
    const added = await addNamespaces(local.map((pod) => `${prefix}-${pod}`));
    const namespaces = new Map(local.flatMap((pod, i) => (added[i] ? [[pod, added[i]] as const] : [])));
    const [key, certificate] = [lab.path('cafe.key'), lab.path('cafe.crt')];
    const pods = new CafePods({ lab, potSeconds, namespaces, key, certificate, resources });
    await Promise.all([
      makeCertificate(key, certificate),
      ...(Object.keys(CAFE_PODS) as CafePod[]).map((pod) => pods.#wire(pod)),
    ]);
    failing.move();
    return pods;
  }

  private constructor(parts: {
    lab: Lab;
    potSeconds: number;
    namespaces: ReadonlyMap<CafePod, Namespace>;
    key: string;
    certificate: string;
    resources: AsyncDisposableStack;
  }) {
    this.#lab = parts.lab;
    this.#potSeconds = parts.potSeconds;
    this.#namespaces = parts.namespaces;
    this.#key = parts.key;
    this.certificate = parts.certificate;
    this.#resources = parts.resources;
  }

  async start(pod: CafePod): Promise<Nginx> {
    const addresses = FAMILIES.map((family) => cafePodAddress(family, pod));
    const http = pod.startsWith('ingress-')
      ? this.#ingress(pod, addresses)
      : servingHttp(pod, addresses, TEA_PORT, { potSeconds: this.#potSeconds });
    return await this.#start(pod, this.#namespace(pod), http);
  }

  /** The ingress controller in the node's own network. */
  async startOnNode(): Promise<Nginx> {
    const addresses = FAMILIES.map((family) => ADDRESSES[family].node);
    return await this.#start('host', this.#lab.node, this.#ingress('ingress-host', addresses));
  }

  nginx(pod: CafePod | 'host'): Nginx {
    const nginx = this.#running.get(pod);
    if (nginx === undefined) throw new Error(`${pod} has not been started`);
    return nginx;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  async #start(name: CafePod | 'host', namespace: Namespace, http: string): Promise<Nginx> {
    const folder = this.#lab.path(`${name}-${this.#running.size}`);
    const nginx = this.#resources.use(await Nginx.start(namespace, folder, http));
    this.#running.set(name, nginx);
    return nginx;
  }

  #ingress(name: string, addresses: readonly string[]): string {
    const tls = { key: this.#key, certificate: this.certificate };
    const services = { tea: cafeClusterIP('ipv4', 'tea-svc'), coffee: cafeClusterIP('ipv4', 'coffee-svc') };
    return ingressHttp(name, addresses, tls, services);
  }

  #namespace(pod: CafePod): Namespace {
    return this.#namespaces.get(pod) ?? this.#lab.otherNode;
  }

  async #wire(pod: CafePod): Promise<void> {
    const namespace = this.#namespaces.get(pod);
    if (!namespace) {
      await this.#lab.otherNode.ip(
        FAMILIES.map((family) => `addr add ${hostAddress(family, pod)} dev lo nodad`),
      );
      return;
    }
    await namespace.sysctl({ 'net.ipv6.conf.default.accept_dad': 0, 'net.ipv6.conf.all.accept_dad': 0 });
    await this.#lab.node.ip([
      `link add ${pod} type veth peer name eth0 netns ${namespace.name}`,
      `link set ${pod} master cni0 up`,
      `link set ${pod} type bridge_slave hairpin on`,
    ]);
    await namespace.ip([
      'link set lo up',
      'link set eth0 up',
      ...FAMILIES.flatMap((family) => {
        const { podCIDR, bridge } = ADDRESSES[family];
        const length = podCIDR.slice(podCIDR.indexOf('/') + 1);
        return [
          `addr add ${cafePodAddress(family, pod)}/${length} dev eth0 nodad`,
          `route add default via ${bridge} dev eth0`,
        ];
      }),
    ]);
  }
}

function hostAddress(family: Family, pod: CafePod): string {
  return `${cafePodAddress(family, pod)}/${ADDRESSES[family].hostLength}`;
}
