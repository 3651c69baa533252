import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { eventually } from './deadline.ts';
import { HEALTH_PORT } from './doorway.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { FaultyTools } from './faulty-tools.ts';
import { LiveNode } from './live-node.ts';
import { service } from './manifest.ts';
import type { Namespace } from './namespaces.ts';
import { describeLab } from './suite.ts';
import { Toolbox } from './toolbox.ts';

const WEB = service('web', { n: 10, endpoints: ['pod-a'] });
const LATER = service('later', { n: 12, endpoints: ['pod-c'] });

/** They run side by side, on two cores. */
const PATIENT = { timeout: 180_000 };

await describeLab('trouble with the process and its surroundings', () => {
  it.concurrent('wrong usage ends with 2, before anything of the node is touched', PATIENT, async () => {
    await using node = await LiveNode.create({ objects: WEB });
    await using toolbox = await Toolbox.create();
    const env = { PATH: toolbox.path };
    const tries = [
      { flags: ['--iptables-masquerade-bit', '32'], says: /iptables-masquerade-bit.*0 (to|and) 31/i },
      { flags: ['--no-such-flag'], says: /no-such-flag/ },
      { config: 'detectLocalMode: Guess\n', says: /detectLocalMode.*ClusterCIDR.*Guess/ },
      { config: 'clusterCIDRs: 10.0.0.0/8\n', says: /clusterCIDRs/ },
    ];
    await Promise.all(
      tries.map(async ({ says, ...options }) => {
        const fairlead = await node.start({ ...options, env });
        expect(await fairlead.ended()).toBe(2);
        expect(fairlead.output.join('\n')).toMatch(says);
      }),
    );
    expect(await toolbox.writes()).toEqual([]);
    expect(await toolbox.restores()).toEqual([]);
    expect(node.api.requests).toEqual([]);
  });

  it.concurrent(
    'SIGTERM ends it with 0 within 5 s in the middle of a sync, and leaves all rules',
    PATIENT,
    async () => {
      await using node = await LiveNode.create({ objects: WEB });
      await using tools = await FaultyTools.create();
      const fairlead = await node.start({ env: { PATH: tools.path } });
      await fairlead.synced();
      const before = await node.rules('ipv4');
      const program = 'iptables-nft-restore';
      await tools.give({ program, stderr: '', exitCode: 1, hangSeconds: 60 });
      node.put(LATER);
      await eventually('the middle of a sync', async () => (await tools.count(program)) > 0 || undefined);
      expect(await fairlead.stop(), '128: it had to be killed').toBe(0);
      expect(await node.rules('ipv4')).toBe(before);
    },
  );

  it.concurrent.each(['stalls', 'is away'])(
    'SIGTERM ends it with 0 while the API server %s',
    PATIENT,
    async (how) => {
      await using node = await LiveNode.create({ objects: WEB });
      if (how === 'stalls') node.api.faults.stall();
      else await node.api.stop();
      const fairlead = await node.start();
      await fairlead.until('its start', () => fairlead.log.some(({ msg }) => msg === 'iptables backend'));
      if (how === 'stalls') await eventually('a request', async () => node.api.connections > 0 || undefined);
      expect(await fairlead.stop()).toBe(0);
      node.api.faults.clear();
    },
  );

  it.concurrent('a changed configuration file ends it with 0, and leaves all rules', PATIENT, async () => {
    await using node = await LiveNode.create({ objects: WEB });
    const config = await node.file('watched.yaml', labConfiguration());
    const flags = ['--config', config, '--kubeconfig', node.kubeconfig, '--iptables-backend', 'nft'];
    const fairlead = node.own(new FairleadProcess(node.namespace, flags));
    await fairlead.synced();
    const before = await node.rules('ipv4');
    await writeFile(config, labConfiguration());
    await writeFile(config, `${labConfiguration()}iptables:\n  syncPeriod: 7s\n`);
    expect(await fairlead.ended()).toBe(0);
    expect(fairlead.log.at(-1)?.msg).toMatch(/configuration file changed/);
    expect(await node.rules('ipv4')).toBe(before);
  });

  it.concurrent(
    'a /proc/sys that is read-only is survived, and each failure is explained',
    PATIENT,
    async () => {
      await using node = await LiveNode.create({ objects: WEB });
      const config = `${labConfiguration().replace('conntrack:\n', 'conntrack:\n  tcpBeLiberal: true\n')}`;
      const file = await node.file('config.yaml', config);
      const flags = ['--config', file, '--kubeconfig', node.kubeconfig, '--iptables-backend', 'nft'];
      await node.namespace.sysctl({ 'net.ipv4.conf.all.route_localnet': 0 });
      const fairlead = node.own(new FairleadProcess(withReadOnlySysctls(node.namespace), flags));
      await fairlead.synced();
      const explained = (setting: string) =>
        fairlead.log.some(
          ({ level, msg }) => level === 40 && msg.includes(setting) && msg.includes('read-only'),
        );
      expect(explained('nf_conntrack_tcp_be_liberal')).toBe(true);
      await fairlead.until('a word about node ports', () => explained('route_localnet'));
      expect(await node.rules('ipv4')).toContain('default/web cluster IP');
    },
  );

  it.concurrent(
    'an address in use for health is the end where bindAddressHardFail says so, and else waited for',
    PATIENT,
    async () => {
      await using node = await LiveNode.create({ objects: WEB });
      const listen = `require('node:net').createServer().listen(${HEALTH_PORT}, () => console.log('ready'))`;
      const squatter = node.namespace.start([process.execPath, '-e', listen]);
      await new Promise((resolve) => squatter.stdout.once('data', resolve));
      const hard = await node.start({ config: 'bindAddressHardFail: true\n' });
      expect(await hard.ended()).toBe(1);
      expect(hard.output.join('\n')).toMatch(/health server cannot listen on .*10256: the port is in use/);
      expect(await node.rules('ipv4')).not.toContain('KUBE-SERVICES');

      const soft = await node.start();
      await soft.synced();
      squatter.kill();
      await squatter;
      await soft.until('the server', () =>
        soft.log.some(({ msg }) => msg === 'the health server listens at last'),
      );
      expect((await node.door.get(HEALTH_PORT, '/healthz')).status).toBe(200);
    },
  );
});

/** The namespace, but what is started there finds /proc/sys read-only, as in a container without privileges. */
function withReadOnlySysctls(namespace: Namespace): Namespace {
  const mount = 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys';
  const before = ['unshare', '-m', 'sh', '-c', `${mount} && exec "$@"`, 'sh'];
  const start: Namespace['start'] = (command, env) => namespace.start([...before, ...command], env);
  return Object.create(namespace, { start: { value: start } });
}
