import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EXPLAIN, EXPLAIN_FLAGS } from '../../../src/cli/explain/command.ts';
import { NamedTracker } from '../../../src/cli/explain/named-tracker.ts';
import { findPod } from '../../../src/cli/explain/pods.ts';
import { explain as explainCall } from '../../../src/cli/explain/run.ts';
import { loadCommand } from '../../../src/config/load.ts';
import { exitCodeOf, messageOf } from '../../../src/failure.ts';
import { startApiServer } from '../../apiserver/server.ts';
import { CORPUS, fairlead, file, type Run } from './fairlead.ts';

/** The flags for a case of the corpus and its node. */
function caseFlags(name: string): readonly string[] {
  const folder = join(CORPUS, name);
  const flags = ['--from', join(folder, 'cluster.yaml'), '--config', join(folder, 'config.yaml')];
  return [...flags, '--hostname-override=node-a', '--ip-family=ipv4'];
}

/** What the command comes to, without a process of its own. */
async function explain(
  args: readonly string[],
): Promise<Omit<Run, 'stderr'> & { readonly messages: readonly string[] }> {
  const messages: string[] = [];
  const tell = (message: string): void => {
    messages.push(message);
  };
  try {
    const call = loadCommand(EXPLAIN, args, { readFile: (path) => readFileSync(path, 'utf8'), hostname });
    if (call.kind === 'print') return { exitCode: 0, stdout: call.text, messages };
    const { signal } = new AbortController();
    const { text, exitCode } = await explainCall(call, EXPLAIN_FLAGS, { tell, stage: () => {} }, signal);
    return { exitCode, stdout: text, messages };
  } catch (error) {
    tell(messageOf(error));
    return { exitCode: exitCodeOf(error), stdout: '', messages };
  }
}

interface Ways {
  readonly rules: string;
  readonly ways: readonly {
    readonly good: boolean;
    readonly mode: string;
    readonly summary: string;
    readonly packet: { readonly source: string; readonly destination: string };
    readonly service: { readonly name: string; readonly access: string } | null;
    readonly outcomes: readonly { readonly why: string | null }[];
    readonly notes: readonly string[];
  }[];
  readonly notes?: readonly string[];
}

/** What programs get. */
async function explained(args: readonly string[]): Promise<Ways & { exitCode: number | undefined }> {
  const { exitCode, stdout, messages } = await explain([...args, '--output=json']);
  if (!stdout.startsWith('{')) throw new Error(messages.join('\n'));
  return { ...(JSON.parse(stdout) as Ways), exitCode };
}

/** Which way, and what becomes of the packet. */
function told({ ways }: Ways): readonly string[] {
  return ways.map(({ service, summary }) => `${service?.access}: ${summary}`);
}

const MODES = ['iptables', 'ipvs', 'nftables'] as const;

describe.each(MODES)('in %s mode, for all ways to a Service', (mode) => {
  const ask = (name: string, service: string) => explained([...caseFlags(name), `--mode=${mode}`, service]);

  test('tells who answers, and as whom the client is seen', async () => {
    const found = await ask('external-policy-local', 'svc/default/both:http');
    expect(found).toMatchObject({ exitCode: 0, rules: 'desired' });
    expect(told(found)).toEqual([
      'cluster IP: reaches one of 2 endpoints, 1/2 each, seen there as 10.244.0.250',
      'node port: reaches 10.244.0.5:8080 (on node-a), seen there as 192.0.2.1',
      'external IP: reaches 10.244.0.5:8080 (on node-a), seen there as 192.0.2.1',
      'load balancer IP: reaches 10.244.0.5:8080 (on node-a), seen there as 192.0.2.1',
    ]);
  });

  test('says why a packet is refused', async () => {
    const found = await ask('no-endpoints', 'svc/unready');
    expect(found.exitCode).toBe(1);
    expect(told(found)).toEqual([
      'cluster IP: is rejected: no ready endpoint: 2 not ready (10.244.0.5:8080, 10.244.1.6:8080)',
    ]);
  });
});

test('warns of an endpoint that would answer past the node, as the policy Local has it in ipvs mode', async () => {
  const flags = [...caseFlags('external-policy-local'), '--mode=ipvs'];
  const { ways } = await explained([...flags, '192.0.2.1', '203.0.113.51:80']);
  expect(ways).toMatchObject([
    {
      good: true,
      notes: [expect.stringMatching(/^2 endpoints see 192\.0\.2\.1 and are not on this node: /)],
    },
  ]);
  const { stdout } = await explain([...flags, '192.0.2.1', '203.0.113.51:80']);
  expect(stdout).toMatch(/^\? 192\.0\.2\.1 → /);
});

describe('the reason, in words', () => {
  test.each<[what: string, name: string, args: readonly string[], summary: string]>([
    [
      'policy Local without an endpoint here',
      'external-policy-local',
      ['192.0.2.1', '→', '203.0.113.51:80'],
      'is dropped: externalTrafficPolicy: Local and no ready endpoint on this node; endpoints are on node-b',
    ],
    [
      'source ranges',
      'source-ranges',
      ['--from-ip=8.8.8.8', '203.0.113.31:80'],
      'is dropped: loadBalancerSourceRanges 192.0.2.0/24, 198.51.100.7/32 do not include 8.8.8.8',
    ],
    [
      'another port of a cluster IP',
      'source-ranges',
      ['node', 'to', '10.96.13.1:81'],
      'goes on to its destination as it is, no rule sends it elsewhere: 10.96.13.1 is the cluster IP of Service default/outside, which has no port 81/tcp: it has 80/tcp (http)',
    ],
    [
      'a cluster IP that nobody has',
      'source-ranges',
      ['--mode=nftables', '10.96.99.99:80'],
      'is dropped: no Service has 10.96.99.99, which is in ServiceCIDR 10.96.0.0/12',
    ],
  ])('%s', async (_, name, args, summary) => {
    const { ways, exitCode } = await explained([...caseFlags(name), ...args]);
    expect(ways.map((way) => way.summary)).toEqual([summary]);
    expect(exitCode).toBe(summary.startsWith('is ') ? 1 : 0);
  });

  test.each<[what: string, name: string, args: readonly string[], why: readonly (string | null)[]]>([
    [
      'a Pod that reaches itself',
      'clusterip-tcp',
      ['10.244.0.5', '10.96.1.175:80'],
      [
        "hairpin: the Pod reaches itself through the Service, and would answer itself past this node's translation",
        null,
        null,
      ],
    ],
    [
      'a source that is no Pod',
      'clusterip-tcp',
      ['192.0.2.9', '10.96.1.175:80'],
      Array.from(
        { length: 3 },
        () =>
          "the source 192.0.2.9 is not a Pod's (not in 10.244.0.0/16): its answer has to come back by this node",
      ),
    ],
    [
      'an interface that is not that of Pods',
      'detect-bridge',
      ['--interface=eth0', '192.0.2.9', '10.96.23.1:80'],
      [
        expect.stringContaining("it did not come by the Pods' bridge cni0 but by eth0"),
        expect.stringContaining("it did not come by the Pods' bridge cni0 but by eth0"),
      ],
    ],
  ])('of masquerading: %s', async (_, name, args, why) => {
    const { ways } = await explained([...caseFlags(name), ...args]);
    expect(ways[0]?.outcomes.map((outcome) => outcome.why)).toEqual(why);
  });
});

describe('rules that kube-proxy programmed, without a cluster', () => {
  const rulesOf = (name: string, ...files: readonly string[]) =>
    files.flatMap((path) => ['--rules', join(CORPUS, name, 'expected', path)]);
  const IPVS = ['ipvsadm', 'ipset', 'addresses', 'iptables-save'].map((tool) => `ipvs/${tool}.txt`);

  test.each([
    ['iptables', ['iptables-save.txt']],
    ['nftables', ['nftables.txt']],
    ['ipvs', IPVS],
  ] as const)('%s', async (mode, files) => {
    const flags = rulesOf('source-ranges', ...files);
    const pod = await explained([...flags, '--from-ip=10.244.0.5', '10.96.13.1:80']);
    expect(pod).toMatchObject({ exitCode: 0, rules: 'files', ways: [{ mode }] });
    // The sets of ipvs mode name no Service.
    const access = mode === 'ipvs' ? 'undefined' : 'cluster IP';
    expect(told(pod)).toEqual([`${access}: reaches one of 2 endpoints, 1/2 each, masqueraded at 1 of them`]);
    const name = mode === 'ipvs' ? undefined : 'default/outside:http';
    expect(pod.ways[0]?.service?.name).toBe(name);
    const stranger = await explained([...flags, '--from-ip=8.8.8.8', '203.0.113.31:80']);
    expect(stranger.exitCode).toBe(1);
    expect(stranger.ways[0]?.summary).toMatch(/^is dropped: /);
  });

  test('what a dry run prints, from standard input, in a process of its own', async () => {
    const { stdout: input } = await fairlead(['--dry-run', ...caseFlags('clusterip-tcp'), '--mode=ipvs']);
    const args = ['explain', '--rules=-', '--output=json', '10.244.0.9', '10.96.1.175:80'];
    const { stdout, exitCode } = await fairlead(args, { input });
    expect(exitCode).toBe(0);
    const summary = expect.stringMatching(/^reaches one of 3 endpoints, 1\/3 each/);
    expect(JSON.parse(stdout)).toMatchObject({ ways: [{ mode: 'ipvs', summary }] });
  });

  test('says that node ports need to know the addresses of the node', async () => {
    const flags = rulesOf('nodeport', 'iptables-save.txt');
    const unknown = await explained([...flags, '192.0.2.9', '172.18.0.2:30080']);
    expect(unknown.ways[0]?.notes).toEqual([expect.stringContaining('--local-addresses')]);
  });

  test('rules that are behind the cluster are not explained away', async () => {
    const flags = [...caseFlags('clusterip-tcp'), ...rulesOf('no-endpoints', 'iptables-save.txt')];
    const { ways } = await explained([...flags, '10.244.0.9', '10.96.1.175:80']);
    expect(ways[0]?.summary).toContain(
      'it is the cluster IP of default/hostnames:default, but these rules do not have it',
    );
  });
});

test('the text begins with the answer, and has endpoints and rules below it', async () => {
  const { stdout, exitCode } = await explain([
    ...caseFlags('session-affinity'),
    '192.0.2.9',
    '10.96.18.1:80',
  ]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatchInlineSnapshot(`
    "✓ 192.0.2.9 → 10.96.18.1:80/tcp, cluster IP of default/default-timeout:http
      reaches one of 3 endpoints, 1/3 each, masqueraded

      ENDPOINT         SHARE  NODE    SEES AS SOURCE
      10.244.0.5:8080  1/3    node-a  an address of this node
      10.244.1.6:8080  1/3    node-b  an address of this node
      10.244.1.7:8080  1/3    node-b  an address of this node

      masqueraded: the source 192.0.2.9 is not a Pod's (not in 10.244.0.0/16): its answer has to come back by this node
      session affinity: a client comes back to its endpoint until it has been silent for 3h

      to 10.244.0.5:8080 (2 more alike), by the rules that node-a should have, iptables mode
      PREROUTING nat   PREROUTING                       (all)                                                  → KUBE-SERVICES
                         KUBE-SERVICES                  -d 10.96.18.1/32 -p tcp --dport 80                     → KUBE-SVC-BFSDXF3SIE4IMJTB
                           KUBE-SVC-BFSDXF3SIE4IMJTB    ! -s 10.244.0.0/16 -d 10.96.18.1/32 -p tcp --dport 80  → KUBE-MARK-MASQ
                             KUBE-MARK-MASQ             (all)                                                  → mark 0x4000
                           KUBE-SVC-BFSDXF3SIE4IMJTB    (all)                                                  → 1 of 3 by chance: KUBE-SEP-FSWHDO5P3NWXIW3U
                             KUBE-SEP-FSWHDO5P3NWXIW3U  -p tcp                                                 → the client is remembered, the destination becomes 10.244.0.5:8080
      FORWARD filter   FORWARD                          (all)                                                  → KUBE-FORWARD
                         KUBE-FORWARD                   -m mark --mark 0x4000/0x4000                           → accepted
      POSTROUTING nat  POSTROUTING                      (all)                                                  → KUBE-POSTROUTING
                         KUBE-POSTROUTING               (all)                                                  → mark 0x0
                         KUBE-POSTROUTING               (all)                                                  → the source becomes an address of this node
    "
  `);
});

describe('Pods and Services by their names', () => {
  const cluster = { kind: 'List', apiVersion: 'v1', items: [] as object[] };
  const hostnames = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'hostnames', namespace: 'default' },
      spec: {
        clusterIP: '10.96.1.175',
        ports: [
          { name: 'http', port: 80 },
          { name: 'metrics', port: 9100 },
        ],
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: 'hostnames-1',
        namespace: 'default',
        labels: { 'kubernetes.io/service-name': 'hostnames' },
      },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.244.0.5'],
          nodeName: 'node-1',
          targetRef: { kind: 'Pod', namespace: 'default', name: 'pod-a' },
        },
      ],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'docs' },
      spec: { type: 'ExternalName', externalName: 'example.com' },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'db' },
      spec: { clusterIP: 'None', ports: [{ port: 5432 }] },
    },
  ];
  const from = async () => [
    '--hostname-override=node-1',
    '--from',
    await file(JSON.stringify({ ...cluster, items: hostnames })),
  ];

  test('a Pod that is an endpoint is found in the files', async () => {
    const { ways } = await explained([
      ...(await from()),
      '--from-pod=default/pod-a',
      'svc/default/hostnames:http',
    ]);
    expect(ways[0]).toMatchObject({
      packet: { source: '10.244.0.5' },
      summary: 'reaches 10.244.0.5:8080 (default/pod-a on node-1), masqueraded',
    });
  });

  test('a port by its number, its name, or as DNS has the Service', async () => {
    for (const to of [
      'svc/hostnames:80',
      'svc/default/hostnames:http',
      'hostnames.default.svc.cluster.local:80',
    ]) {
      const { ways } = await explained([...(await from()), to]);
      expect(
        ways.map(({ service }) => service?.name),
        to,
      ).toEqual(['default/hostnames:http']);
    }
  });

  test.each([
    ['svc/default/docs', 'it is an ExternalName: DNS answers with example.com'],
    ['svc/default/db:5432', 'it is headless'],
  ])('no rules are for %s', async (to, why) => {
    const { stdout, exitCode } = await explain([...(await from()), to]);
    expect({ stdout, exitCode }).toEqual({ stdout: expect.stringContaining(why), exitCode: 0 });
  });

  test.each([
    [['svc/default/hostname'], 'there is no Service default/hostname, did you mean default/hostnames?'],
    [
      ['svc/hostnames:8080'],
      'Service default/hostnames has no port 8080: it has 80/tcp (http), 9100/tcp (metrics)',
    ],
    [['--from-pod=default/client', '10.96.1.175:80'], 'give its address with --from-ip'],
    [['10.96.1.175'], 'TO must be ADDRESS:PORT'],
    [['fd00::1:80'], 'with brackets'],
    [[], 'needs to know where to'],
    [['client', '10.96.1.175:80'], 'FROM must be an IP address, pod/NAMESPACE/NAME or node'],
    [['fd00::9', '10.96.1.175:80'], 'of one IP family'],
    [['--live', '--rules=x', '10.96.1.175:80'], 'choose one'],
    [['--rules=/nowhere', '10.96.1.175:80'], '--rules /nowhere cannot be read: no such file or directory'],
  ])('%j is wrong usage, in one line', async (args, message) => {
    const { exitCode, stdout, messages } = await explain([...(await from()), ...args]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(messages.at(-1)).toContain(message);
    expect(messages.at(-1)).not.toContain('\n');
  });

  test('any other Pod the API server is asked for', async () => {
    const server = await startApiServer();
    onTestFinished(() => server.close());
    for (const object of hostnames) server.put(object);
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'client', namespace: 'default' } };
    server.put({
      ...pod,
      spec: { nodeName: 'node-2' },
      status: { podIP: '10.244.1.9', podIPs: [{ ip: '10.244.1.9' }] },
    });
    const flags = [
      '--hostname-override=node-1',
      '--kubeconfig',
      await file(server.kubeconfig(), 'admin.conf'),
    ];
    const { ways } = await explained([...flags, '--from-pod=default/client', '10.96.1.175:80']);
    expect(ways).toMatchObject([
      {
        packet: { source: '10.244.1.9' },
        summary: 'reaches 10.244.0.5:8080 (default/pod-a on node-1), seen there as 10.244.1.9',
        notes: [expect.stringContaining('--hostname-override=node-2')],
      },
    ]);
    server.deny = ({ resource }) => resource.plural === 'pods';
    const denied = await explain([...flags, '--from-pod=default/client', '10.96.1.175:80']);
    expect(denied.exitCode).toBe(1);
    expect(denied.messages.at(-1)).toContain('give its address with --from-ip');
    server.deny = () => false;
    const missing = await explain([...flags, '--from-pod=default/nobody', '10.96.1.175:80']);
    expect(missing.exitCode).toBe(2);
    expect(missing.messages.at(-1)).toBe('there is no Pod default/nobody');
  });
});

/** A Node with a Pod network, and a Service with endpoints there. */
function smallCluster(podCIDR: string, endpoints: readonly string[]): string {
  const node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'node-1' },
    spec: { podCIDR, podCIDRs: [podCIDR] },
    status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
  };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { clusterIP: '10.96.0.80', ports: [{ port: 80 }] },
  };
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: endpoints.map((address) => ({ addresses: [address], nodeName: 'node-1' })),
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  };
  return JSON.stringify({ kind: 'List', apiVersion: 'v1', items: [node, service, slice] });
}

test.each([
  ['10.244.3.0/24', '10.244.3.250'],
  ['10.244.3.64/28', '10.244.3.78'],
  ['10.244.3.64/30', '10.244.3.65'],
  ['10.244.3.65/32', '10.244.3.65'],
])('a client in Pod network %s is %s', async (podCIDR, client) => {
  const flags = ['--hostname-override=node-1', '--ip-family=ipv4', '--detect-local-mode=NodeCIDR'];
  const taken = podCIDR.endsWith('/30') ? '10.244.3.66' : '10.244.9.9';
  const { ways } = await explained([
    ...flags,
    '--from',
    await file(smallCluster(podCIDR, [taken])),
    'svc/default/web',
  ]);
  expect(ways[0]).toMatchObject({ packet: { source: client }, good: true });
});

test('a cluster IP that the rules do not have is no good, another address may be', async () => {
  const rules = await file('*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n', 'iptables-save.txt');
  const flags = [...caseFlags('external-policy-local'), `--rules=${rules}`];
  const { ways } = await explained([...flags, 'svc/default/both:http']);
  expect(ways.map(({ service, good }) => [service?.access, good])).toEqual([
    ['cluster IP', false],
    ['node port', true],
    ['external IP', true],
    ['load balancer IP', true],
  ]);
  const { exitCode, stdout } = await explain([...flags, 'svc/default/both:http']);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^✗ .*cluster IP/);
});

test('shows nothing that a terminal could take for a command, and no line that is none', async () => {
  const evil = '\x1b]0;title\x07\n✓ all is well';
  const items = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { clusterIP: '10.96.0.80', ports: [{ port: 80 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.244.0.5'],
          nodeName: `node-1${evil}`,
          targetRef: { kind: 'Pod', name: `a${evil}` },
        },
      ],
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'docs' },
      spec: { type: 'ExternalName', externalName: `docs${evil}` },
    },
  ];
  const cluster = await file(JSON.stringify({ kind: 'List', apiVersion: 'v1', items }));
  const save =
    '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m comment --comment "\x1b[2J" -j DROP\nCOMMIT\n';
  const rules = await file(save, 'iptables-save.txt');
  const flags = ['--hostname-override=node-1', '--from', cluster];
  for (const args of [
    ['svc/default/web'],
    ['svc/default/docs'],
    ['10.96.0.80:80', '--from-ip=192.0.2.9', `--rules=${rules}`],
  ]) {
    const { stdout, stderr } = await fairlead(['explain', ...flags, ...args]);
    expect(stdout).not.toBe('');
    expect(stdout + stderr).not.toMatch(/(?!\n)\p{C}/u);
    expect(stdout + stderr).not.toMatch(/^ *✓ all is well/m);
  }
});

describe('an API server that is asked for a Pod', () => {
  const ask = async (listener: RequestListener) => {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const args = [`--master=http://127.0.0.1:${port}`, '10.0.0.1:80'];
    const call = loadCommand(EXPLAIN, args, { readFile: (path) => readFileSync(path, 'utf8'), hostname });
    if (call.kind === 'print') throw new Error('the flags ask for something to print');
    const names = new NamedTracker({ nodeName: 'node-1', report: () => {} });
    const pod = { namespace: 'default', name: 'client' };
    return await findPod(pod, names, call.settings, new AbortController().signal);
  };

  test('is not waited for without end', async () => {
    await expect(ask(() => {})).rejects.toThrow(/cannot be reached: no answer for/);
  }, 20_000);

  test.each(['<html>', '{}', '"Pod"'])('and answers %s has said nothing', async (body) => {
    await expect(ask((_, response) => response.end(body))).rejects.toMatchObject({
      code: 'pod',
      message: expect.stringContaining('its answer is no Pod'),
    });
  });
});
