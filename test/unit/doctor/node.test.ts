import { describe, expect, it } from 'vitest';
import type { UdpFlow } from '../../../rules/conntrack.ts';
import { parseSave } from '../../../rules/iptables/save.ts';
import type { Address } from '../../../rules/model.ts';
import { oneBackend, tracesOf } from '../../../src/cli/doctor/node/backends.ts';
import { type Bridge, bridgeFiltered, hairpins } from '../../../src/cli/doctor/node/bridges.ts';
import { hasRoom, noneStale, readDrops } from '../../../src/cli/doctor/node/conntrack.ts';
import { healthy, noneQuarantined, sameMode } from '../../../src/cli/doctor/node/health.ts';
import { isHere } from '../../../src/cli/doctor/node/here.ts';
import {
  forwardingOn,
  localhostRouted,
  type ModeSupport,
  modeSupported,
  reversePathLoose,
} from '../../../src/cli/doctor/node/kernel.ts';
import { oneProxy, readProxies } from '../../../src/cli/doctor/node/proxies.ts';
import type { Files } from '../../../src/cli/doctor/ports.ts';
import { type Case, expectResult } from './outcome.ts';

describe('this machine', () => {
  const at = (...addresses: readonly string[]) => addresses as Address[];
  it.each<Case>([
    [
      'is the node',
      () => isHere('node-1', at('192.0.2.1', '198.51.100.1'), at('127.0.0.1', '192.0.2.1')),
      'ok',
      'has 192.0.2.1 of Node node-1',
    ],
    [
      'is another',
      () => isHere('node-1', at('192.0.2.1'), at('192.0.2.2')),
      'warning',
      /^is not Node node-1: it has none of 192.0.2.1/,
    ],
    ['cannot be told', () => isHere('node-1', [], at('192.0.2.2')), 'skipped', 'the Node has no addresses'],
  ])('%s', expectResult);
});

describe('bridges', () => {
  const bridge = (hairpin: readonly boolean[], promiscuous = false): Bridge => ({
    name: 'cni0',
    promiscuous,
    ports: hairpin.map((on, i) => ({ name: `veth${i}`, hairpin: on })),
  });
  const filter = (value: string | undefined) => ({ 'bridge-nf-call-iptables': value });
  it.each<Case>([
    ['with hairpin mode', () => hairpins([bridge([true, true])]), 'ok', 'on at all 2 ports of cni0'],
    [
      'with a port without',
      () => hairpins([bridge([true, false])]),
      'failed',
      /^hairpin mode is off at 1 of 2 ports of bridge cni0 \(veth1\)/,
    ],
    ['that are promiscuous', () => hairpins([bridge([false], true)]), 'ok', 'cni0 is promiscuous'],
    ['that there are none', () => hairpins([bridge([])]), 'skipped', 'no Pod of this node hangs on a bridge'],
    [
      'that are filtered',
      () => bridgeFiltered([bridge([true])], filter('1')),
      'ok',
      'bridge-nf-call-iptables = 1',
    ],
    [
      'that are not filtered',
      () => bridgeFiltered([bridge([true])], filter('0')),
      'failed',
      /^net.bridge.bridge-nf-call-iptables is 0/,
    ],
    [
      'without the module',
      () => bridgeFiltered([bridge([true])], filter(undefined)),
      'failed',
      /^the module br_netfilter is not loaded/,
    ],
  ])('%s', expectResult);
});

describe('the kernel', () => {
  const mode = (more: Partial<ModeSupport>): ModeSupport => ({
    mode: 'ipvs',
    kernelRelease: '6.1.0-13-amd64',
    nftVersion: 'nftables v1.0.6 (Lester Gooch #5)',
    modules: { ip_vs: true, scheduler: true },
    scheduler: 'rr',
    dummy: true,
    ...more,
  });
  it.each<Case>([
    ['forwards', () => forwardingOn({ 'net/ipv4/ip_forward': '1' }), 'ok', 'net.ipv4.ip_forward = 1'],
    [
      'forwards one family only',
      () => forwardingOn({ 'net/ipv4/ip_forward': '1', 'net/ipv6/conf/all/forwarding': '0' }),
      'failed',
      'net.ipv6.conf.all.forwarding is 0: the node passes no packets on',
    ],
    [
      'has no IPv6',
      () => forwardingOn({ 'net/ipv4/ip_forward': '1', 'net/ipv6/conf/all/forwarding': undefined }),
      'ok',
      'net.ipv4.ip_forward = 1',
    ],
    ['routes localhost', () => localhostRouted({ wanted: true, mode: 'iptables', value: '1' }), 'ok', /= 1$/],
    [
      'does not route localhost',
      () => localhostRouted({ wanted: true, mode: 'iptables', value: '0' }),
      'warning',
      /do not answer on 127.0.0.1$/,
    ],
    [
      'need not route localhost',
      () => localhostRouted({ wanted: false, mode: 'iptables', value: '0' }),
      'skipped',
      /shall not/,
    ],
    [
      'need not route localhost in other modes',
      () => localhostRouted({ wanted: true, mode: 'nftables', value: '0' }),
      'skipped',
      /in nftables mode/,
    ],
    [
      'filters strictly where there is one way out',
      () => reversePathLoose([{ name: 'eth0', rpFilter: 1 }], '1'),
      'ok',
      'strict on eth0, the only way out',
    ],
    [
      'filters strictly where there are two',
      () =>
        reversePathLoose(
          [
            { name: 'eth0', rpFilter: 1 },
            { name: 'eth1', rpFilter: 2 },
          ],
          '0',
        ),
      'warning',
      /^strict on eth0: what comes in by one of 2 interfaces/,
    ],
    [
      'filters loosely',
      () =>
        reversePathLoose(
          [
            { name: 'eth0', rpFilter: 2 },
            { name: 'eth1', rpFilter: 2 },
          ],
          '2',
        ),
      'ok',
      'no strict reverse path filter',
    ],
    [
      'needs nothing for iptables mode',
      () => modeSupported(mode({ mode: 'iptables' })),
      'skipped',
      /nothing special/,
    ],
    ['has ip_vs', () => modeSupported(mode({})), 'ok', 'ip_vs, scheduler rr, kube-ipvs0'],
    [
      'has a scheduler built in',
      () => modeSupported(mode({ modules: { ip_vs: true, scheduler: undefined } })),
      'ok',
      /rr/,
    ],
    [
      'lacks ip_vs',
      () => modeSupported(mode({ modules: { ip_vs: false, scheduler: undefined } })),
      'failed',
      'the kernel module ip_vs is not loaded',
    ],
    [
      'lacks the scheduler',
      () => modeSupported(mode({ scheduler: 'lc', modules: { ip_vs: true, scheduler: false } })),
      'failed',
      'the kernel module ip_vs_lc is not loaded',
    ],
    [
      'lacks the interface',
      () => modeSupported(mode({ dummy: false })),
      'failed',
      /^the interface kube-ipvs0 is missing/,
    ],
    ['has nft', () => modeSupported(mode({ mode: 'nftables' })), 'ok', /v1.0.6/],
    [
      'has an old nft',
      () => modeSupported(mode({ mode: 'nftables', nftVersion: 'nftables v0.9.8 (E.D.S.)' })),
      'failed',
      /too old$/,
    ],
    [
      'has a new nft',
      () => modeSupported(mode({ mode: 'nftables', nftVersion: 'nftables v1.1' })),
      'ok',
      /v1.1/,
    ],
    [
      'has no nft',
      () => modeSupported(mode({ mode: 'nftables', nftVersion: undefined })),
      'failed',
      'nft is not installed',
    ],
    [
      'is old',
      () => modeSupported(mode({ mode: 'nftables', kernelRelease: '5.10.0' })),
      'failed',
      /^Linux 5.10.0 is too old/,
    ],
  ])('%s', expectResult);
});

describe('the conntrack table', () => {
  const table = (count: number | undefined, more: object = {}) => ({
    count,
    max: 1000,
    dropped: 0,
    earlyDropped: 0,
    ...more,
  });
  it.each<Case>([
    ['has room', () => hasRoom(table(100)), 'ok', '100 of 1000 connections (10 %)'],
    ['is nearly full', () => hasRoom(table(850)), 'warning', /nearly full/],
    ['is full', () => hasRoom(table(999)), 'failed', /^the table is full: 999 of 1000/],
    [
      'was full',
      () => hasRoom(table(10, { dropped: 3, earlyDropped: 1 })),
      'warning',
      /3 packets dropped and 1 connection ended early$/,
    ],
    ['has no limit', () => hasRoom(table(10, { max: 0 })), 'ok', '10 of any number'],
    ['is hidden', () => hasRoom(table(undefined)), 'skipped', /does not tell/],
  ])('%s', expectResult);

  it("counts all CPUs' drops, by the names of this kernel's columns", () => {
    const text =
      'entries  clashres found drop early_drop\n00000010  00000000 0 0000000a 00000001\n00000010  00000000 0 00000002 00000000\n';
    expect(readDrops(text)).toEqual({ dropped: 12, earlyDropped: 1 });
    expect(readDrops(undefined)).toEqual({ dropped: 0, earlyDropped: 0 });
  });

  const flow = {
    zone: 0,
    destination: '10.96.0.53',
    port: 53,
    replySource: '10.244.0.9',
    replyPort: 5353,
  } as UdpFlow;
  it.each<Case>([
    ['has no stale flows', () => noneStale([], 12), 'ok', '12 UDP flows, all of them lead to endpoints'],
    [
      'has one to a Pod that is gone',
      () => noneStale([flow], 12),
      'failed',
      /packets to 10.96.0.53:53 go to 10.244.0.9:5353, which is no endpoint now/,
    ],
    [
      'has one that nothing translated',
      () => noneStale([{ ...flow, replySource: flow.destination, replyPort: 53 }], 12),
      'failed',
      /go to nowhere/,
    ],
  ])('%s', expectResult);
});

describe('backends', () => {
  const traces = (backend: 'nft' | 'legacy', text: string) => tracesOf(backend, parseSave(text));
  const proxy = '*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -j RETURN\nCOMMIT\n';
  const docker = '*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j ACCEPT\nCOMMIT\n';
  const kubelet =
    '*mangle\n:KUBE-KUBELET-CANARY - [0:0]\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j ACCEPT\nCOMMIT\n';
  it.each<Case>([
    ['one', () => oneBackend([traces('nft', proxy), traces('legacy', '')]), 'ok', 'nft (1 rule)'],
    ['none', () => oneBackend([traces('nft', '')]), 'ok', 'no rules by iptables'],
    [
      "a proxy's in both",
      () => oneBackend([traces('nft', proxy), traces('legacy', proxy)]),
      'failed',
      /in both backends \(nft \(1 rule\), legacy \(1 rule\)\)/,
    ],
    [
      "somebody else's in the other",
      () => oneBackend([traces('nft', proxy), traces('legacy', docker)]),
      'warning',
      /^rules in both backends/,
    ],
    [
      "the kubelet's in the other",
      () => oneBackend([traces('nft', proxy), traces('legacy', kubelet)]),
      'failed',
      "the kubelet uses the legacy backend, and the proxy's rules are in nft",
    ],
    [
      "the kubelet's in the same",
      () => oneBackend([traces('nft', kubelet + proxy), traces('legacy', '')]),
      'ok',
      'nft (2 rules)',
    ],
  ])('%s', expectResult);
});

describe('proxies', () => {
  const two = [
    { name: 'kube-proxy', pid: 7, isHere: true },
    { name: 'fairlead', pid: 9, isHere: true },
  ];
  it.each<Case>([
    [
      'one',
      () => oneProxy({ running: two.slice(0, 1), seesHost: true }, true, 'n'),
      'ok',
      'kube-proxy (pid 7)',
    ],
    [
      'two',
      () => oneProxy({ running: two, seesHost: true }, true, 'n'),
      'failed',
      /^kube-proxy \(pid 7\) and fairlead \(pid 9\) run at the same time/,
    ],
    [
      'two, one of them perhaps elsewhere',
      () =>
        oneProxy(
          { running: two.map((each) => ({ ...each, isHere: each.pid === 9 })), seesHost: true },
          true,
          'n',
        ),
      'skipped',
      /needs root$/,
    ],
    [
      'none',
      () => oneProxy({ running: [], seesHost: true }, false, 'n'),
      'failed',
      /^no proxy runs on this node/,
    ],
    ['one inside of something else', () => oneProxy({ running: [], seesHost: true }, true, 'n'), 'ok', /k3s/],
    [
      'that cannot be seen',
      () => oneProxy({ running: [], seesHost: false }, false, 'n'),
      'skipped',
      /hostPID/,
    ],
  ])('%s', expectResult);

  const found = (
    processes: Readonly<Record<string, readonly [comm: string, words: string, net?: string]>>,
  ) => {
    const files: Files = {
      read: (path) => {
        const [, pid = '', name] = /^\/proc\/(\w+)\/(comm|cmdline)$/.exec(path) ?? [];
        const [comm, words] = processes[pid] ?? [];
        return name === 'comm' ? comm : words?.replaceAll(' ', '\0');
      },
      list: () => [...Object.keys(processes), 'self', 'net'],
      link: (path) => (path.includes('/self/') ? 'net:[1]' : processes[path.split('/')[2] ?? '']?.[2]),
    };
    return readProxies({ files, pid: 99 }).running.map(({ name, pid }) => `${name} ${pid}`);
  };

  it.each([
    ['kube-proxy', ['kube-proxy', '/usr/local/bin/kube-proxy --config=x'], ['kube-proxy 10']],
    ['Fairlead', ['node', 'node /opt/fairlead/fairlead.js --config x'], ['fairlead 10']],
    ['Fairlead from source', ['node', '/usr/bin/node /src/src/main.ts --mode=ipvs'], ['fairlead 10']],
    ['kube-router that proxies', ['kube-router', 'kube-router --run-router=true'], ['kube-router 10']],
    ['kube-router that does not', ['kube-router', 'kube-router --run-service-proxy=false'], []],
    ['a command of Fairlead', ['node', 'node fairlead.js doctor default/web'], []],
    ['a dry run', ['node', 'node fairlead.js --dry-run'], []],
    ['one in another network', ['kube-proxy', 'kube-proxy', 'net:[2]'], []],
    ['an editor', ['vim', 'vim kube-proxy.yaml'], []],
  ] as const)('are told from others: %s', (_, process, expected) => {
    expect(found({ 10: process, 99: ['kube-proxy', 'kube-proxy'] })).toEqual(expected);
  });
});

describe('a proxy that runs', () => {
  const at = 'http://127.0.0.1:10256/healthz';
  const metrics = (value: number) => ({
    status: 200,
    text: `# HELP x y\nfairlead_quarantined_service_ports{ip_family="IPv4"} ${value}\nfairlead_quarantined_service_ports{ip_family="IPv6"} 0\n`,
  });
  it.each<Case>([
    ['is well', () => healthy(at, { status: 200, text: '{}' }, true), 'ok', `${at} says 200`],
    [
      'is behind',
      () =>
        healthy(
          at,
          { status: 503, text: '{"lastUpdated":"2026-01-01T00:00:00Z","nodeEligible":true}' },
          true,
        ),
      'failed',
      /too long to be written, last in order at 2026-01-01T00:00:00Z$/,
    ],
    [
      'leaves with its node',
      () => healthy(at, { status: 503, text: '{"nodeEligible":false}' }, true),
      'failed',
      /the Node is being removed/,
    ],
    ['is silent', () => healthy(at, undefined, true), 'failed', /^a proxy runs, but/],
    ['does not run', () => healthy(at, undefined, false), 'skipped', 'no proxy runs here'],
    [
      'has the mode',
      () => sameMode('u', { status: 200, text: 'ipvs\n' }, 'ipvs'),
      'ok',
      'ipvs, as asked for',
    ],
    [
      'has another mode',
      () => sameMode('u', { status: 200, text: 'ipvs' }, 'iptables'),
      'failed',
      'the proxy runs in ipvs mode, and iptables mode was compared with',
    ],
    ['does not tell its mode', () => sameMode('u', undefined, 'ipvs'), 'skipped', 'nobody answers at u'],
    ['has no quarantine', () => noneQuarantined(metrics(0)), 'ok', 'no ServicePort is quarantined'],
    ['has a quarantine', () => noneQuarantined(metrics(2)), 'failed', /of 2 ServicePorts/],
    [
      'is no Fairlead',
      () => noneQuarantined({ status: 200, text: 'kubeproxy_x 1\n' }),
      'skipped',
      'the proxy that runs is not Fairlead',
    ],
  ])('%s', expectResult);
});
