import assert from 'node:assert/strict';
import { tally } from '../answers.ts';
import type { Lab } from '../lab.ts';
import { balancerIP } from '../manifest.ts';
import { ADDRESSES, POD_PORT } from '../topology.ts';
import { SERVICES } from '../traffic-services.ts';

const VIP = '192.0.2.7';
const pods = ADDRESSES.ipv4.pods;
/** One that only ipvs.excludeCIDRs tells from a proxy's own: it is on an address of kube-ipvs0. */
const ON_OURS = `${balancerIP('ipv4', SERVICES.hostnames.n)}:8443`;

/** Virtual servers as keepalived leaves them on a load balancer that is a node as well. */
export const FOREIGN = {
  excluded: ['192.0.2.0/24', `${balancerIP('ipv4', SERVICES.hostnames.n)}/32`],
  /** As `ipvsadm -Sn` prints them. */
  servers: `-A -t ${VIP}:80 -s wlc
-a -t ${VIP}:80 -r ${pods['pod-a']}:${POD_PORT} -m -w 3
-a -t ${VIP}:80 -r ${pods['pod-b']}:${POD_PORT} -m -w 0
-A -t ${ON_OURS} -s rr
-a -t ${ON_OURS} -r ${pods['pod-a']}:${POD_PORT} -m -w 1
`,
} as const;

export async function foreignSetup({ node, outside }: Lab): Promise<void> {
  await node.ip([`addr add ${VIP}/32 dev eth0`]);
  await outside.ip([`route add ${VIP}/32 via ${ADDRESSES.ipv4.node}`]);
  await node.run(['ipvsadm', '--restore'], { input: FOREIGN.servers });
}

/** @throws AssertionError where they are not as they were, or do not work */
export async function expectForeignServers(lab: Lab): Promise<void> {
  const lines = (await lab.node.run(['ipvsadm', '-Sn'])).split('\n').map((line) => line.trim());
  const theirs = lines.filter((line) => line.includes(` ${VIP}:80 `) || line.includes(` ${ON_OURS} `));
  assert.deepEqual(theirs.sort(), FOREIGN.servers.trim().split('\n').sort());
  const target = { protocol: 'tcp', address: VIP, port: 80 } as const;
  const answers = await lab.from(lab.outside).request(target, { count: 3 });
  assert.deepEqual(tally(answers), { 'pod-a': 3 }, `through the foreign ${VIP}`);
}

/** What `ipvsadm -Sn` prints besides them. */
export async function otherServers({ node }: Lab): Promise<readonly string[]> {
  const lines = (await node.run(['ipvsadm', '-Sn'])).split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !FOREIGN.servers.includes(`${line}\n`));
}
