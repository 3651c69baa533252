import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cidrContains } from '../../../rules/address.ts';
import { BASE, Ruleset } from '../../../rules/fragment.ts';
import { printRuleset } from '../../../rules/iptables/print.ts';
import { printAddresses, printIpset, printIptables, printIpvsadm } from '../../../rules/ipvs/print.ts';
import type { Address, Cidr, NodeFacts, ProxySettings, ServicePort } from '../../../rules/model.ts';
import { endpointText } from '../../../rules/model.ts';
import { printTable } from '../../../rules/nftables/print.ts';
import { readIptablesRules, traceIptables } from '../../../rules/trace/iptables.ts';
import { readIpvsRules, traceIpvs } from '../../../rules/trace/ipvs.ts';
import { readNftablesRules, traceNftables } from '../../../rules/trace/nftables.ts';
import type { Packet } from '../../../rules/trace/packet.ts';
import type { Trace } from '../../../rules/trace/trace.ts';
import type { Mode } from '../../../src/config/settings.ts';
import { iptablesCompiler, nftablesCompiler } from '../../../src/dataplane/compilers.ts';
import { ipvsCompiler } from '../../../src/dataplane/ipvs/compiler.ts';
import { ways } from '../../../src/ui/paths.ts';
import type { Flow, Way } from '../../../src/ui/state.ts';
import { endpoint, nodeFacts, proxySettings, servicePort } from '../rules/model-parts.ts';

const PODS = '10.244.0.0/16' as Cidr;

/** Who may send a packet: none of them is an endpoint. */
const SENDERS = [
  { from: 'outside', source: '203.0.113.7' as Address, device: 'eth0' },
  { from: 'Pods', source: '10.244.9.9' as Address, device: 'cni0' },
  { from: 'this node', source: '172.18.0.2' as Address, device: undefined },
] as const;

const none: readonly string[] = [];

const pod = fc.record({
  local: fc.boolean(),
  state: fc.constantFrom('ready', 'ready', 'terminating', 'not ready'),
  zoneHints: fc.constantFrom([], ['zone-a'], ['zone-b']),
});

const servicePorts: fc.Arbitrary<ServicePort> = fc
  .record({
    pods: fc.array(pod, { maxLength: 4 }),
    nodePort: fc.constantFrom(0, 30080),
    externalIPs: fc.constantFrom(none, ['192.0.2.1']),
    loadBalancerIPs: fc.constantFrom(none, ['192.0.2.2']),
    sourceRanges: fc.constantFrom(none, ['203.0.113.0/24'], ['198.51.100.0/24', '172.18.0.0/16']),
    externalPolicyLocal: fc.boolean(),
    internalPolicyLocal: fc.boolean(),
    affinitySeconds: fc.constantFrom(0, 600),
  })
  .map(({ pods, externalIPs, loadBalancerIPs, sourceRanges, ...given }) =>
    servicePort({
      ...given,
      externalIPs: externalIPs as Address[],
      loadBalancerIPs: loadBalancerIPs as Address[],
      sourceRanges: loadBalancerIPs.length > 0 ? (sourceRanges as Cidr[]) : [],
      endpoints: pods.map(({ local, state, zoneHints }, i) =>
        endpoint(`10.244.1.${i + 1}`, {
          local,
          nodeName: local ? 'node-a' : 'node-b',
          ready: state === 'ready',
          serving: state !== 'not ready',
          terminating: state === 'terminating',
          zoneHints,
        }),
      ),
    }),
  );

const settingsGiven: fc.Arbitrary<ProxySettings> = fc
  .record({ detects: fc.boolean(), masqueradeAll: fc.boolean() })
  .map(({ detects, masqueradeAll }) =>
    proxySettings({
      masqueradeAll,
      nfacct: false,
      localDetector: detects ? { kind: 'cidr', cidr: PODS } : { kind: 'none' },
    }),
  );

describe.each<Mode>(['iptables', 'ipvs', 'nftables'])('paths in %s mode', (mode) => {
  it('say of every packet what its rules say', () => {
    fc.assert(
      fc.property(servicePorts, settingsGiven, (given, settings) => {
        const node = nodeFacts();
        const trace = tracer(mode, given, node, settings);
        for (const way of ways(given, { mode, scheduler: 'rr', node, settings })) {
          for (const sender of SENDERS) {
            const outcomes = trace(packetTo(mode, way, given, sender));
            const isOwn = mode === 'ipvs' && sender.from === 'this node';
            // Both end it, whichever comes first.
            if (isOwn && !isLetIn(way, sender, node) && outcomes[0]?.verdict === 'reject') continue;
            const what = `${sender.from} to the ${way.kind}`;
            expect(told(way, sender, node), what).toEqual(happened(outcomes));
            const flow = flowFor(way, sender.from);
            if (flow.verdict === 'endpoints' && isLetIn(way, sender, node)) {
              const masqueraded = outcomes.every((outcome) => outcome.masqueraded);
              expect(isMasqueraded(flow, sender.from), `${what}: masquerading`).toBe(masqueraded);
            }
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('shares', () => {
  const two = servicePort({ endpoints: [endpoint('10.244.1.1'), endpoint('10.244.1.2')] });
  const flow = (given: ServicePort, mode: Mode, scheduler: string) =>
    ways(given, { mode, scheduler, node: nodeFacts(), settings: proxySettings() })[0]?.flows[0];
  const shares = (found: Flow | undefined) => found?.endpoints.map(({ share }) => share);

  it('are equal where endpoints are taken in turn, or by chance', () => {
    for (const [mode, scheduler] of [
      ['ipvs', 'rr'],
      ['ipvs', 'wrr'],
      ['iptables', 'lc'],
    ] as const) {
      const found = flow(two, mode, scheduler);
      expect(shares(found)).toEqual([0.5, 0.5]);
      expect(found?.scheduler).toBeUndefined();
    }
  });

  it('are not claimed to be known where the scheduler of ipvs looks at more', () => {
    const found = flow(two, 'ipvs', 'lc');
    expect(shares(found)).toEqual([undefined, undefined]);
    expect(found?.scheduler).toBe('lc');
    expect(shares(flow(servicePort({ endpoints: [endpoint('10.244.1.1')] }), 'ipvs', 'lc'))).toEqual([1]);
  });
});

type Sender = (typeof SENDERS)[number];

/** What the page tells of a packet: endpoints with shares, or its end. */
function told(way: Way, sender: Sender, node: NodeFacts): Readonly<Record<string, number>> {
  if (!isLetIn(way, sender, node)) return { drop: 1 };
  const { verdict, endpoints } = flowFor(way, sender.from);
  if (verdict !== 'endpoints') return { [verdict]: 1 };
  return Object.fromEntries(endpoints.map(({ endpoint, share }) => [endpoint, rounded(share ?? 0)]));
}

function happened(outcomes: Trace): Readonly<Record<string, number>> {
  return Object.fromEntries(
    outcomes.map(({ verdict, share, destination, port }) => [
      verdict === 'endpoint' ? endpointText({ address: destination, port }) : verdict,
      rounded(share),
    ]),
  );
}

function rounded(share: number): number {
  return Math.round(share * 1000) / 1000;
}

function flowFor({ flows }: Way, from: Sender['from']): Flow {
  // Where Pods cannot be told from others they are outside.
  const order = [from, 'anywhere', 'elsewhere', 'outside'];
  const found = order
    .map((each) => flows.find((flow) => flow.from === each))
    .find((flow) => flow !== undefined);
  if (!found) throw new Error(`no flow for packets from ${from}`);
  return found;
}

function isLetIn({ sourceRanges }: Way, { from, source: address }: Sender, { nodeIP }: NodeFacts): boolean {
  const source = from === 'this node' ? nodeIP : address;
  return sourceRanges.length === 0 || sourceRanges.some((range) => cidrContains(range as Cidr, source));
}

function isMasqueraded({ masquerade }: Flow, from: Sender['from']): boolean {
  return masquerade.when === 'always' || (masquerade.when === 'all but Pods' && from !== 'Pods');
}

function packetTo(
  mode: Mode,
  way: Way,
  { clusterIP, externalIPs, loadBalancerIPs, port, nodePort }: ServicePort,
  sender: Sender,
): Packet {
  const [address = '172.18.0.2' as Address] = {
    'cluster IP': clusterIP === undefined ? [] : [clusterIP],
    'node port': [],
    'external IP': externalIPs,
    'load balancer': loadBalancerIPs,
  }[way.kind];
  // In ipvs mode all addresses but the node's own are on kube-ipvs0: what the node sends there comes from there.
  const isOwn = mode === 'ipvs' && sender.from === 'this node';
  return {
    source: isOwn ? address : sender.source,
    sourcePort: 40_000,
    destination: address,
    port: way.kind === 'node port' ? nodePort : port,
    protocol: 'tcp',
    from: sender.device,
  };
}

function tracer(
  mode: Mode,
  given: ServicePort,
  node: NodeFacts,
  settings: ProxySettings,
): (packet: Packet) => Trace {
  const compiler = { iptables: iptablesCompiler, nftables: nftablesCompiler, ipvs: ipvsCompiler('rr') }[mode];
  const context = { node, settings, largeCluster: false };
  const ruleset = new Ruleset();
  ruleset.set(BASE, compiler.base(context));
  ruleset.set(given.key, compiler.servicePort(given, context));
  const host = { localAddresses: node.localAddresses };
  switch (mode) {
    case 'iptables': {
      const rules = readIptablesRules(printRuleset(ruleset));
      return (packet) => traceIptables(rules, packet, host);
    }
    case 'nftables': {
      const rules = readNftablesRules(printTable(ruleset, 'ipv4'));
      return (packet) => traceNftables(rules, packet, host);
    }
    case 'ipvs': {
      const rules = readIpvsRules({
        ipvsadm: printIpvsadm([ruleset]),
        ipset: printIpset([ruleset]),
        addresses: printAddresses([ruleset]),
        save: printIptables(ruleset),
      });
      return (packet) => traceIpvs(rules, packet, host);
    }
  }
}
