import { cidrContains, parseAddress } from '../../../../rules/address.ts';
import type { Cidr } from '../../../../rules/model.ts';
import { DataplaneError } from '../../../dataplane/dataplane.ts';
import { asString, objects } from '../../../tracker/fields.ts';
import { failed, NotKnown, ok, type Result } from '../check.ts';
import type { Ports } from '../ports.ts';
import { counted, summed } from '../words.ts';

/** A bridge that Pods of this node hang on. */
export interface Bridge {
  readonly name: string;
  readonly promiscuous: boolean;
  readonly ports: readonly { readonly name: string; readonly hairpin: boolean }[];
}

const NET = '/sys/class/net';
/** What CNI plugins call theirs, for clusters that do not tell their networks. */
const KNOWN_NAMES = /^(cni|cbr|kube-bridge|bridge|mynet)/;

/**
 * Bridges with an address in one of the Pods' networks.
 * @throws DataplaneError, ExecError
 */
export async function readBridges(
  networks: readonly Cidr[],
  { exec, files }: Ports,
  signal: AbortSignal,
): Promise<readonly Bridge[]> {
  const { exitCode, stdout, stderr } = await exec.run('ip', ['-j', 'address', 'show'], { signal });
  if (exitCode !== 0) throw new DataplaneError('environment', `ip -j address show: ${stderr.trim()}`);
  const found: Bridge[] = [];
  for (const link of objects(JSON.parse(stdout))) {
    const name = asString(link['ifname']) ?? '';
    if (files.list(`${NET}/${name}/bridge`).length === 0) continue;
    const addresses = objects(link['addr_info']).map(({ local }) => parseAddress(String(local)));
    const inNetwork = addresses.some(
      (address) => address !== undefined && networks.some((network) => cidrContains(network, address)),
    );
    if (networks.length > 0 ? !inNetwork : !KNOWN_NAMES.test(name)) continue;
    const ports = files
      .list(`${NET}/${name}/brif`)
      // What has a device is the way out, not a Pod.
      .filter((port) => files.list(`${NET}/${port}/device`).length === 0)
      .map((port) => ({
        name: port,
        hairpin: files.read(`${NET}/${port}/brport/hairpin_mode`)?.trim() !== '0',
      }));
    const flags = Array.isArray(link['flags']) ? link['flags'] : [];
    found.push({ name, promiscuous: flags.includes('PROMISC'), ports });
  }
  return found;
}

/** Whether a Pod reaches itself through its Service: the bridge must send back through the port it came from. */
export function hairpins(bridges: readonly Bridge[]): Result {
  const filled = requireBridges(bridges);
  for (const { name, promiscuous, ports } of filled) {
    const off = ports.filter(({ hairpin }) => !hairpin).map((port) => port.name);
    if (off.length === 0 || promiscuous) continue;
    return failed(
      `hairpin mode is off at ${off.length} of ${counted(ports.length, 'port')} of bridge ${name} (${summed(off)}): those Pods do not reach themselves through their Service`,
      `bridge link set dev ${off[0]} hairpin on; for good: "hairpinMode": true in the CNI configuration`,
    );
  }
  const texts = filled.map(({ name, promiscuous, ports }) =>
    promiscuous ? `${name} is promiscuous` : `on at all ${counted(ports.length, 'port')} of ${name}`,
  );
  return ok(texts.join(', '));
}

/**
 * Whether the answers between Pods of one bridge pass the rules that translated the question.
 * @param settings bridge-nf-call-iptables and bridge-nf-call-ip6tables as they are; undefined: br_netfilter is missing
 */
export function bridgeFiltered(
  bridges: readonly Bridge[],
  settings: Readonly<Record<string, string | undefined>>,
): Result {
  const filled = requireBridges(bridges);
  const names = Object.keys(settings);
  const wrong = names.filter((name) => settings[name] !== '1');
  const [first] = wrong;
  if (first === undefined) return ok(names.map((name) => `${name} = 1`).join(', '));
  const missing = settings[first] === undefined;
  const state = missing
    ? 'the module br_netfilter is not loaded'
    : `net.bridge.${first} is ${settings[first]}`;
  const set = `sysctl -w ${wrong.map((name) => `net.bridge.${name}=1`).join(' ')}`;
  return failed(
    `${state}: on bridge ${filled[0]?.name}, answers of a Pod to another one's Service do not find back`,
    missing ? `modprobe br_netfilter && ${set}` : set,
  );
}

function requireBridges(bridges: readonly Bridge[]): readonly Bridge[] {
  const filled = bridges.filter(({ ports }) => ports.length > 0);
  if (filled.length === 0) throw new NotKnown('no Pod of this node hangs on a bridge');
  return filled;
}
