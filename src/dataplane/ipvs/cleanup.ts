import { DataplaneError } from '../dataplane.ts';
import type { Exec, ExecOptions } from '../exec.ts';

const INTERFACE = 'kube-ipvs0';

/**
 * Removes virtual servers on addresses of kube-ipvs0, that interface, and our ip sets. Other people's virtual servers
 * are on other addresses, and stay.
 * @returns whether there was anything. @throws DataplaneError, ExecError
 */
export async function removeIpvs(exec: Exec, signal: AbortSignal): Promise<boolean> {
  const run = async (
    program: string,
    args: readonly string[],
    options: ExecOptions = {},
  ): Promise<string> => {
    const { exitCode, stdout, stderr } = await exec.run(program, args, { signal, ...options });
    if (exitCode !== 0) throw new DataplaneError('refused', `${program} ${args.join(' ')}: ${stderr.trim()}`);
    return stdout;
  };
  const addresses = await exec.run('ip', ['-o', 'address', 'show', 'dev', INTERFACE], { signal });
  const ours = new Set(
    [...addresses.stdout.matchAll(/ inet6? ([0-9a-f.:]+)\//g)].map(([, address = '']) => address),
  );
  let found = false;
  if (ours.size > 0) {
    const services = await run('ipvsadm', ['-Sn']);
    const deletions = [...services.matchAll(/^-A (-[tu]|--sctp-service) (\S+)/gm)]
      .filter(([, , server = '']) => ours.has(server.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')))
      .map(([, kind, server]) => `-D ${kind} ${server}\n`);
    if (deletions.length > 0) await run('ipvsadm', ['-R'], { input: deletions.join('') });
  }
  if (addresses.exitCode === 0) {
    await run('ip', ['link', 'delete', INTERFACE]);
    found = true;
  }
  const sets = await exec.run('ipset', ['list', '-n'], { signal });
  const names = sets.stdout
    .split('\n')
    .filter((name) => /^KUBE-(6-)?[A-Z0-9-]+$/.test(name) && isOurSet(name));
  if (names.length > 0) {
    await run('ipset', ['restore'], { input: names.map((name) => `destroy ${name}\n`).join('') });
    found = true;
  }
  return found;
}

/** By kube-proxy's names, which IPv6 cuts at the kernel's 31 characters. */
function isOurSet(name: string): boolean {
  const base = name.replace(/^KUBE-6-/, 'KUBE-');
  return SETS.some((set) => set === base || (name.length === 31 && set.startsWith(base)));
}

const SETS = [
  'KUBE-LOOP-BACK',
  'KUBE-CLUSTER-IP',
  'KUBE-EXTERNAL-IP',
  'KUBE-EXTERNAL-IP-LOCAL',
  'KUBE-LOAD-BALANCER',
  'KUBE-LOAD-BALANCER-LOCAL',
  'KUBE-LOAD-BALANCER-FW',
  'KUBE-LOAD-BALANCER-SOURCE-IP',
  'KUBE-LOAD-BALANCER-SOURCE-CIDR',
  'KUBE-NODE-PORT-TCP',
  'KUBE-NODE-PORT-UDP',
  'KUBE-NODE-PORT-LOCAL-TCP',
  'KUBE-NODE-PORT-LOCAL-UDP',
  'KUBE-NODE-PORT-SCTP-HASH',
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH',
  'KUBE-HEALTH-CHECK-NODE-PORT',
  'KUBE-IPVS-IPS',
];
