import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1EndpointSlice } from '@kubernetes/client-node';
import { FAMILIES } from '../../rules/model.ts';
import { systemClock } from '../../src/cluster/clock.ts';
import { BareNode } from '../lab/bare-node.ts';
import { FairleadProcess, labConfiguration } from '../lab/fairlead-process.ts';
import { newPrefix } from '../lab/namespaces.ts';
import { execIn } from '../lab/vm/namespace-exec.ts';
import { type ProgramRun, RunningDaemon } from '../lab/vm/running-daemon.ts';
import { NODE, service, slice, slices } from './cluster-objects.ts';
import { endpointAddresses } from './ipvs-cluster.ts';
import { BARE_TOOL } from './limits.ts';
import { FAIRLEAD, type Measurement, type SizeResult } from './result.ts';

/** How much is measured of each size. */
export interface IpvsCourse {
  readonly endpoints: number;
  readonly starts: number;
  readonly changes: number;
}

const READING = 'bare tools: reading everything';
/** ms; processors may be emulated. */
const PATIENCE_MS = 600_000;

/** Measures cold starts, restarts and changes of endpoints, and the bare tools with the same payloads. */
export async function measureIpvs(services: number, course: IpvsCourse): Promise<SizeResult> {
  const { endpoints, starts, changes } = course;
  const folder = await mkdtemp(join(tmpdir(), `${newPrefix()}-bench-`));
  try {
    const [cluster, config] = [join(folder, 'cluster.json'), join(folder, 'config.yaml')];
    await writeFile(cluster, manifest(services, endpoints));
    await writeFile(config, labConfiguration());
    const flags = ['--config', config, '--from', cluster, '--proxy-mode', 'ipvs'];

    const { coldStart, samples, payloads } = await measureChanges(services, flags, course);
    const started = await measureStarts(flags, starts);
    const bare = await measureTools(coldStart, payloads, starts);
    const of = (which: Measurement['case'], ms: readonly number[], lines: number): Measurement => {
      return { case: which, by: FAIRLEAD, samples: ms, lines };
    };
    return {
      services,
      endpoints,
      rules: linesOf(coldStart),
      measurements: [
        of('cold start', started.cold, linesOf(coldStart)),
        of('restart, nothing changed', started.warm, 0),
        of('one endpoint changed', samples, linesOf(payloads) / changes),
        ...bare,
      ],
      memory: [],
      notes: [],
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function manifest(services: number, endpoints: number): string {
  const items: object[] = [NODE];
  for (let i = 0; i < services; i++) {
    items.push(service(i), ...slices(i, endpointAddresses(i, endpoints)));
  }
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

interface Changes {
  /** What the first sync gave to the tools. */
  readonly coldStart: readonly ProgramRun[];
  /** ms from each change in the tracker to the end of its sync. */
  readonly samples: readonly number[];
  readonly payloads: readonly ProgramRun[];
}

/** The daemon in this process, where every program that it starts is seen. */
async function measureChanges(
  services: number,
  flags: readonly string[],
  { endpoints, changes }: IpvsCourse,
): Promise<Changes> {
  await using node = await BareNode.create(['eth0']);
  await using daemon = new RunningDaemon(node.namespace, flags, systemClock);
  await daemon.settled(PATIENCE_MS);
  const coldStart = daemon.runs.filter(hasPayload);
  daemon.runs.length = 0;
  const samples: number[] = [];
  for (let i = 0; i < changes; i++) {
    const at = (i * 37) % services;
    const [, ...kept] = endpointAddresses(at, endpoints);
    const [fresh = ''] = endpointAddresses(services + i, 1);
    const begun = performance.now();
    const synced = daemon.synced('ipv4');
    daemon.put(slice(at, 0, [...kept, fresh as (typeof kept)[number]]) as V1EndpointSlice);
    await synced;
    samples.push(performance.now() - begun);
  }
  return { coldStart, samples, payloads: daemon.runs.filter(hasPayload) };
}

/** The program as it is shipped, from its start to the end of its first syncs. */
async function measureStarts(flags: readonly string[], starts: number) {
  const cold: number[] = [];
  const warm: number[] = [];
  for (let i = 0; i < starts; i++) {
    await using node = await BareNode.create(['eth0']);
    for (const samples of [cold, warm]) {
      const begun = performance.now();
      await using daemon = new FairleadProcess(node.namespace, flags);
      const synced = () => FAMILIES.every((family) => daemon.syncs(family).length > 0);
      await daemon.until('the first sync', synced, PATIENCE_MS);
      samples.push(performance.now() - begun);
    }
  }
  return { cold, warm };
}

/** The bare tools: the payloads of a cold start, reading all that is there then, and the payload of each change. */
async function measureTools(
  coldStart: readonly ProgramRun[],
  changes: readonly ProgramRun[],
  starts: number,
): Promise<readonly Measurement[]> {
  const cold: number[] = [];
  const reads: number[] = [];
  let single: readonly number[] = [];
  for (let i = 0; i < starts; i++) {
    await using node = await BareNode.create(['eth0']);
    await node.namespace.ip(['link add kube-ipvs0 type dummy']);
    const time = async (runs: readonly ProgramRun[]): Promise<number[]> => {
      const samples: number[] = [];
      for (const { command, input } of runs) {
        const [program = '', ...args] = command.split(' ');
        const begun = performance.now();
        await execIn(node.namespace).run(program, args, { input });
        samples.push(performance.now() - begun);
      }
      return samples;
    };
    cold.push(sum(await time(coldStart)));
    reads.push(sum(await time(READS.map((command) => ({ command, input: '' })))));
    if (i === starts - 1) single = await time(changes);
  }
  const limit = true;
  return [
    { case: 'cold start', by: BARE_TOOL, samples: cold, lines: linesOf(coldStart), limit },
    { case: 'restart, nothing changed', by: READING, samples: reads, limit },
    { case: 'one endpoint changed', by: BARE_TOOL, samples: single, limit },
  ];
}

/** What has to be read of both families to know what is there. */
const READS = [
  'ipvsadm -Sn',
  'ipset save',
  'ip -j address show dev kube-ipvs0',
  'iptables-nft-save',
  'ip6tables-nft-save',
];

function hasPayload({ command, input }: ProgramRun): boolean {
  return input !== '' && /^(ipvsadm|ipset|ip|ip6?tables(-nft|-legacy)?-restore) /.test(command);
}

function linesOf(runs: readonly ProgramRun[]): number {
  return sum(runs.map(({ input }) => input.trim().split('\n').length));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
