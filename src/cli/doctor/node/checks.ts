import { staleFlows, type UdpFlow, udpDestinations } from '../../../../rules/conntrack.ts';
import { nodePortScope } from '../../../../rules/node-ports.ts';
import { findLeftovers } from '../../../dataplane/cleanup.ts';
import { ConntrackTool } from '../../../dataplane/conntrack/tool.ts';
import { nftPath } from '../../../dataplane/nftables/path.ts';
import { type Check, NotKnown, ok, type Result, warning } from '../check.ts';
import type { Facts } from '../facts.ts';
import { oneBackend, tracesOf } from './backends.ts';
import { bridgeFiltered, hairpins } from './bridges.ts';
import { hasRoom, noneStale, readDrops } from './conntrack.ts';
import { forwardPolicy } from './forward-policy.ts';
import { healthy, noneQuarantined, sameMode } from './health.ts';
import { forwardingOn, forwardingPaths, localhostRouted, modeSupported, reversePathLoose } from './kernel.ts';
import { oneProxy } from './proxies.ts';
import { answer, healthUrl, metricsUrl, support, uplinks } from './readings.ts';
import { BACKENDS, requireReadable, savedBy, TOOLS } from './tools.ts';

/** ms that two looks at a big table may take. */
const FLOWS_LIMIT_MS = 15_000;

/** The proxy that runs here, and what the kernel makes of packets besides its rules. */
export const NODE_CHECKS: readonly Check[] = [
  node('node-proxy', 'proxy', async (facts) => {
    const [proxies, health] = await Promise.all([facts.proxies(), answer(facts, healthUrl(facts.settings))]);
    return oneProxy(proxies, health !== undefined, facts.settings.nodeName);
  }),
  node('proxy-health', 'health', async (facts) => {
    const url = healthUrl(facts.settings);
    const { running } = await facts.proxies();
    return healthy(url, await answer(facts, url), running.length > 0);
  }),
  node('proxy-mode', 'mode', async (facts) => {
    const url = `${metricsUrl(facts.settings)}/proxyMode`;
    return sameMode(url, await answer(facts, url), facts.settings.mode);
  }),
  node('proxy-quarantine', 'refused rules', async (facts) => {
    return noneQuarantined(await answer(facts, `${metricsUrl(facts.settings)}/metrics`));
  }),
  node('mode-support', 'kernel and tools', async (facts) => modeSupported(await support(facts))),
  node('node-backends', 'iptables backend', async (facts) => {
    const found = await Promise.all(BACKENDS.map((backend) => savedBy(facts, backend)));
    const known = found.filter((each) => each.tables !== undefined);
    if (known.length === 0) throw new NotKnown(found[0]?.why ?? '');
    return oneBackend(known.map(({ backend, tables }) => tracesOf(backend, tables ?? [])));
  }),
  node('node-leftovers', "other modes' rules", leftovers),
  node('node-forwarding', 'forwarding', async (facts) => {
    return forwardingOn(settings(facts, forwardingPaths(await facts.families())));
  }),
  node('node-forward-policy', 'FORWARD policy', forwardPolicy),
  node('node-bridge-filter', 'bridge filtering', async (facts) => {
    const names = (await facts.families()).map((family) => `bridge-nf-call-${TOOLS[family]}`);
    const values = names.map((name) => [name, facts.ports.sysctl.read(`net/bridge/${name}`)]);
    return bridgeFiltered(await facts.bridges(), Object.fromEntries(values));
  }),
  node('node-hairpin', 'hairpin mode', async (facts) => hairpins(await facts.bridges())),
  node('node-localhost', 'localhost', async (facts) => {
    const { node: own, settings: proxy } = await facts.context('ipv4');
    const { mode } = facts.settings;
    const scope = nodePortScope(own, proxy);
    const value = facts.ports.sysctl.read('net/ipv4/conf/all/route_localnet');
    return localhostRouted({ wanted: scope.localhost, mode, value });
  }),
  node('node-reverse-path', 'reverse path filter', async (facts) => {
    const all = facts.ports.sysctl.read('net/ipv4/conf/all/rp_filter');
    return reversePathLoose(await uplinks(facts), all);
  }),
  node('conntrack-room', 'conntrack table', async ({ ports }) => {
    const number = (name: string): number | undefined => {
      const text = ports.sysctl.read(`net/netfilter/${name}`);
      return text === undefined ? undefined : Number(text);
    };
    const drops = readDrops(ports.files.read('/proc/net/stat/nf_conntrack'));
    return hasRoom({ count: number('nf_conntrack_count'), max: number('nf_conntrack_max'), ...drops });
  }),
  { ...node('conntrack-stale', 'UDP flows', udpFlows), limitMs: FLOWS_LIMIT_MS },
];

function node(id: string, title: string, run: (facts: Facts) => Promise<Result>): Check {
  return { id, title, about: 'node', run };
}

async function leftovers(facts: Facts): Promise<Result> {
  // Those who look for leftovers take what they may not read for absent.
  await requireReadable(facts);
  const { mode, nftPath: given } = facts.settings;
  const { exec } = facts.ports;
  const found = await findLeftovers({ exec, signal: facts.signal, keep: mode, nft: nftPath(given) });
  if (found.length === 0) return ok(`none besides those of ${mode} mode`);
  return warning(
    `${found.join(' and ')} mode has left rules here, which nobody keeps up to date`,
    `a running Fairlead in ${mode} mode removes them at its start; or fairlead --cleanup, which removes those of ${mode} mode too`,
  );
}

function settings({ ports }: Facts, paths: readonly string[]): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(paths.map((path) => [path, ports.sysctl.read(path)]));
}

/** ms in which the proxy that runs deletes flows that have just become stale. */
const GRACE_MS = 2_000;

async function udpFlows(facts: Facts): Promise<Result> {
  const first = await lookAtFlows(facts);
  if (first.stale.length === 0) return noneStale([], first.count);
  await facts.ports.pause(GRACE_MS, facts.signal);
  const before = new Set(first.stale.map((flow) => JSON.stringify(flow)));
  const second = await lookAtFlows(facts);
  return noneStale(
    second.stale.filter((flow) => before.has(JSON.stringify(flow))),
    second.count,
  );
}

async function lookAtFlows(facts: Facts): Promise<{ stale: readonly UdpFlow[]; count: number }> {
  const own = (await facts.servicePorts()).filter(({ protocol }) => protocol === 'udp');
  if (own.length === 0) throw new NotKnown('no UDP ports');
  const tool = new ConntrackTool(facts.ports.exec);
  const stale: UdpFlow[] = [];
  let count = 0;
  for (const family of await facts.families()) {
    const { node: here, settings: proxy } = await facts.context(family);
    const destinations = udpDestinations(
      own.filter((port) => port.family === family),
      here,
      proxy,
    );
    const onFlow = (flow: UdpFlow): void => {
      if (staleFlows(flow, destinations)) stale.push(flow);
    };
    count += await facts.tool(() => tool.flows(family, onFlow, facts.signal));
  }
  return { stale, count };
}
