import { DRIFT } from '../../../rules/nftables/adopt.ts';
import { isSameText } from '../../../rules/nftables/equality.ts';
import { TABLE } from '../../../rules/nftables/names.ts';
import { linesOf, parseKey, TABLE_KEY } from '../../../rules/nftables/objects.ts';
import { planNftables } from '../../../rules/nftables/plan.ts';
import type { Ledger } from '../../dataplane/dataplane.ts';
import type { Attribution, ObjectView, ViewOf } from './view.ts';

/** nftables mode: everything is shown as nft prints it. */
export const nftablesView: ViewOf = (family, _, { ledger }) => {
  const table = `table ${family === 'ipv6' ? 'ip6' : 'ip'} ${TABLE}`;
  return {
    plan: (ruleset, known) => planNftables(family, ruleset, known),
    isSame: isSameText,
    essence: (line) => line,
    drift: DRIFT,
    driftNote: 'is switched off, belongs to another process, or cannot be listed: it would be made anew',
    uncovered: new Map(),
    show: (key) => (key === TABLE_KEY ? tableView(table, ledger) : objectView(table, key)),
    attribute: attribution(ledger),
  };
};

/** The table is no line of its own where it is as it should be, or comes with the objects in it. */
function tableView(table: string, ledger: Ledger): ObjectView | undefined {
  if (ledger.get(TABLE_KEY) !== DRIFT) return undefined;
  return { place: table, head: undefined, headAlways: false, lines: () => [], print: (line) => line };
}

function objectView(table: string, key: string): ObjectView {
  const { kind, name, element } = parseKey(key);
  if (element === undefined) {
    const print = (line: string): string => `  ${line}`;
    return { place: table, head: `${kind} ${name}`, headAlways: true, lines: linesOf, print };
  }
  const print = (text: string): string => `element ${name} { ${element}${text === '' ? '' : ` ${text}`} }`;
  return { place: table, head: undefined, headAlways: false, lines: (text) => [text], print };
}

/** By the names of chains, which are the ServicePort's with a hash before them, and by comments. */
function attribution(ledger: Ledger): (key: string, text: string) => Attribution | undefined {
  let index: ReadonlyMap<string, string> | undefined;
  return (key, text) => {
    const { name, element } = parseKey(key);
    let label = named(element === undefined ? name : text) ?? commented(element ?? '', text);
    if (label === undefined && element !== undefined) {
      index ??= indexOf(ledger);
      label = index.get(`${name} ${element}`);
    }
    return label === undefined ? undefined : { label, isServicePort: true };
  };
}

/** `service-HASH-default/web/tcp/http` says `default/web:http/tcp`. */
function named(text: string): string | undefined {
  const pattern =
    /\b(?:service|local|external|firewall|endpoint|affinity)-[A-Z2-7]{8}-([^/\s]+\/[^/\s]+)\/(tcp|udp|sctp)\/([a-z0-9-]*)/;
  const [, service, protocol, port] = pattern.exec(text) ?? [];
  return service && `${service}${port ? `:${port}` : ''}/${protocol}`;
}

function commented(element: string, text: string): string | undefined {
  const [, name] = /comment "([^"\s]+\/[^"\s]+)"/.exec(text) ?? [];
  const [, protocol] = /\b(tcp|udp|sctp) \. \d+$/.exec(element) ?? [];
  return name !== undefined && protocol !== undefined ? `${name}/${protocol}` : undefined;
}

/** Whose the elements are that name nobody: addresses of Services, and of endpoints that may reach themselves. */
function indexOf(ledger: Ledger): ReadonlyMap<string, string> {
  const index = new Map<string, string>();
  for (const [key, text] of ledger) {
    const [, address] = /^element (?:service-ips|no-endpoint-services) (\S+) /.exec(key) ?? [];
    if (address !== undefined) {
      const owner = named(text) ?? commented(key, text);
      if (owner !== undefined) index.set(`cluster-ips ${address}`, owner);
      continue;
    }
    const owner = key.startsWith('chain ') ? named(key) : undefined;
    if (owner === undefined) continue;
    const protocol = owner.slice(owner.lastIndexOf('/') + 1);
    for (const [, endpoint = '', port] of text.matchAll(/ : (\S+) \. (\d+)/g)) {
      index.set(`hairpin-connections ${endpoint} . ${endpoint} . ${protocol} . ${port}`, owner);
    }
    const [, endpoint, port] = /dnat to \[?([0-9a-f.:]+?)\]?:(\d+)$/m.exec(text) ?? [];
    if (endpoint) index.set(`hairpin-connections ${endpoint} . ${endpoint} . ${protocol} . ${port}`, owner);
  }
  return index;
}
