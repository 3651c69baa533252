import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES, type Family } from '../../rules/model.ts';
import { type ApiServer, startApiServer } from '../apiserver/server.ts';
import { tally } from './answers.ts';
import { ApiGate } from './api-gate.ts';
import { eventually } from './deadline.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { Lab } from './lab.ts';
import {
  type ApiObject,
  clusterIP,
  nodes,
  SERVICE_PORT,
  type ServiceOptions,
  service,
  slices,
} from './manifest.ts';
import type { Target } from './probe-protocol.ts';
import { dumpRules } from './rule-dump.ts';
import { BACKENDS, describeLab } from './suite.ts';
import { Toolbox } from './toolbox.ts';
import { ADDRESSES } from './topology.ts';

const HOSTNAMES = { n: 10, endpoints: ['pod-a', 'pod-b', 'pod-c'] } as const satisfies ServiceOptions;
const BYSTANDER = { n: 11, endpoints: ['pod-b', 'pod-c'] } as const satisfies ServiceOptions;

await describeLab('iptables mode, following the API server', () => {
  describe.each(BACKENDS)('%s backend', (backend) => {
    let lab: Lab;
    let api: ApiServer;
    let toolbox: Toolbox;
    let fairlead: FairleadProcess;

    beforeAll(async () => {
      lab = await Lab.create();
      api = await startApiServer();
      put([...nodes(), ...service('hostnames', HOSTNAMES), ...service('bystander', BYSTANDER)]);
      toolbox = lab.own(await Toolbox.create());
      const gate = await ApiGate.open(lab, api);
      const config = await lab.file('config.yaml', labConfiguration());
      const flags = ['--config', config, '--kubeconfig', gate.kubeconfig, '--iptables-backend', backend];
      fairlead = lab.own(new FairleadProcess(lab.node, flags, { PATH: toolbox.path }));
      await fairlead.synced();
    }, 60_000);

    afterAll(async () => {
      await lab?.[Symbol.asyncDispose]();
      await api?.close();
    });

    const put = (objects: readonly ApiObject[]) => {
      for (const object of objects) api.put(object);
    };
    const target = (family: Family, n: number): Target => ({
      protocol: 'tcp',
      address: clusterIP(family, n),
      port: SERVICE_PORT,
    });
    /** Waits until requests from outside are answered by these Pods, all of them and no others. */
    const answeredBy = (family: Family, n: number, expected: readonly string[]) =>
      eventually(`${family} requests answered by ${expected.join()}`, async () => {
        const request = { count: 30, parallel: 10, timeoutMs: 2_000 };
        const answers = tally(await lab.from(lab.outside).request(target(family, n), request));
        return Object.keys(answers).join() === expected.join() ? answers : undefined;
      });

    it('sends requests where the EndpointSlice says, with one restore for each family', async () => {
      for (const family of FAMILIES) await answeredBy(family, HOSTNAMES.n, HOSTNAMES.endpoints);
      await toolbox.forget();
      put(slices('hostnames', ['pod-a', 'pod-d']));
      for (const family of FAMILIES) await answeredBy(family, HOSTNAMES.n, ['pod-a', 'pod-d']);
      const restores = await toolbox.restores();
      expect(restores, 'as many as there are families').toHaveLength(2);
      expect(new Set(restores).size).toBe(2);
      const writes = await toolbox.writes();
      expect(writes.filter((line) => /KUBE-SERVICES|bystander/.test(line))).toEqual([]);
    });

    it('serves a Service as soon as it is there, and no longer than it is', async () => {
      const added = { n: 12, endpoints: ['pod-b'] } as const;
      put(service('added', added));
      for (const family of FAMILIES) await answeredBy(family, added.n, ['pod-b']);
      api.delete('Service', 'default', 'added');
      await eventually('rules without the Service', async () => {
        const dumps = await Promise.all(FAMILIES.map((family) => dumpRules(lab.node, backend, family)));
        return dumps.some((dump) => dump.includes('default/added')) ? undefined : dumps;
      });
      for (const family of FAMILIES) await answeredBy(family, BYSTANDER.n, BYSTANDER.endpoints);
    });

    it('refuses when the last endpoint goes, and serves again when one comes', async () => {
      put(slices('bystander', []));
      for (const family of FAMILIES) await answeredBy(family, BYSTANDER.n, ['refused']);
      put(slices('bystander', BYSTANDER.endpoints));
      for (const family of FAMILIES) await answeredBy(family, BYSTANDER.n, BYSTANDER.endpoints);
    });

    it.each(FAMILIES)('lets the open connections of a terminating endpoint live, over %s', async (family) => {
      const n = family === 'ipv4' ? 13 : 14;
      const name = `leaving-${family}`;
      put(service(name, { n, endpoints: ['pod-a', 'pod-b'] }));
      await answeredBy(family, n, ['pod-a', 'pod-b']);
      const client = lab.from(lab.outside);
      const connection = await eventually('a connection to pod-a', async () => {
        const id = `${name}-${performance.now()}`;
        const answer = await client.open(id, target(family, n));
        return 'pod' in answer && answer.pod === 'pod-a' ? id : undefined;
      });

      put(slices(name, [{ pod: 'pod-a', terminating: true }, 'pod-b']));
      await answeredBy(family, n, ['pod-b']);
      expect(await client.ask(connection)).toHaveProperty('pod', 'pod-a');
      put(slices(name, ['pod-b']));
      await eventually('rules without pod-a', async () => {
        const endpoint =
          family === 'ipv4'
            ? `${ADDRESSES.ipv4.pods['pod-a']}:8080`
            : `[${ADDRESSES.ipv6.pods['pod-a']}]:8080`;
        const dump = await dumpRules(lab.node, backend, family);
        const jump = `default/${name} -> ${endpoint}`;
        return dump.includes(jump) ? undefined : dump;
      });
      expect(await client.ask(connection)).toHaveProperty('pod', 'pod-a');
    });

    it('keeps serving while the API server is away, and catches up when it is back', async () => {
      await api.stop();
      for (const family of FAMILIES) await answeredBy(family, BYSTANDER.n, BYSTANDER.endpoints);
      put(slices('bystander', ['pod-d']));
      await api.start();
      for (const family of FAMILIES) await answeredBy(family, BYSTANDER.n, ['pod-d']);
    });
  });
});
