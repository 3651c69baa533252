import { familyOf, parseAddress, parseCidr, prefixLength } from '../../rules/address.ts';
import type { Address, Cidr, Family } from '../../rules/model.ts';
import { FAMILIES } from '../../rules/model.ts';
import type { Json } from './fields.ts';
import { FAMILY_NAMES, given } from './fields.ts';
import type { ObjectProblems } from './problem.ts';

interface SourceRanges {
  readonly of: (family: Family) => readonly Cidr[];
  /**
   * False where nothing is left of the ranges that were given for a family: letting everybody in would be the
   * opposite of what was meant.
   */
  readonly known: (family: Family) => boolean;
}

/** spec.loadBalancerSourceRanges. */
export function readSourceRanges(spec: Json, problems: ObjectProblems): SourceRanges {
  const field = 'spec.loadBalancerSourceRanges';
  const value = spec['loadBalancerSourceRanges'] ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const bad: { readonly at: string; readonly text: unknown; readonly families: readonly Family[] }[] = [];
  const found: Cidr[] = [];
  for (const [i, text] of list.entries()) {
    const cidr = Array.isArray(value) && typeof text === 'string' ? parseCidr(text) : undefined;
    if (cidr) found.push(cidr);
    else bad.push({ at: Array.isArray(value) ? `[${i}]` : '', text, families: familiesMeant(text) });
  }
  const has = (family: Family): boolean => found.some((cidr) => familyOf(cidr) === family);
  const lost = (family: Family): boolean =>
    !has(family) && bad.some(({ families }) => families.includes(family));
  for (const { at, text, families } of bad) {
    const closed = families.filter(lost).map((family) => FAMILY_NAMES[family]);
    const cost =
      closed.length > 0
        ? `${closed.join(' and ')} load balancer addresses are not programmed, as no range is left`
        : 'the range is ignored';
    problems.add(field + at, at === '' ? 'a list of CIDRs' : 'a CIDR such as 192.0.2.0/24', text, cost);
  }
  return {
    known: (family) => !lost(family),
    of: (family) => {
      if (found.length === 0) return NO_RANGES;
      const ranges = found.filter((cidr) => familyOf(cidr) === family);
      return ranges.some((cidr) => prefixLength(cidr) === 0) ? [] : ranges;
    },
  };
}

const NO_RANGES: readonly Cidr[] = [];

/** The families that something which is no CIDR may have been meant for. */
function familiesMeant(text: unknown): readonly Family[] {
  if (typeof text !== 'string') return FAMILIES;
  if (text.includes(':')) return ['ipv6'];
  return /^[\s\d./,;-]+$/.test(text) ? ['ipv4'] : FAMILIES;
}

/** The addresses that a load balancer got and that nodes serve. */
export function readIngress(raw: Json, problems: ObjectProblems): readonly Address[] {
  const cost = 'no load balancer address is programmed';
  const status = problems.object(raw['status'], 'status', cost);
  const balancer = problems.object(status['loadBalancer'], 'status.loadBalancer', cost);
  const list = problems.list(balancer['ingress'], 'status.loadBalancer.ingress', cost);
  const found = new Set<Address>();
  for (const [i, item] of list.entries()) {
    const field = `status.loadBalancer.ingress[${i}]`;
    const entry = problems.object(item, field, 'the address is ignored');
    const ip = given(entry['ip']);
    const ipMode = given(entry['ipMode']) ?? 'VIP';
    // A host name alone is for DNS; with ipMode Proxy the load balancer speaks to node ports itself.
    if (ip === undefined || ipMode === 'Proxy') continue;
    const address = typeof ip === 'string' ? parseAddress(ip) : undefined;
    if (address === undefined) {
      problems.add(`${field}.ip`, 'an IP address', ip, 'the address is ignored');
    } else if (ipMode !== 'VIP') {
      problems.add(`${field}.ipMode`, 'VIP or Proxy', ipMode, 'the address is ignored');
    } else {
      found.add(address);
    }
  }
  return [...found];
}
