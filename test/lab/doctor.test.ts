import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { servicePortChains } from '../../rules/names.ts';
import { type ApiServer, startApiServer } from '../apiserver/server.ts';
import { ApiGate } from './api-gate.ts';
import { searchPath } from './command.ts';
import { COMPILE_CACHE } from './compile-cache.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { Lab } from './lab.ts';
import { LiveNode } from './live-node.ts';
import { clusterIP, externalIP, nodes, SERVICE_PORT, type ServiceOptions, service } from './manifest.ts';
import { dumpRules } from './rule-dump.ts';
import { describeLab } from './suite.ts';
import { ADDRESSES, NODE_NAME, OTHER_NODE_NAME, POD_PORT, type PodName } from './topology.ts';
import { trafficCluster } from './traffic-services.ts';

const MAIN = process.env['FAIRLEAD_MAIN'] ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const DNS_SERVER = fileURLToPath(new URL('./doctor-dns-server.ts', import.meta.url));
const DNS_PORT = 53;

interface Report {
  readonly exitCode: number | undefined;
  readonly probableCause: string | null;
  readonly checks: readonly {
    readonly id: string;
    readonly status: string;
    readonly evidence: string;
    readonly advice?: string;
  }[];
}

await describeLab('fairlead doctor on a live node', () => {
  let lab: Lab;
  let api: ApiServer;
  let flags: readonly string[];

  beforeAll(async () => {
    lab = await Lab.create();
    api = await startApiServer();
    for (const object of [...nodes(), ...cluster()]) api.put(object);
    const { kubeconfig } = await ApiGate.open(lab, api);
    const config = await lab.file('config.yaml', labConfiguration());
    flags = ['--config', config, '--kubeconfig', kubeconfig, '--iptables-backend=nft'];
    await lab.own(new FairleadProcess(lab.node, flags)).synced();
    const server = lab
      .pod('pod-c')
      .start([
        process.execPath,
        DNS_SERVER,
        ADDRESSES.ipv4.pods['pod-c'],
        String(DNS_PORT),
        `kubernetes.default.svc.cluster.local=${clusterIP('ipv4', 1)}`,
        `web.default.svc.cluster.local=${clusterIP('ipv4', 10)}`,
        `voice.default.svc.cluster.local=${clusterIP('ipv4', 11)}`,
      ]);
    lab.own({
      async [Symbol.asyncDispose]() {
        server.kill();
        await server;
      },
    });
    await once(server.stdout, 'data');
  }, 60_000);

  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await api?.close();
  });

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    execa('ip', ['netns', 'exec', lab.node.name, process.execPath, MAIN, 'doctor', ...flags, ...args], {
      reject: false,
      env: { PATH: searchPath(), ...COMPILE_CACHE, ...env },
    });

  const examine = async (...args: readonly string[]): Promise<Report> => {
    const { exitCode, stdout, stderr } = await run(['--output=json', ...args]);
    expect(stderr.replace(/^.*is used beside the configuration file.*\n?/gm, '')).toBe('');
    return { exitCode, ...JSON.parse(stdout) };
  };

  const wrong = ({ checks }: Report) =>
    checks.filter(({ status }) => status === 'failed' || status === 'warning').map(({ id }) => id);
  const evidence = ({ checks }: Report, id: string) => checks.find((check) => check.id === id)?.evidence;

  /** Breaks something, asks, and mends it. */
  const whileBroken = async (
    breakIt: readonly string[],
    mend: readonly string[],
    args: readonly string[] = ['default/web'],
  ): Promise<Report> => {
    await lab.node.run(breakIt);
    try {
      return await examine(...args);
    } finally {
      await lab.node.run(mend);
    }
  };

  it('finds nothing wrong where nothing is, with a Service and without', async () => {
    for (const args of [['default/web'], ['svc/default/voice'], []]) {
      const report = await examine(...args);
      expect(report.checks.filter(({ status }) => status === 'failed' || status === 'warning')).toEqual([]);
      expect(report).toMatchObject({ exitCode: 0, probableCause: null });
    }
  });

  it('looks at everything there is in the lab, and says why it leaves out the rest', async () => {
    const skipped = (report: Report) => report.checks.filter(({ status }) => status === 'skipped');
    expect(skipped(await examine('default/web'))).toEqual([
      expect.objectContaining({ id: 'service-local-policy', evidence: 'no policy of it is Local' }),
      expect.objectContaining({ id: 'mode-support' }),
      expect.objectContaining({ id: 'conntrack-stale', evidence: 'no UDP ports' }),
    ]);
  });

  it('writes nothing, neither to the node nor to the cluster', async () => {
    const state = async () => [
      await dumpRules(lab.node, 'nft', 'ipv4'),
      await dumpRules(lab.node, 'legacy', 'ipv4'),
      await lab.node.run(['nft', 'list', 'tables']),
      await lab.node.run(['sysctl', '-a', '-r', '^net\\.(ipv4|bridge)']),
      api.resourceVersion,
    ];
    const before = await state();
    const requests = api.requests.length;
    await examine('default/web');
    await examine();
    expect(await state()).toEqual(before);
    const methods = api.requests.slice(requests).map(({ method }) => method);
    expect(new Set(methods)).toEqual(new Set(['GET']));
  });

  it('names the policy of FORWARD', async () => {
    const report = await whileBroken(
      ['iptables-nft', '-P', 'FORWARD', 'DROP'],
      ['iptables-nft', '-P', 'FORWARD', 'ACCEPT'],
    );
    expect(wrong(report)).toEqual(['node-forward-policy']);
    expect(report.exitCode).toBe(1);
    expect(evidence(report, 'node-forward-policy')).toContain('policy of FORWARD is DROP');
  });

  it('knows that a CNI plugin accepts what the policy would drop', async () => {
    await lab.node.run(['iptables-nft', '-A', 'FORWARD', '-s', ADDRESSES.ipv4.clusterCIDR, '-j', 'ACCEPT']);
    const report = await whileBroken(
      ['iptables-nft', '-P', 'FORWARD', 'DROP'],
      ['iptables-nft', '-P', 'FORWARD', 'ACCEPT'],
    );
    await lab.node.run(['iptables-nft', '-D', 'FORWARD', '-s', ADDRESSES.ipv4.clusterCIDR, '-j', 'ACCEPT']);
    expect(wrong(report)).toEqual([]);
  });

  it('names a bridge port without hairpin mode', async () => {
    const set = (mode: string) => ['ip', 'link', 'set', 'pod-a', 'type', 'bridge_slave', 'hairpin', mode];
    const report = await whileBroken(set('off'), set('on'));
    expect(wrong(report)).toEqual(['node-hairpin']);
    expect(evidence(report, 'node-hairpin')).toContain('1 of 3 ports of bridge cni0 (pod-a)');
  });

  it.each([
    ['node-bridge-filter', 'net.bridge.bridge-nf-call-iptables', 0, 1],
    ['node-forwarding', 'net.ipv4.ip_forward', 0, 1],
    ['node-forwarding', 'net.ipv6.conf.all.forwarding', 0, 1],
    ['node-localhost', 'net.ipv4.conf.all.route_localnet', 0, 1],
  ])('names %s where %s is %d', async (id, name, broken, good) => {
    const set = (value: number) => ['sysctl', '-q', '-w', `${name}=${value}`];
    const report = await whileBroken(set(broken), set(good));
    expect(wrong(report)).toEqual([id]);
    expect(evidence(report, id)).toContain(name.split('.').at(-1));
  });

  it("names the Service whose chain was flushed, and not another's", async () => {
    const { cluster: chain } = servicePortChains({ name: 'default/web', protocol: 'tcp' });
    const rules = (await lab.node.run(['iptables-nft', '-t', 'nat', '-S', chain]))
      .split('\n')
      .filter((line) => line.startsWith('-A'));
    await lab.node.run(['iptables-nft', '-t', 'nat', '-F', chain]);
    const [own, other, all] = [await examine('default/web'), await examine('default/voice'), await examine()];
    await lab.node.run(['iptables-nft-restore', '--noflush'], {
      input: `*nat\n${rules.join('\n')}\nCOMMIT\n`,
    });
    expect(wrong(own)).toEqual(['service-answers', 'service-rules']);
    expect(own.probableCause).toBe('service-rules');
    expect(evidence(own, 'service-rules')).toContain(chain);
    expect(wrong(other)).toEqual([]);
    expect(wrong(all)).toEqual(['node-rules']);
    expect(wrong(await examine('default/web'))).toEqual([]);
  });

  it('names rules of a proxy in the other backend', async () => {
    const payload = (commands: string) => ({ input: `*nat\n${commands}\nCOMMIT\n` });
    const restore = ['iptables-legacy-restore', '--noflush'];
    await lab.node.run(restore, payload(':KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -j RETURN'));
    const report = await examine('default/web');
    await lab.node.run(restore, payload('-F KUBE-SERVICES\n-X KUBE-SERVICES'));
    expect(wrong(report)).toEqual(['node-backends']);
    expect(evidence(report, 'node-backends')).toMatch(/nft \(\d+ rules\), legacy \(1 rule\)/);
  });

  it('names another proxy that runs at the same time', async () => {
    const other = lab.path('kube-proxy');
    await copyFile('/bin/sleep', other);
    await execa('chmod', ['755', other]);
    const process = lab.node.start([other, '60']);
    const report = await examine('default/web');
    process.kill();
    await process;
    expect(wrong(report)).toEqual(['node-proxy']);
    expect(evidence(report, 'node-proxy')).toMatch(/fairlead \(pid \d+\)/);
    expect(evidence(report, 'node-proxy')).toMatch(/kube-proxy \(pid \d+\)/);
  });

  it('names UDP flows to an endpoint that is gone', async () => {
    const [client] = ADDRESSES.ipv4.clients;
    const flow = ['-p', 'udp', '-s', client, '-d', clusterIP('ipv4', 11), '--sport', '5000', '--dport', '80'];
    const reply = ['-r', '10.244.0.99', '-q', client, '--reply-port-src', '8080', '--reply-port-dst', '5000'];
    const report = await whileBroken(
      ['conntrack', '-I', ...flow, ...reply, '-t', '120'],
      ['conntrack', '-D', ...flow],
      ['default/voice'],
    );
    expect(wrong(report)).toEqual(['conntrack-stale']);
    expect(evidence(report, 'conntrack-stale')).toContain(
      `${clusterIP('ipv4', 11)}:80 go to 10.244.0.99:8080`,
    );
    expect(wrong(await examine('default/voice'))).toEqual([]);
  });

  it('names a port that nothing listens on', async () => {
    const dead = selected('deaf', 'web', { n: 17 }).map((object) =>
      'addressType' in object
        ? { ...object, ports: [{ name: '', port: POD_PORT + 1, protocol: 'TCP' }] }
        : object,
    );
    for (const object of dead) api.put(object);
    const report = await examine('default/deaf', '--dns-address=127.0.0.1:9');
    api.delete('Service', 'default', 'deaf');
    expect(wrong(report)).toContain('service-answers');
    expect(evidence(report, 'service-answers')).toContain('4 of 4 endpoints refuse connections');
  });

  it('names a DNS server that does not know the Service, or does not answer', async () => {
    const unknown = await examine('default/shop');
    expect(wrong(unknown)).toEqual(['service-dns']);
    expect(evidence(unknown, 'service-dns')).toBe(
      `${clusterIP('ipv4', 53)} does not know shop.default.svc.cluster.local`,
    );
    const silent = await examine('default/web', `--dns-address=${ADDRESSES.ipv4.router}`);
    expect(wrong(silent)).toEqual(['service-dns']);
    expect(evidence(silent, 'service-dns')).toMatch(/does not answer/);
  });

  it('names a Service that there is not, and one that is meant', async () => {
    const report = await examine('default/webb');
    expect(wrong(report)).toEqual(['service-exists']);
    expect(evidence(report, 'service-exists')).toContain('one is called web');
  });

  it('names the verb that is not allowed', async () => {
    api.deny = ({ verb, resource }) => verb === 'watch' && resource.plural === 'endpointslices';
    const report = await examine('default/web');
    api.deny = () => false;
    expect(wrong(report)).toEqual(['api-permitted']);
    expect(evidence(report, 'api-permitted')).toBe('not allowed: watch endpointslices.discovery.k8s.io');
  });

  it('tells the mode in which the proxy runs', async () => {
    const report = await examine('default/web', '--proxy-mode=nftables');
    expect(report.probableCause).toBe('proxy-mode');
    expect(evidence(report, 'proxy-mode')).toContain('the proxy runs in iptables mode');
  });

  it('skips what needs root without it, and names what can be seen all the same', async () => {
    await lab.node.run(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=0']);
    const powerless = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--'];
    const { exitCode, stdout, stderr } = await execa(
      'ip',
      [
        ...['netns', 'exec', lab.node.name, ...powerless, process.execPath, MAIN, 'doctor'],
        ...['--hostname-override', NODE_NAME, '--from=-', '--output=json', 'default/web'],
      ],
      { reject: false, env: { PATH: searchPath() }, input: JSON.stringify(asList()) },
    );
    await lab.node.run(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1']);
    expect(stderr).toBe('');
    const report: Report = { exitCode, ...JSON.parse(stdout) };
    expect(report.checks.filter(({ status }) => status === 'failed').map(({ id }) => id)).toContain(
      'node-forwarding',
    );
    for (const id of ['node-backends', 'service-rules']) {
      expect(report.checks.find((check) => check.id === id)).toMatchObject({
        status: 'skipped',
        evidence: expect.stringMatching(/needs root$/),
      });
    }
  });

  it('names what is wrong with a Service itself', async () => {
    for (const object of troubles()) api.put(object);
    const expected: readonly (readonly [string, string, string])[] = [
      ['misspelt', 'service-ports', 'no Pod has a container port named htp (they have http)'],
      [
        'unselected',
        'service-selector',
        'app=wbe matches no Pod in namespace default; 2 Pods there have app=web',
      ],
      ['crashing', 'service-endpoints', 'container main waits: CrashLoopBackOff'],
      ['elsewhere', 'service-local-policy', `endpoints are on ${OTHER_NODE_NAME}`],
      ['younger', 'service-clash', `${externalIP('ipv4', 60)}:80/tcp goes to default/older/tcp`],
    ];
    for (const [name, id, text] of expected) {
      // Which names DNS knows is another matter.
      const report = await examine(`svc/default/${name}`, '--dns-address=127.0.0.1:9');
      expect(
        wrong(report).filter((each) => each !== 'service-dns'),
        name,
      ).toEqual([id]);
      expect(evidence(report, id)).toContain(text);
      expect(report.probableCause, name).toBe(id);
    }
    const names = wrong(await examine());
    expect(names).toEqual([
      'services-endpoints',
      'services-ports',
      'services-clash',
      'services-local-policy',
    ]);
  });

  const asList = () => ({ apiVersion: 'v1', kind: 'List', items: [...nodes(), ...cluster()] });
});

await describeLab('fairlead doctor on a node in nftables mode', () => {
  let node: LiveNode;

  beforeAll(async () => {
    node = await LiveNode.create({ objects: trafficCluster() });
    await (await node.start({ flags: ['--proxy-mode=nftables'] })).synced();
    await node.namespace.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
  }, 60_000);

  afterAll(() => node?.[Symbol.asyncDispose]());

  const examine = async (target: string): Promise<Report> => {
    const config = await node.file('config.yaml', labConfiguration());
    const { exitCode, stdout } = await execa(
      'ip',
      [
        ...['netns', 'exec', node.namespace.name, process.execPath, MAIN, 'doctor', target, '--output=json'],
        ...['--config', config, '--kubeconfig', node.kubeconfig, '--proxy-mode=nftables'],
      ],
      { reject: false, env: { PATH: searchPath(), ...COMPILE_CACHE } },
    );
    return { exitCode, ...JSON.parse(stdout) };
  };
  const status = ({ checks }: Report, id: string) => checks.find((check) => check.id === id)?.status;

  it("finds the Service's rules, and says where they are not", async () => {
    const before = await examine('default/hostnames');
    for (const id of ['service-rules', 'node-rules', 'proxy-mode', 'mode-support', 'node-proxy']) {
      expect(status(before, id), id).toBe('ok');
    }
    const table = await node.namespace.run(['nft', 'list', 'table', 'ip', 'kube-proxy']);
    const chain = /chain (service-\S+default\/hostnames\/tcp\/) /.exec(table)?.[1] ?? '';
    await node.namespace.run(['nft', 'flush', 'chain', 'ip', 'kube-proxy', chain]);
    const after = await examine('default/hostnames');
    expect(status(after, 'service-rules')).toBe('failed');
    expect(after.checks.find(({ id }) => id === 'service-rules')?.evidence).toContain(
      'default/hostnames/tcp is changed: table ip kube-proxy lacks',
    );
    expect(status(await examine('default/spread'), 'service-rules')).toBe('ok');
  });

  it("names another program's chain that drops what is forwarded", async () => {
    const chain = '{ type filter hook forward priority 0 ; policy drop ; }';
    await node.namespace.run(['nft', 'add table inet guard']);
    await node.namespace.run(['nft', `add chain inet guard forward ${chain}`]);
    const report = await examine('default/hostnames');
    await node.namespace.run(['nft', 'delete table inet guard']);
    expect(report.checks.find(({ id }) => id === 'node-forward-policy')).toMatchObject({
      status: 'warning',
      evidence: expect.stringContaining('inet guard forward'),
    });
    expect(status(await examine('default/hostnames'), 'node-forward-policy')).toBe('ok');
  });

  it('names what iptables mode has left', async () => {
    const restore = ['iptables-nft-restore', '--noflush'];
    const payload = (line: string) => ({ input: `*mangle\n${line}\nCOMMIT\n` });
    await node.namespace.run(restore, payload(':KUBE-PROXY-CANARY - [0:0]'));
    const report = await examine('default/hostnames');
    await node.namespace.run(restore, payload('-X KUBE-PROXY-CANARY'));
    expect(report.checks.find(({ id }) => id === 'node-leftovers')).toMatchObject({
      status: 'warning',
      evidence: expect.stringContaining('iptables mode has left rules'),
    });
  });
});

/** Services that work, and Pods. */
function cluster(): readonly object[] {
  return [
    pod('pod-a', 'web'),
    pod('pod-b', 'web'),
    pod('pod-d', 'far'),
    pod('pod-c', 'broken', 'CrashLoopBackOff'),
    ...selected('web', 'web', { n: 10 }),
    ...selected('voice', 'web', { n: 11, protocol: 'UDP' }),
    ...selected('shop', 'web', { n: 12 }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kubernetes', namespace: 'default' },
      spec: { clusterIP: clusterIP('ipv4', 1), ports: [{ name: 'https', port: 443, targetPort: 6443 }] },
    },
    ...dnsService(),
  ];
}

/** One Service for each thing that can be wrong with one. */
function troubles(): readonly object[] {
  const port = { port: SERVICE_PORT, protocol: 'TCP' } as const;
  const [older, ...slicesOfOlder] = selected('older', 'web', { n: 60, external: true });
  return [
    ...selected('misspelt', 'web', { n: 13, spec: { ports: [{ ...port, targetPort: 'htp' }] } }).map(
      withoutPorts,
    ),
    ...selected('unselected', 'wbe', { n: 14, endpoints: [] }),
    ...selected('crashing', 'broken', { n: 15, endpoints: ['pod-c'] }).map(unready),
    ...selected('elsewhere', 'far', {
      n: 16,
      endpoints: ['pod-d'],
      spec: { internalTrafficPolicy: 'Local' },
    }),
    { ...older, metadata: { ...older?.metadata, creationTimestamp: '2020-01-01T00:00:00Z' } },
    ...slicesOfOlder,
    ...selected('younger', 'web', {
      n: 61,
      spec: { externalIPs: [externalIP('ipv4', 60)] },
    }),
  ];
}

function selected(name: string, app: string, options: Partial<ServiceOptions> & { n: number }) {
  const { spec, ...rest } = options;
  return service(name, { endpoints: ['pod-a', 'pod-b'], ...rest, spec: { selector: { app }, ...spec } });
}

function withoutPorts(object: object): object {
  return 'addressType' in object ? { ...object, ports: [] } : object;
}

function unready(object: object): object {
  if (!('endpoints' in object) || !Array.isArray(object.endpoints)) return object;
  const conditions = { ready: false, serving: false, terminating: false };
  return { ...object, endpoints: object.endpoints.map((endpoint: object) => ({ ...endpoint, conditions })) };
}

function pod(name: PodName, app: string, waits?: string): object {
  const isReady = waits === undefined;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app } },
    spec: {
      containers: [
        {
          name: 'main',
          ports: [
            { name: 'http', containerPort: POD_PORT, protocol: 'TCP' },
            { name: 'voice', containerPort: POD_PORT, protocol: 'UDP' },
          ],
        },
      ],
    },
    status: {
      phase: 'Running',
      podIP: ADDRESSES.ipv4.pods[name],
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: 'main',
          ready: isReady,
          restartCount: isReady ? 0 : 7,
          state: isReady ? { running: {} } : { waiting: { reason: waits, message: 'back-off 5m0s' } },
        },
      ],
    },
  };
}

function dnsService(): readonly object[] {
  const metadata = { namespace: 'kube-system' };
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, name: 'kube-dns' },
      spec: {
        clusterIP: clusterIP('ipv4', 53),
        ports: [{ name: 'dns', port: DNS_PORT, protocol: 'UDP', targetPort: DNS_PORT }],
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, name: 'kube-dns-1', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
      addressType: 'IPv4',
      ports: [{ name: 'dns', port: DNS_PORT, protocol: 'UDP' }],
      endpoints: [
        { addresses: [ADDRESSES.ipv4.pods['pod-c']], conditions: { ready: true }, nodeName: NODE_NAME },
      ],
    },
  ];
}
