import type { Family } from '../../../../rules/model.ts';
import type { Mode } from '../../../config/settings.ts';
import { failed, NotKnown, ok, type Result, warning } from '../check.ts';
import { summed } from '../words.ts';

type Values = Readonly<Record<string, string | undefined>>;

const FORWARDING: Readonly<Record<Family, string>> = {
  ipv4: 'net/ipv4/ip_forward',
  ipv6: 'net/ipv6/conf/all/forwarding',
};

/** The settings that `forwardingOn` looks at. */
export function forwardingPaths(families: readonly Family[]): readonly string[] {
  return families.map((family) => FORWARDING[family]);
}

export function forwardingOn(values: Values): Result {
  const names = Object.keys(values);
  const known = names.filter((name) => values[name] !== undefined);
  if (known.length === 0) throw new NotKnown('this kernel does not tell');
  const off = known.filter((name) => values[name] === '0');
  if (off.length === 0) return ok(known.map((name) => `${dotted(name)} = ${values[name]}`).join(', '));
  return failed(
    `${off.map((name) => `${dotted(name)} is 0`).join(' and ')}: the node passes no packets on`,
    `sysctl -w ${off.map((name) => `${dotted(name)}=1`).join(' ')}; for good in /etc/sysctl.d`,
  );
}

export interface Localhost {
  /** Node ports shall answer on 127.0.0.1. */
  readonly wanted: boolean;
  readonly mode: Mode;
  readonly value: string | undefined;
}

/** Whether node ports answer on 127.0.0.1 where they shall. */
export function localhostRouted({ wanted, mode, value }: Localhost): Result {
  if (mode !== 'iptables') throw new NotKnown(`in ${mode} mode node ports do not answer on 127.0.0.1`);
  if (!wanted) throw new NotKnown('node ports shall not answer on 127.0.0.1');
  if (value === undefined) throw new NotKnown('this kernel does not tell');
  if (value !== '0') return ok(`net.ipv4.conf.all.route_localnet = ${value}`);
  return warning(
    'net.ipv4.conf.all.route_localnet is 0: node ports do not answer on 127.0.0.1',
    'sysctl -w net.ipv4.conf.all.route_localnet=1, or --iptables-localhost-nodeports=false where nobody needs it',
  );
}

/** An interface by which packets may leave the node. */
export interface Uplink {
  readonly name: string;
  /** The higher one of this interface's rp_filter and that of all. */
  readonly rpFilter: number;
}

/** Whether the kernel drops packets because their answers would leave by another interface. */
export function reversePathLoose(uplinks: readonly Uplink[], all: string | undefined): Result {
  if (all === undefined) throw new NotKnown('this kernel does not tell');
  const strict = uplinks.filter(({ rpFilter }) => rpFilter === 1).map(({ name }) => name);
  if (strict.length === 0) return ok('no strict reverse path filter');
  if (uplinks.length < 2) return ok(`strict on ${strict.join()}, the only way out`);
  return warning(
    `strict on ${summed(strict)}: what comes in by one of ${uplinks.length} interfaces while its answer would leave by another is dropped`,
    `sysctl -w ${strict.map((name) => `net.ipv4.conf.${name}.rp_filter=2`).join(' ')} (and conf.all) if node ports or load balancers lose packets`,
  );
}

export interface ModeSupport {
  readonly mode: Mode;
  readonly kernelRelease: string;
  /** `nft --version`; undefined where there is none. */
  readonly nftVersion: string | undefined;
  readonly modules: {
    readonly ip_vs: boolean;
    /** Of the scheduler; undefined: cannot be told, as it may be built in. */
    readonly scheduler: boolean | undefined;
  };
  readonly scheduler: string;
  /** The interface kube-ipvs0 is there. */
  readonly dummy: boolean;
}

/** Whether the kernel and the tools have what the mode needs. */
export function modeSupported(support: ModeSupport): Result {
  const { mode, kernelRelease, nftVersion, modules, scheduler, dummy } = support;
  if (mode === 'iptables') throw new NotKnown('iptables mode needs nothing special');
  if (mode === 'ipvs') {
    if (!modules.ip_vs)
      return failed(
        'the kernel module ip_vs is not loaded',
        `modprobe ip_vs ip_vs_${scheduler}; for good in /etc/modules-load.d`,
      );
    if (modules.scheduler === false)
      return failed(`the kernel module ip_vs_${scheduler} is not loaded`, `modprobe ip_vs_${scheduler}`);
    if (!dummy) {
      return failed(
        'the interface kube-ipvs0 is missing: the node does not take packets to Services for its own',
        'start the proxy in ipvs mode, which makes it; where that fails: modprobe dummy',
      );
    }
    return ok(`ip_vs, scheduler ${scheduler}, kube-ipvs0`);
  }
  if (nftVersion === undefined)
    return failed('nft is not installed', 'install nftables 1.0.1 or newer, or use --nft-path');
  const version = numbers(nftVersion);
  if (isBefore(version, [1, 0, 1]))
    return failed(`${nftVersion.trim()} is too old`, 'install nftables 1.0.1 or newer, or use --nft-path');
  if (isBefore(numbers(kernelRelease), [5, 13]))
    return failed(
      `Linux ${kernelRelease} is too old for nftables mode`,
      'Linux 5.13 or newer, or --proxy-mode=iptables',
    );
  return ok(`${nftVersion.trim()}, Linux ${kernelRelease}`);
}

function numbers(text: string): readonly number[] {
  return (/(\d+)\.(\d+)(?:\.(\d+))?/.exec(text)?.slice(1) ?? []).map((part) => Number(part ?? 0));
}

/** False where there are no numbers to compare. */
function isBefore(version: readonly number[], minimum: readonly number[]): boolean {
  if (version.length === 0) return false;
  for (const [i, least] of minimum.entries()) {
    const part = version[i] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}

function dotted(path: string): string {
  return path.replaceAll('/', '.');
}
