import { describe, expect, it } from 'vitest';
import type { Endpoint, NodeFacts, ServicePort, ServicePortKey } from '../../../rules/model.ts';
import type { Exec } from '../../../src/dataplane/exec.ts';
import { MetricFactory } from '../../../src/metrics/factory.ts';
import { nfacctReader, parseNfacctList } from '../../../src/metrics/nfacct.ts';
import { NoLocalEndpoints } from '../../../src/metrics/no-local-endpoints.ts';
import { addProcessMetrics, type ProcSelf, systemProcSelf } from '../../../src/metrics/process-metrics.ts';
import { SliMetrics } from '../../../src/metrics/sli-metrics.ts';
import { ManualClock } from '../cluster/manual-clock.ts';
import { parseExposition } from './exposition.ts';

describe('nfacct', () => {
  const LIST =
    '{ pkts = 00000000000000000042, bytes = 00000000000000002520 } = ct_state_invalid_dropped_pkts;\n' +
    '{ pkts = 00000000000000000000, bytes = 00000000000000000000 } = localhost_nps_accepted_pkts;\n';

  it('is read as the tool prints it', () => {
    expect([...parseNfacctList(LIST)]).toEqual([
      ['ct_state_invalid_dropped_pkts', 42],
      ['localhost_nps_accepted_pkts', 0],
    ]);
    expect(parseNfacctList('nfacct v1.0.2: error').size).toBe(0);
  });

  it('is asked once for all counters of a scrape, and anew for the next', async () => {
    const calls: string[] = [];
    const run: Exec['run'] = async (program, args) => {
      calls.push([program, ...args].join(' '));
      return { exitCode: 0, stdout: LIST, stderr: '' };
    };
    const read = nfacctReader({ run } as unknown as Exec);
    const [one, two] = await Promise.all([read(), read()]);
    expect(one).toBe(two);
    expect(one.get('ct_state_invalid_dropped_pkts')).toBe(42);
    await read();
    expect(calls).toEqual(['nfacct list', 'nfacct list']);
  });
});

describe('NoLocalEndpoints', () => {
  const node = { nodeName: 'node-a', zone: '' } as NodeFacts;
  const key = (name: string) => `demo/${name}/tcp` as ServicePortKey;
  const endpoint = (local: boolean): Endpoint => {
    return {
      local,
      ready: true,
      serving: true,
      terminating: false,
      zoneHints: [],
      nodeHints: [],
    } as unknown as Endpoint;
  };
  const port = (changes: Partial<ServicePort>): ServicePort =>
    ({
      nodePort: 30000,
      externalIPs: [],
      loadBalancerIPs: [],
      externalPolicyLocal: false,
      internalPolicyLocal: false,
      endpoints: [endpoint(false)],
      ...changes,
    }) as ServicePort;

  it('counts Local policies that drop traffic here although there are endpoints elsewhere', () => {
    const account = new NoLocalEndpoints();
    account.update(key('both'), port({ externalPolicyLocal: true, internalPolicyLocal: true }), node);
    account.update(key('external'), port({ externalPolicyLocal: true }), node);
    account.update(key('here'), port({ externalPolicyLocal: true, endpoints: [endpoint(true)] }), node);
    account.update(key('nowhere'), port({ externalPolicyLocal: true, endpoints: [] }), node);
    account.update(key('cluster'), port({}), node);
    expect(account.counts).toEqual({ internal: 1, external: 2 });
    account.update(key('both'), undefined, node);
    account.update(key('external'), port({ externalPolicyLocal: true, endpoints: [endpoint(true)] }), node);
    expect(account.counts).toEqual({ internal: 0, external: 0 });
  });
});

describe('process metrics', () => {
  const read = async (proc: ProcSelf) => {
    const factory = new MetricFactory();
    addProcessMetrics(factory, proc, new ManualClock());
    return parseExposition(await factory.text()).values;
  };

  it('are those of this process', async () => {
    const values = await read(systemProcSelf);
    expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(1e7);
    expect(values.get('process_virtual_memory_bytes')).toBeGreaterThan(1e7);
    expect(values.get('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(values.get('process_open_fds')).toBeGreaterThan(2);
    expect(values.get('process_max_fds')).toBeGreaterThan(2);
  });

  it('read what Linux says', async () => {
    const files: Record<string, string> = {
      status: 'Name:\tnode\nVmSize:\t    2048 kB\n',
      limits:
        'Limit                     Soft Limit           Hard Limit           Units     \n' +
        'Max open files            1024                 524288               files     \n' +
        'Max address space         unlimited            unlimited            bytes     \n',
      'net/netstat': 'TcpExt: A B\nTcpExt: 1 2\nIpExt: InNoRoutes InOctets OutOctets\nIpExt: 0 700 900\n',
    };
    const values = await read({ read: (path) => files[path] ?? '', count: () => 12 });
    expect(values.get('process_virtual_memory_bytes')).toBe(2048 * 1024);
    expect(values.get('process_virtual_memory_max_bytes')).toBe(2 ** 64);
    expect(values.get('process_max_fds')).toBe(1024);
    expect(values.get('process_open_fds')).toBe(11);
    expect(values.get('process_network_receive_bytes_total')).toBe(700);
    expect(values.get('process_network_transmit_bytes_total')).toBe(900);
  });

  it('leave out what cannot be read', async () => {
    const fail = (): never => {
      throw new Error('EACCES');
    };
    const values = await read({ read: fail, count: fail });
    expect(values.has('process_open_fds')).toBe(false);
    expect(values.get('process_resident_memory_bytes')).toBeGreaterThan(0);
  });
});

describe('SliMetrics', () => {
  it('tell of the last check and count all, until they are reset', async () => {
    const slis = new SliMetrics();
    slis.checked('ping', 'healthz', true);
    slis.checked('ping', 'healthz', false);
    const { values } = parseExposition(await slis.text());
    expect(values.get('kubernetes_healthcheck{name="ping",type="healthz"}')).toBe(0);
    expect(values.get('kubernetes_healthchecks_total{name="ping",status="success",type="healthz"}')).toBe(1);
    expect(values.get('kubernetes_healthchecks_total{name="ping",status="error",type="healthz"}')).toBe(1);
    slis.reset();
    expect(parseExposition(await slis.text()).values.size).toBe(0);
  });
});
