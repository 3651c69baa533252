import { tableComment } from '../../../rules/nftables/adopt.ts';
import { TABLE_COMMENT } from '../../../rules/nftables/payload.ts';
import type { Capabilities } from '../../node-facts.ts';
import { DataplaneError } from '../dataplane.ts';
import type { NftTools } from './tools.ts';

/** As kube-proxy asks for. */
const MIN_VERSION = [1, 0, 1] as const;
const MIN_KERNEL = 'Linux 5.13';
const PROBE = 'fairlead-probe';

/**
 * Tries all that rules make use of, in a table that never comes to be.
 * @throws DataplaneError with a message that names what is missing
 */
export async function probeNftables(tools: NftTools, signal: AbortSignal): Promise<Capabilities> {
  const { commands, features } = probes(tools.family === 'ipv6');
  const all = [...commands, ...features.flatMap(([, command]) => command)];
  const random = `add rule ${tableOf(tools)} post masquerade fully-random`;
  // Nearly always the one question that is asked.
  if (await works(tools, [...all, random], signal)) return { nfacct: false, randomFully: true };
  if (!(await works(tools, all, signal))) {
    if (!(await works(tools, commands, signal))) {
      throw missing(`tables with comments and nat chains (${commands.at(0)?.split(' ')[2]})`);
    }
    for (const [what, feature] of features) {
      if (!(await works(tools, [...commands, ...feature], signal))) throw missing(what);
    }
  }
  return { nfacct: false, randomFully: false };
}

/** @throws DataplaneError where a table with our name is somebody else's */
export function requireOwnTable(tools: NftTools, listing: string | undefined): void {
  const comment = listing === undefined ? undefined : tableComment(listing);
  if (comment === undefined || comment === TABLE_COMMENT) return;
  throw new DataplaneError(
    'environment',
    `the nftables table ${tools.table} belongs to somebody else, whose comment is ${JSON.stringify(comment)}: ` +
      `remove it with "nft delete table ${tools.table}" if it is not needed`,
  );
}

/** @param text what `nft --version` prints. @throws DataplaneError */
export function requireVersion(text: string): void {
  const found = /v?(\d+)\.(\d+)(?:\.(\d+))?/
    .exec(text)
    ?.slice(1, 4)
    .map((part) => Number(part ?? 0));
  const difference = MIN_VERSION.map((minimum, i) => (found?.[i] ?? 0) - minimum).find((each) => each !== 0);
  // What does not tell its version is judged by what it can do.
  if (found === undefined || (difference ?? 0) >= 0) return;
  throw new DataplaneError(
    'environment',
    `nftables mode needs nft ${MIN_VERSION.join('.')} or newer: this is ${text} (--nft-path names another)`,
  );
}

/** What must work before anything else, and what is tried on top of that, by name. */
function probes(ipv6: boolean): {
  readonly commands: readonly string[];
  readonly features: readonly (readonly [what: string, commands: readonly string[]])[];
} {
  const ip = ipv6 ? 'ip6' : 'ip';
  const type = ipv6 ? 'ipv6_addr' : 'ipv4_addr';
  const address = ipv6 ? 'fd00::1' : '192.0.2.1';
  const endpoint = ipv6 ? '[fd00::1]:80' : '192.0.2.1:80';
  const table = `${ip} ${PROBE}`;
  const rule = (chain: string, text: string) => `add rule ${table} ${chain} ${text}`;
  return {
    commands: [
      `add table ${table} { comment "${TABLE_COMMENT}" ; }`,
      `add chain ${table} pre { type nat hook prerouting priority dstnat; policy accept; }`,
      `add chain ${table} post { type nat hook postrouting priority srcnat; policy accept; }`,
      `add chain ${table} in { type filter hook input priority filter; policy accept; }`,
      `add chain ${table} one { comment "probe" ; }`,
    ],
    features: [
      [
        'verdict maps of concatenations',
        [
          `add map ${table} m { type ${type} . inet_proto . inet_service : verdict ; comment "probe" ; }`,
          `add element ${table} m { ${address} . tcp . 80 comment "probe" : goto one }`,
          rule('pre', `${ip} daddr . meta l4proto . th dport vmap @m`),
        ],
      ],
      [
        'numgen and dnat to a map',
        [rule('one', `meta l4proto tcp dnat ${ip} to numgen random mod 1 map { 0 : ${address} . 80 }`)],
      ],
      [
        'sets that are updated by packets, with a timeout',
        [
          `add set ${table} s { type ${type} ; size 65535 ; flags dynamic,timeout ; timeout 3h ; }`,
          rule('one', `update @s { ${ip} saddr }`),
          rule('one', `meta l4proto tcp dnat to ${endpoint}`),
        ],
      ],
      ['fib', [rule('pre', 'fib daddr type local accept')]],
      ['conntrack', [rule('in', 'ct state new accept'), rule('post', 'ct status dnat masquerade')]],
      ['reject', [rule('in', 'reject')]],
      ['packet marks', [rule('pre', 'meta mark set meta mark | 0x00004000')]],
    ],
  };
}

function tableOf({ family }: NftTools): string {
  return `${family === 'ipv6' ? 'ip6' : 'ip'} ${PROBE}`;
}

async function works(tools: NftTools, commands: readonly string[], signal: AbortSignal): Promise<boolean> {
  try {
    await tools.check(`${commands.join('\n')}\n`, signal);
    return true;
  } catch (error) {
    if (error instanceof DataplaneError && !['aborted', 'missing', 'transient'].includes(error.code)) {
      return false;
    }
    throw error;
  }
}

function missing(what: string): DataplaneError {
  return new DataplaneError(
    'environment',
    `nftables mode needs ${MIN_KERNEL} or newer with nf_tables: this kernel, or this nft, does not know ${what}`,
  );
}
