import { expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { asObject } from '../apiserver/json.ts';
import { eventually } from './deadline.ts';
import { HEALTH_PORT } from './doorway.ts';
import { LiveNode } from './live-node.ts';
import { clusterIP, service, slices } from './manifest.ts';
import { describeLab } from './suite.ts';
import { ADDRESSES, NODE_NAME } from './topology.ts';

const WEB = service('web', { n: 10, endpoints: ['pod-a'] });
const GONE = service('gone', { n: 11, endpoints: ['pod-b'] });
const LATER = service('later', { n: 12, endpoints: ['pod-c'] });
const IPV4 = { ip_family: 'IPv4' };
const HEALTH_CHECK_PORT = 32100;

/** They run side by side, on two cores. */
const PATIENT = { timeout: 180_000 };

await describeLab('trouble with the API server and its objects', () => {
  it.concurrent(
    'without an API server all rules stay and the node is healthy; then it catches up',
    PATIENT,
    async () => {
      await using node = await LiveNode.create({ objects: [...WEB, ...GONE] });
      const config = 'iptables:\n  syncPeriod: 1s\n';
      const fairlead = await node.start({ config });
      await fairlead.synced();
      const before = await node.rules('ipv4');
      await node.api.stop();
      const age = () => node.door.metric('fairlead_api_data_age_seconds', { resource: 'services' });
      // Twice the sync period is the time after which what waits counts as stuck.
      await eventually('data of 3 s ago', async () => ((await age()) ?? 0) > 3 || undefined);
      expect((await node.door.get(HEALTH_PORT, '/healthz')).status).toBe(200);
      expect(await node.rules('ipv4')).toBe(before);

      expect(await fairlead.stop()).toBe(0);
      const next = await node.start({ config });
      await next.until('a word about the API server', () =>
        next.log.some(({ msg }) => msg.includes('retrying')),
      );
      expect(await node.rules('ipv4'), 'a start that learns nothing changes nothing').toBe(before);

      node.api.delete('Service', 'default', 'gone');
      node.put(LATER);
      await node.api.start();
      await node.rulesWith('ipv4', 'default/later cluster IP', 40_000);
      await next.synced();
      await node.inStep();
      node.api.bookmark();
      await eventually('data of now', async () => ((await age()) ?? 3) < 3 || undefined);
    },
  );

  it.concurrent(
    'a watch that has expired is listed again, and only the difference is fed',
    PATIENT,
    async () => {
      await using node = await LiveNode.create({ objects: [...WEB, ...GONE] });
      const fairlead = await node.start();
      await fairlead.synced();
      await node.api.stop();
      node.api.delete('Service', 'default', 'gone');
      node.put(LATER);
      node.api.compact();
      const before = fairlead.syncs('ipv4').length;
      await node.api.start();
      await node.rulesWith('ipv4', 'default/later cluster IP');
      await node.rulesWithout('ipv4', 'default/gone');
      const synced = fairlead
        .syncs('ipv4')
        .slice(before)
        .flatMap((record) => record['servicePorts']);
      expect(synced, 'what has not changed is left alone').not.toContain('default/web/tcp');
      const lists = await node.door.metric('fairlead_api_lists_total', {
        resource: 'services',
        reason: 'expired',
      });
      expect(lists).toBe(1);
    },
  );

  it.concurrent(
    'a malformed object is skipped with a line and an Event, and all else goes on',
    PATIENT,
    async () => {
      await using node = await LiveNode.create({ objects: WEB });
      const spec = { clusterIP: '10.96.0.256', clusterIPs: ['10.96.0.256'] };
      node.put(GONE);
      node.api.patch('Service', 'default', 'gone', { spec });
      const fairlead = await node.start();
      await fairlead.synced();
      node.put(LATER);
      const rules = await node.rulesWith('ipv4', 'default/later cluster IP');
      expect(rules).toContain('default/web cluster IP');
      expect(rules).not.toContain('default/gone');
      expect(await node.event('InvalidField', 'Service gone')).toContain('10.96.0.256');
      const uid = asObject(node.api.get('Service', 'default', 'gone')?.['metadata'])?.['uid'];
      expect(node.events('InvalidField').map((event) => event.uid)).toEqual([uid]);
      expect(fairlead.log.filter(({ msg }) => msg.includes('10.96.0.256'))).toHaveLength(1);
      node.put([...GONE]);
      await node.rulesWith('ipv4', 'default/gone cluster IP');
    },
  );

  it.concurrent(
    "what depends on the Node follows its zone, its Pods' network and its addresses",
    PATIENT,
    async () => {
      const nodePort = service('ported', { n: 13, endpoints: ['pod-a'], nodePort: 30013 });
      await using node = await LiveNode.create({ objects: [...zonal('web'), ...nodePort] });
      const fairlead = await node.start({
        config: [
          'detectLocalMode: NodeCIDR',
          `nodePortAddresses: ["172.18.0.0/16", "fd00:172:18::/64"]`,
          'iptables: { syncPeriod: 1s }\n',
        ].join('\n'),
      });
      await fairlead.synced();
      const labels = (zone: string) => ({ metadata: { labels: { 'topology.kubernetes.io/zone': zone } } });
      node.api.patch('Node', '', NODE_NAME, labels('a'));
      await node.rulesWithout('ipv4', 'default/web -> 10.244.1.5:8080');
      expect(await node.rules('ipv4')).toContain('default/web -> 10.244.0.5:8080');
      node.api.patch('Node', '', NODE_NAME, labels('d'));
      await node.rulesWith('ipv4', 'default/web -> 10.244.1.5:8080');
      expect(await node.rules('ipv4')).not.toContain('default/web -> 10.244.0.5:8080');

      const podCIDRs = ['10.244.9.0/24', ADDRESSES.ipv6.podCIDR];
      node.api.patch('Node', '', NODE_NAME, { spec: { podCIDR: podCIDRs[0], podCIDRs } });
      await node.rulesWith('ipv4', `! -s 10.244.9.0/24 -d ${clusterIP('ipv4', 10)}/32`);

      await node.namespace.ip(['addr add 172.18.0.9/16 dev eth0']);
      await node.rulesWith('ipv4', '-d 172.18.0.9/32');
      await node.namespace.ip(['addr del 172.18.0.9/16 dev eth0']);
      await node.rulesWithout('ipv4', '-d 172.18.0.9/32');
      expect(
        fairlead.log.filter(({ msg }) => msg === 'starting'),
        'all that by one process',
      ).toHaveLength(1);
    },
  );

  it.concurrent("where node ports answer follows the Node's address", PATIENT, async () => {
    const objects = service('ported', { n: 13, endpoints: ['pod-a'], nodePort: 30013 });
    await using node = await LiveNode.create({ objects });
    await node.namespace.ip(['addr add 172.18.0.9/16 dev eth0']);
    const fairlead = await node.start({ config: 'nodePortAddresses: ["primary"]\n' });
    await fairlead.synced();
    await node.rulesWith('ipv4', `-d ${ADDRESSES.ipv4.node}/32`);
    const addresses = [ADDRESSES.ipv6.node, '172.18.0.9'].map((address) => ({ type: 'InternalIP', address }));
    node.api.patch('Node', '', NODE_NAME, { status: { addresses } });
    await node.rulesWith('ipv4', '-d 172.18.0.9/32');
    expect(await node.rules('ipv4')).not.toContain(`-d ${ADDRESSES.ipv4.node}/32`);
  });

  it.concurrent(
    'a health-check node port that is in use is an Event, and is opened later',
    PATIENT,
    async () => {
      await using node = await LiveNode.create({ ports: [HEALTH_CHECK_PORT] });
      const listen = `require('node:net').createServer().listen(${HEALTH_CHECK_PORT}, () => console.log('ready'))`;
      const squatter = node.namespace.start([process.execPath, '-e', listen]);
      await new Promise((resolve) => squatter.stdout.once('data', resolve));
      const spec = { externalTrafficPolicy: 'Local', healthCheckNodePort: HEALTH_CHECK_PORT };
      node.put(
        service('balanced', { n: 14, endpoints: ['pod-a', 'pod-d'], nodePort: 30014, balancer: true, spec }),
      );
      const fairlead = await node.start();
      await fairlead.synced();
      expect(await node.event('HealthCheckPortInUse', 'Service balanced')).toContain(
        String(HEALTH_CHECK_PORT),
      );
      for (const family of FAMILIES) expect(await node.rules(family)).toContain('default/balanced');
      squatter.kill();
      await squatter;
      const answer = await eventually('an answer of the health-check node port', async () => {
        return await node.door.get(HEALTH_CHECK_PORT, '/').catch(() => undefined);
      });
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.text)).toEqual({
        service: { namespace: 'default', name: 'balanced' },
        localEndpoints: 1,
        serviceProxyHealthy: true,
      });
      node.put(slices('balanced', ['pod-d']));
      const empty = await eventually('a node without endpoints', async () => {
        const { status } = await node.door.get(HEALTH_CHECK_PORT, '/');
        return status === 503 || undefined;
      });
      expect(empty).toBe(true);
    },
  );

  it.concurrent('how long a change took from its cause to the kernel is measured', PATIENT, async () => {
    await using node = await LiveNode.create({ objects: WEB });
    const fairlead = await node.start();
    await fairlead.synced();
    const measured = () => node.door.metric('kubeproxy_network_programming_duration_seconds_count', IPV4);
    const before = (await measured()) ?? 0;
    const cause = new Date().toISOString();
    for (const slice of slices('web', ['pod-b'])) {
      const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': cause };
      node.api.put({ ...slice, metadata: { ...slice.metadata, annotations } });
    }
    await node.rulesWith('ipv4', 'default/web -> 10.244.0.6:8080');
    await eventually('the measurement', async () => (await measured()) === before + 1 || undefined);
    const sum = await node.door.metric('kubeproxy_network_programming_duration_seconds_sum', IPV4);
    expect(sum).toBeGreaterThan(0);
  });
});

/** Endpoints for zone a (pod-a) and zone d (pod-d), with hints. */
function zonal(name: string) {
  const [object, ...rest] = service(name, { n: 10, endpoints: [] });
  const hinted = slices(name, ['pod-a', 'pod-d']).map((slice) => ({
    ...slice,
    endpoints: slice.endpoints?.map((endpoint) => {
      const zone = endpoint.targetRef?.name === 'pod-a' ? 'a' : 'd';
      return { ...endpoint, zone, hints: { forZones: [{ name: zone }] } };
    }),
  }));
  return object === undefined || rest.length === 0 ? [] : [object, ...hinted];
}
