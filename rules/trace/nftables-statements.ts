import type { Address } from '../model.ts';
import { parseValues, type Values } from './nftables-values.ts';

/** One part of a rule: what it asks of a packet, or does to it. */
export type Statement =
  | { readonly kind: 'match'; readonly fields: readonly Field[]; readonly not: boolean; readonly in: Values }
  | { readonly kind: 'marked'; readonly mask: number; readonly not: boolean; readonly value: number }
  | { readonly kind: 'verdict map'; readonly by: Choice; readonly in: Values }
  | { readonly kind: 'verdict'; readonly verdict: string }
  | { readonly kind: 'mark'; readonly operator: '|' | '^' | '&' | '='; readonly value: number }
  | { readonly kind: 'remember'; readonly set: string }
  | { readonly kind: 'masquerade'; readonly effect: string }
  | { readonly kind: 'dnat'; readonly to: Target }
  | { readonly kind: 'dnat map'; readonly by: Choice; readonly in: Values }
  | { readonly kind: 'nothing' }
  /** Nobody can tell what it and all behind it do. */
  | { readonly kind: 'unknown'; readonly text: string };

/** What decides where a map leads to: what the packet is, or chance of 1 in so many. */
export type Choice = { readonly fields: readonly Field[] } | { readonly chances: number };

/** A new destination; undefined: the port stays as it is. */
export interface Target {
  readonly address: Address;
  readonly port: number | undefined;
}

/** What a packet is asked for, as nft spells it. */
export type Field = (typeof FIELDS)[number];

const FIELDS = [
  'ip saddr',
  'ip daddr',
  'ip6 saddr',
  'ip6 daddr',
  'ip protocol',
  'ip6 nexthdr',
  'meta l4proto',
  'meta nfproto',
  'th sport',
  'th dport',
  'tcp sport',
  'tcp dport',
  'udp sport',
  'udp dport',
  'sctp sport',
  'sctp dport',
  'iifname',
  'iif',
  'oifname',
  'oif',
  'ct state',
  'ct status',
  'fib saddr type',
  'fib daddr type',
] as const;

const KNOWN_FIELDS: ReadonlySet<string> = new Set(FIELDS);
const FIELD = /^(?:fib [sd]addr type|[io]ifname|[io]if|[a-z0-9]+ [a-z0-9]+)(?= )/;
const VALUES = /^(?:\{ [^}]* \}|"[^"]*"|\S+)/;

/** Takes a rule apart, as nft prints it. What is unknown ends the list. */
export function parseRule(rule: string): readonly Statement[] {
  const statements: Statement[] = [];
  let rest = rule.replace(/ ?comment "[^"]*"$/, '');
  while (rest !== '') {
    const [statement, length] = simple(rest) ??
      comparison(rest) ?? [{ kind: 'unknown', text: rest }, rest.length];
    statements.push(statement);
    rest = rest.slice(length).trimStart();
  }
  return statements;
}

/** `10.244.0.5:8080`, `[fd00::5]:8080`, `10.244.0.5 . 8080`, or an address alone. */
export function parseTarget(text: string): Target | undefined {
  const [, bracketed, bracketedPort, ipv4, ipv4Port, ipv6, ipv6Port] =
    /^(?:\[([\da-f:.]+)\](?::(\d+))?|([\d.]+)(?:(?::| \. )(\d+))?|([\da-f:.]+)(?: \. (\d+))?)$/.exec(text) ??
    [];
  const address = (bracketed ?? ipv4 ?? ipv6) as Address | undefined;
  const port = bracketedPort ?? ipv4Port ?? ipv6Port;
  return address && { address, port: port === undefined ? undefined : Number(port) };
}

type Parsed = readonly [statement: Statement, length: number];
type Pattern = readonly [RegExp, (...groups: string[]) => Statement | undefined];

const PATTERNS: readonly Pattern[] = [
  [
    /^((?:goto|jump) \S+|accept|drop|return|continue)(?= |$)/,
    (verdict = '') => ({ kind: 'verdict', verdict }),
  ],
  [
    /^reject(?: with (?:tcp reset|icmp(?:v6|x)?(?: type)? \S+))?(?= |$)/,
    () => ({ kind: 'verdict', verdict: 'reject' }),
  ],
  [/^counter(?: packets \d+ bytes \d+| name \S+)?(?= |$)/, () => ({ kind: 'nothing' })],
  [
    /^log(?: (?:prefix "[^"]*"|level \w+|group \d+|flags [\w, ]+?|snaplen \d+|queue-threshold \d+))*(?= |$)/,
    () => ({ kind: 'nothing' }),
  ],
  [/^(?:update|add) @(\S+) \{ [^}]* \}/, (set = '') => ({ kind: 'remember', set })],
  [
    /^(?:meta )?mark set (?:meta )?mark (\||\^|&|or|xor|and) (0x[\da-f]+)(?= |$)/,
    (operator = '', value) => ({ kind: 'mark', operator: OPERATORS[operator] ?? '=', value: Number(value) }),
  ],
  [
    /^(?:meta )?mark set (0x[\da-f]+)(?= |$)/,
    (value) => ({ kind: 'mark', operator: '=', value: Number(value) }),
  ],
  [
    /^(?:meta )?mark(?: (?:&|and) (0x[\da-f]+))?(?: (==|!=))? (0x[\da-f]+)(?= |$)/,
    (mask, sign, value) => ({
      kind: 'marked',
      mask: Number(mask ?? 0xffff_ffff),
      not: sign === '!=',
      value: Number(value),
    }),
  ],
  [
    /^(?:masquerade|snat(?: ip6?)? to (\S+))(?: to \S+)?(?: (?:random|fully-random|persistent)(?:,[\w,-]+)?)*(?= |$)/,
    (to) => ({ kind: 'masquerade', effect: `the source becomes ${to ?? 'an address of this node'}` }),
  ],
  [
    /^numgen (?:random|inc) mod (\d+) vmap (\{ [^}]* \})/,
    (chances, map = '') => ({ kind: 'verdict map', by: { chances: Number(chances) }, in: parseValues(map) }),
  ],
  [
    /^dnat(?: ip6?)?(?: addr \. port)? to numgen (?:random|inc) mod (\d+) map (\{ [^}]* \})/,
    (chances, map = '') => ({ kind: 'dnat map', by: { chances: Number(chances) }, in: parseValues(map) }),
  ],
  [
    /^dnat(?: ip6?)?(?: addr \. port)? to ((?:[a-z]\S* [a-z]\S*)(?: \. [a-z]\S* [a-z]\S*)*) map (\{ [^}]* \}|@\S+)/,
    (concatenation = '', map = '') => {
      const fields = fieldsOf(concatenation);
      return fields && { kind: 'dnat map', by: { fields }, in: parseValues(map) };
    },
  ],
  [
    /^dnat(?: ip6?)? to (\S+)(?: (?:random|fully-random|persistent))*(?= |$)/,
    (text = '') => {
      const to = parseTarget(text);
      return to && { kind: 'dnat', to };
    },
  ],
];

const OPERATORS: Readonly<Record<string, '|' | '^' | '&'>> = {
  '|': '|',
  or: '|',
  '^': '^',
  xor: '^',
  '&': '&',
  and: '&',
};

function simple(text: string): Parsed | undefined {
  for (const [pattern, make] of PATTERNS) {
    const match = pattern.exec(text);
    const statement = match ? make(...match.slice(1)) : undefined;
    if (match && statement) return [statement, match[0].length];
  }
  return undefined;
}

/** Fields, joined by dots, and what they are compared with or looked up in. */
function comparison(text: string): Parsed | undefined {
  let at = 0;
  const names: string[] = [];
  for (;;) {
    const [name] = FIELD.exec(text.slice(at)) ?? [];
    if (name === undefined) return undefined;
    names.push(name);
    at += name.length + 1;
    if (!text.startsWith('. ', at)) break;
    at += 2;
  }
  const fields = fieldsOf(names.join(' . '));
  const [operator = ''] = /^(?:vmap|==|!=) /.exec(text.slice(at)) ?? [];
  at += operator.length;
  const [values] = VALUES.exec(text.slice(at)) ?? [];
  if (!fields || values === undefined) return undefined;
  const within = parseValues(values);
  // Whether an address is anything but local takes the node's routes to tell.
  if (names.some((name) => name.startsWith('fib ')) && values !== 'local') return undefined;
  const statement: Statement =
    operator === 'vmap '
      ? { kind: 'verdict map', by: { fields }, in: within }
      : { kind: 'match', fields, not: operator === '!= ', in: within };
  return [statement, at + values.length];
}

function fieldsOf(text: string): readonly Field[] | undefined {
  const names = text.split(' . ');
  return names.every((name) => KNOWN_FIELDS.has(name)) ? (names as Field[]) : undefined;
}
