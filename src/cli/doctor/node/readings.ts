import { parseHostPort } from '../../../config/network-kinds.ts';
import type { Settings } from '../../../config/settings.ts';
import { nftPath } from '../../../dataplane/nftables/path.ts';
import { asString, objects } from '../../../tracker/fields.ts';
import { NotKnown } from '../check.ts';
import type { Facts } from '../facts.ts';
import type { HttpAnswer } from '../ports.ts';
import type { ModeSupport, Uplink } from './kernel.ts';

/** Where the proxy of this node tells its health; empty where it shall not. */
export function healthUrl({ config }: Settings): string {
  return url(config.healthzBindAddress || '127.0.0.1:10256', '/healthz');
}

/** Where the proxy of this node shows metrics and its mode, without a path. */
export function metricsUrl({ config }: Settings): string {
  return url(config.metricsBindAddress || '127.0.0.1:10249', '');
}

/** What listens on all addresses listens on loopback. */
function url(bindAddress: string, path: string): string {
  const { host = '127.0.0.1', port = 0 } = parseHostPort(bindAddress) ?? {};
  const own =
    host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `http://${own}:${port}${path}`;
}

/** undefined: nobody answers. */
export function answer(facts: Facts, address: string): Promise<HttpAnswer | undefined> {
  return facts.once(address, () => facts.ports.get(address, facts.signal).catch(() => undefined));
}

export async function support(facts: Facts): Promise<ModeSupport> {
  const { mode, config, nftPath: given } = facts.settings;
  const { files, exec, kernelRelease } = facts.ports;
  const { scheduler } = config.ipvs;
  const nft = async (): Promise<string | undefined> => {
    const run = exec.run(nftPath(given), ['--version'], { signal: facts.signal });
    return await run.then(
      ({ exitCode, stdout }) => (exitCode === 0 ? stdout : undefined),
      () => undefined,
    );
  };
  const modules = files.read('/proc/modules') ?? '';
  const isLoaded = (name: string) => new RegExp(`^${name} `, 'm').test(modules);
  return {
    mode,
    kernelRelease,
    nftVersion: mode === 'nftables' ? await nft() : undefined,
    modules: {
      ip_vs: files.read('/proc/net/ip_vs') !== undefined,
      // What is built into the kernel is not among its modules.
      scheduler: isLoaded('ip_vs') ? isLoaded(`ip_vs_${scheduler}`) : undefined,
    },
    scheduler,
    dummy: files.list('/sys/class/net/kube-ipvs0').length > 0,
  };
}

/** Of container runtimes, CNI plugins and the like. */
const INNER =
  /^(lo$|docker|br-|veth|cali|cni|cbr|flannel|vxlan|geneve|tunl|kube-|nodelocaldns|weave|lxc|cilium|ovs|virbr|dummy|wg)/;

/** Interfaces with a global IPv4 address that are none of the Pods'. @throws NotKnown */
export async function uplinks(facts: Facts): Promise<readonly Uplink[]> {
  const { exec, sysctl } = facts.ports;
  const args = ['-j', '-4', 'address', 'show', 'up'];
  const { exitCode, stdout, stderr } = await facts.tool(() => exec.run('ip', args, { signal: facts.signal }));
  if (exitCode !== 0) throw new NotKnown(`ip ${args.join(' ')}: ${stderr.trim()}`);
  const bridges = new Set((await facts.bridges()).map(({ name }) => name));
  const filter = (name: string) => Number(sysctl.read(`net/ipv4/conf/${name}/rp_filter`) ?? 0);
  return objects(JSON.parse(stdout))
    .filter((link) => objects(link['addr_info']).some(({ scope }) => scope === 'global'))
    .map((link) => asString(link['ifname']) ?? '')
    .filter((name) => !bridges.has(name) && !INNER.test(name))
    .map((name) => ({ name, rpFilter: Math.max(filter('all'), filter(name)) }));
}
