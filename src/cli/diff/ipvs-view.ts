import type { Ruleset } from '../../../rules/fragment.ts';
import { DRIFT } from '../../../rules/ipvs/adopt.ts';
import {
  hostOf,
  isDraining,
  portOf,
  serverOf,
  serviceArguments,
  splitKey,
  splitWord,
} from '../../../rules/ipvs/objects.ts';
import { planIpvs } from '../../../rules/ipvs/plan.ts';
import type { ServicePortKey } from '../../../rules/model.ts';
import type { Ledger } from '../../dataplane/dataplane.ts';
import { chainView, essence, ruleView } from './iptables-view.ts';
import type { Attribution, ObjectView, ViewOf } from './view.ts';

/** ipvs mode: everything is shown as ipvsadm -Sn, ipset save and iptables-save print it. */
export const ipvsView: ViewOf = (_, ruleset, { ledger }) => ({
  plan: planIpvs,
  isSame: () => false,
  essence,
  drift: DRIFT,
  driftNote: 'has rules twice, or that no iptables has written: it would be written anew',
  uncovered: new Map(),
  // A plan lets endpoints drain, which is not what they are desired to be.
  desired: (key, wanted) => (key.startsWith('virtual ') ? wanted.text(key) : undefined),
  actual: (key, desired) => settled(ledger, key, desired),
  show,
  attribute: attribution(ruleset, ledger),
});

/** What is there, without servers that only finish what they have begun. */
function settled(ledger: Ledger, key: string, desired: string | undefined): string | undefined {
  const { kind, rest } = splitKey(key);
  if (kind === 'stranger') return undefined;
  if (kind !== 'virtual') return ledger.get(key);
  const text = ledger.get(key) ?? ledger.get(`stranger ${rest}`);
  if (text === undefined || desired === undefined) return text;
  const wanted = new Set(desired.split('\n').slice(1).map(serverOf));
  const lines = text.split('\n');
  return lines.filter((line, i) => i === 0 || !isDraining(line) || wanted.has(serverOf(line))).join('\n');
}

function show(key: string): ObjectView | undefined {
  const { kind, rest } = splitKey(key);
  const [first, more] = splitWord(rest);
  switch (kind) {
    case 'virtual': {
      const service = serviceArguments(rest);
      return {
        ...single('ipvsadm', undefined),
        lines: (text) => text.split('\n'),
        print: (line) => `${line.startsWith('-r ') ? '-a' : '-A'} ${service} ${line}`,
      };
    }
    case 'set':
      return {
        ...single('ipset', undefined),
        lines: (text) => [text],
        print: (line) => `create ${first} ${line}`,
      };
    case 'entry':
      return single('ipset', `add ${rest}`);
    case 'address':
      return single('kube-ipvs0', rest);
    case 'chain':
      return chainView(first, more);
    case 'rule': {
      const [chain, rule] = splitWord(more);
      return ruleView(first, chain, rule);
    }
    case 'stranger':
      return undefined;
  }
}

function single(place: string, head: string | undefined): ObjectView {
  return { place, head, headAlways: false, lines: () => [], print: (line) => line };
}

/** Nothing here names a Service: by the address of one that is known, else by the address or the node port alone. */
function attribution(
  ruleset: Ruleset,
  ledger: Ledger,
): (key: string, text: string) => Attribution | undefined {
  let endpoints: ReadonlyMap<string, string> | undefined;
  const at = (address: string): string => {
    const owner = ruleset.owner(`address ${address}`);
    return owner === undefined ? `address ${address}` : `${serviceOf(owner)} at ${address}`;
  };
  const labelOf = (key: string): string | undefined => {
    const { kind, rest } = splitKey(key);
    const [first, more] = splitWord(rest);
    if (kind === 'address') return at(rest);
    if (kind === 'virtual') {
      const address = hostOf(more);
      // Whoever listens at no address of kube-ipvs0 is a node port.
      return ledger.has(`address ${address}`) ? at(address) : `node port ${portOf(more)}/${first}`;
    }
    if (kind !== 'entry') return undefined;
    if (/^\d+$/.test(more)) {
      const owner = ruleset.owner(`entry ${first.replace('-LOCAL', '')} ${more}`);
      return owner ?? `node port ${more}/${first.endsWith('UDP') ? 'udp' : 'tcp'}`;
    }
    const [, address = '', protocol, port] = /^([^,]+)(?:,(\w+):(\d+))?/.exec(more) ?? [];
    const server = `${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;
    if (!first.endsWith('LOOP-BACK')) return ruleset.owner(`virtual ${server}`) ?? at(address);
    endpoints ??= endpointsIn(ledger);
    const virtual = endpoints.get(server);
    return virtual === undefined ? undefined : (ruleset.owner(virtual) ?? labelOf(virtual));
  };
  return (key) => {
    const label = labelOf(key);
    if (label === undefined) return undefined;
    return { label, isServicePort: ruleset.fragment(label as ServicePortKey) !== undefined };
  };
}

/** A virtual server's key for each endpoint that one has. */
function endpointsIn(ledger: Ledger): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [key, text] of ledger) {
    if (!key.startsWith('virtual ')) continue;
    const [protocol] = splitWord(splitKey(key).rest);
    for (const line of text.split('\n').slice(1)) found.set(`${protocol} ${serverOf(line)}`, key);
  }
  return found;
}

function serviceOf(servicePort: string): string {
  return servicePort.slice(0, servicePort.lastIndexOf('/')).replace(/:.*/, '');
}
