import { hostCidr } from '../address.ts';
import type { Fragment, KernelObject } from '../fragment.ts';
import type { Endpoint, ServicePort } from '../model.ts';
import { endpointText } from '../model.ts';
import { ENDPOINT_CHAIN_PREFIX, endpointChain } from '../names.ts';
import { chainKey } from './chains.ts';
import { commentMatch, FULL_MASK } from './spelling.ts';

/** The KUBE-SEP chains of the endpoints that a ServicePort's other chains lead to. */
export class EndpointChains {
  readonly #objects = new Map<Endpoint, KernelObject>();
  readonly #servicePort: ServicePort;
  readonly #comments: boolean;

  /**
   * @param before what the same ServicePort was compiled to: of thousands of endpoints, all but one were there, and
   *   hashes, texts and the memory that they take are not needed again
   */
  constructor(
    servicePort: ServicePort,
    endpoints: readonly Endpoint[],
    { comments, before = [] }: { readonly comments: boolean; readonly before?: Fragment | undefined },
  ) {
    this.#servicePort = servicePort;
    this.#comments = comments;
    const known = byEndpoint(before);
    let isAlike = false;
    for (const endpoint of endpoints) {
      const text = endpointText(endpoint);
      let object = known.get(text);
      if (object && !isAlike) {
        // One tells for all, as they were made together: comments and session affinity come and go for all at once.
        isAlike = this.#make(endpoint, text).text === object.text;
        if (!isAlike) {
          known.clear();
          object = undefined;
        }
      }
      this.#objects.set(endpoint, object ?? this.#make(endpoint, text));
    }
  }

  /** The name of an endpoint's chain. */
  of(endpoint: Endpoint): string {
    const object = this.#objects.get(endpoint);
    if (object) return object.key.slice(KEY_PREFIX.length);
    const text = endpointText(endpoint);
    throw new Error(`${this.#servicePort.name}: ${text} is not among the reachable endpoints`);
  }

  objects(): Iterable<KernelObject> {
    return this.#objects.values();
  }

  #make(endpoint: Endpoint, text: string): KernelObject {
    const { name, protocol, affinitySeconds, family } = this.#servicePort;
    const chain = endpointChain(this.#servicePort, endpoint);
    const what = this.#comments ? `${commentMatch(name)} ` : '';
    const remember =
      affinitySeconds > 0 ? `-m recent --set --name ${chain} --mask ${FULL_MASK[family]} --rsource ` : '';
    const hairpin = `-s ${hostCidr(endpoint.address)} ${what}-j KUBE-MARK-MASQ`;
    const translate = `-p ${protocol} ${what}${remember}-m ${protocol} -j DNAT --to-destination ${text}`;
    return { key: chainKey('nat', chain), text: `${hairpin}\n${translate}` };
  }
}

const KEY_PREFIX = chainKey('nat', '');

/** The endpoints' chains of a fragment, by the destinations that they end with. */
function byEndpoint(fragment: Fragment): Map<string, KernelObject> {
  const found = new Map<string, KernelObject>();
  for (const object of fragment) {
    const { key, text } = object;
    if (key.startsWith(ENDPOINT_CHAIN_PREFIX, KEY_PREFIX.length))
      found.set(text.slice(text.lastIndexOf(' ') + 1), object);
  }
  return found;
}
