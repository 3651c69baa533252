import { setTimeout as pause } from 'node:timers/promises';
import type { ServicePort } from '../../rules/model.ts';
import { servicePortChains } from '../../rules/names.ts';
import type { BenchNode, ToolRun } from './bench-node.ts';
import { BIG_CHANGE } from './big-service.ts';
import { inProxyOrder, partialRewrite, singlePayload } from './classic.ts';
import type { Payload } from './recorder.ts';
import { payloadLines } from './recorder.ts';
import { averageLines, type Recording } from './recording.ts';
import type { Case, Measurement } from './result.ts';
import { mean, percentile } from './statistics.ts';

export const BARE_TOOL = 'bare tool, same payload';
export const SINGLE_PAYLOAD = 'classic: all in one payload';
export const PARTIAL_REWRITE = 'classic: KUBE-SERVICES and changed chains';
export const LISTING = 'classic: lists the table, writes the change';
const SAVE = 'bare tool: reading all rules';

/** Partial rewrites and saves that are timed. */
const TIMES = 5;

export interface Limits {
  /** All rules, as the dry run prints them. */
  readonly save: string;
  /** Some ServicePorts of the cluster, whose chains partial rewrites write. */
  readonly servicePorts: readonly ServicePort[];
  readonly recording: Recording;
  /** Cold starts that are timed. */
  readonly starts: number;
  /** ms of rest before each change, as a proxy has: without it the kernel's tables would still be in the caches. */
  readonly gap: number;
  /** Whether to try all rules in one payload, which takes iptables-nft time quadratic in the number of chains. */
  readonly single: boolean;
}

/** Gives the bare tools what a proxy gave them, and what proxies of the classic kind would. */
export async function measureLimits(
  node: BenchNode,
  { save, servicePorts, recording, starts, gap, single }: Limits,
  progress: (text: string) => void,
): Promise<readonly Measurement[]> {
  const out: Measurement[] = [];
  progress('bare tool: cold start');
  const coldStarts: ToolRun[] = [];
  for (let i = 0; i < starts; i++) {
    await node.flush();
    coldStarts.push(await restoreAll(node, recording.coldStart));
  }
  out.push(limit('cold start', [recording.coldStart], coldStarts));
  const rewritten = isNftables(node)
    ? []
    : [await measureRewrites(node, { save, servicePorts, gap }, progress)];
  progress('bare tool: changes');
  for (const [which, payloads] of [
    ['one endpoint changed', recording.endpointChanges],
    ['one Service added', recording.additions],
    ['one Service removed', recording.removals],
  ] as const) {
    out.push(limit(which, payloads, await restoreEach(node, payloads, gap)));
  }
  out.push(...rewritten);
  progress('bare tool: reading all rules');
  const saves = await measureSaves(node, gap);
  out.push(...saves);
  if (isNftables(node)) out.push(...listings(out, saves));
  if (single) {
    const all = isNftables(node) ? oneTransaction(recording) : iptablesSingle(node, save);
    out.push(...(await measureSingle(node, all, progress)));
  }
  return out;
}

/** The bare tool's time for changes of the one big Service. */
export async function measureBigLimit(
  node: BenchNode,
  { coldStart, endpointChanges }: Pick<Recording, 'coldStart' | 'endpointChanges'>,
  gap: number,
): Promise<Measurement> {
  await node.flush();
  await restoreAll(node, coldStart);
  return limit(BIG_CHANGE, endpointChanges, await restoreEach(node, endpointChanges, gap));
}

function isNftables({ tools }: BenchNode): boolean {
  return tools.restore === 'nft';
}

async function measureRewrites(
  node: BenchNode,
  { save, servicePorts, gap }: Pick<Limits, 'save' | 'servicePorts' | 'gap'>,
  progress: (text: string) => void,
): Promise<Measurement> {
  progress('classic: KUBE-SERVICES and changed chains');
  const rewrites = servicePorts.slice(0, TIMES).map((servicePort) => {
    return [node.payload(partialRewrite(save, servicePortChains(servicePort).cluster))];
  });
  return classic('one endpoint changed', PARTIAL_REWRITE, rewrites, await restoreEach(node, rewrites, gap));
}

/** A proxy that does not remember what it has written looks at what is there, each time. */
function listings(out: readonly Measurement[], saves: readonly Measurement[]): readonly Measurement[] {
  const [listing] = saves;
  const change = out.find((found) => found.case === 'one endpoint changed' && found.limit);
  if (!listing || !change) return [];
  const ms = percentile(listing.samples, 50);
  const cpu = (listing.cpu?.own ?? 0) + (change.cpu?.own ?? 0);
  const samples = change.samples.map((sample) => sample + ms);
  return [{ case: 'one endpoint changed', by: LISTING, samples, cpu: { own: cpu, children: 0 } }];
}

/** All rules at once: where there are none, and where they are all there. */
interface Single {
  readonly cold: Payload;
  readonly again: Payload;
}

function iptablesSingle(node: BenchNode, save: string): Single {
  return {
    cold: node.payload(inProxyOrder(save)),
    again: node.payload(singlePayload(inProxyOrder(save))),
  };
}

function oneTransaction({ coldStart }: Recording): Single {
  const cold = { tool: 'nft', text: coldStart.map(({ text }) => text).join('') };
  return { cold, again: { tool: 'nft', text: `delete table ip kube-proxy\n${cold.text}` } };
}

/** Nothing that reads what is there can be faster than reading it. */
async function measureSaves(node: BenchNode, gap: number): Promise<readonly Measurement[]> {
  const runs: ToolRun[] = [];
  for (let i = 0; i < TIMES; i++) {
    await pause(gap);
    runs.push(await node.timeSave());
  }
  const saves = { ...measurement('restart, nothing changed', SAVE, runs), limit: true as const };
  return [saves, { ...saves, case: 'restart, an endpoint changed meanwhile' }];
}

async function measureSingle(
  node: BenchNode,
  { cold, again }: Single,
  progress: (text: string) => void,
): Promise<readonly Measurement[]> {
  progress('classic: all in one payload, from nothing');
  await node.flush();
  const first = await restoreAll(node, [cold]);
  progress('classic: all in one payload, again');
  const second = await restoreAll(node, [again]);
  return [
    classic('cold start', SINGLE_PAYLOAD, [[cold]], [first]),
    classic('one endpoint changed', SINGLE_PAYLOAD, [[again]], [second]),
  ];
}

async function restoreEach(
  node: BenchNode,
  times: readonly (readonly Payload[])[],
  gap: number,
): Promise<readonly ToolRun[]> {
  const runs: ToolRun[] = [];
  for (const payloads of times) {
    await pause(gap);
    runs.push(await restoreAll(node, payloads));
  }
  return runs;
}

async function restoreAll(node: BenchNode, payloads: readonly Payload[]): Promise<ToolRun> {
  const total = { ms: 0, cpu: 0 };
  for (const payload of payloads) {
    const { ms, cpu } = await node.restore(payload);
    total.ms += ms;
    total.cpu += cpu;
  }
  return total;
}

function limit(
  which: Case,
  payloads: readonly (readonly Payload[])[],
  runs: readonly ToolRun[],
): Measurement {
  return { ...measurement(which, BARE_TOOL, runs), lines: averageLines(payloads), limit: true };
}

function classic(
  which: Case,
  by: string,
  payloads: readonly (readonly Payload[])[],
  runs: readonly ToolRun[],
): Measurement {
  const lines = payloads.flat().reduce((sum, payload) => sum + payloadLines(payload), 0);
  return { ...measurement(which, by, runs), lines: lines / payloads.length };
}

function measurement(which: Case, by: string, runs: readonly ToolRun[]): Measurement {
  const own = mean(runs.map(({ cpu }) => cpu));
  return { case: which, by, samples: runs.map(({ ms }) => ms), cpu: { own, children: 0 } };
}
