import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { run } from '../lab/command.ts';
import { ApiProcess } from './api-process.ts';
import type { BenchNode } from './bench-node.ts';
import { BenchCluster, CLUSTER_CIDR, NODE_NAME } from './cluster.ts';
import { completeCommand, shortName, splitCommand } from './command-line.ts';
import { configuration } from './configuration.ts';
import { type ContenderResult, measureContender } from './contender.ts';
import type { Contender, Course } from './course.ts';
import { measureFirstRequest } from './first-request.ts';
import { measureLimits } from './limits.ts';
import type { BenchOptions } from './options.ts';
import { profile } from './profiling.ts';
import { averageLines, type Recording, recordPayloads } from './recording.ts';
import { FAIRLEAD, type Measurement, type SizeResult } from './result.ts';
import { countRules, differingRules, natSize } from './save-text.ts';
import { Turn } from './turn.ts';

/**
 * Measures everything on a cluster of one size.
 * @param bundle the program as it is shipped, with what runs it
 */
export async function measureSize(
  services: number,
  options: BenchOptions,
  node: BenchNode,
  bundle: readonly string[],
  progress: (text: string) => void,
): Promise<SizeResult> {
  const { endpoints, backend, mode } = options;
  const kubeconfig = node.file('kubeconfig');
  const config = node.file('config.yaml');
  await writeFile(config, configuration(mode, kubeconfig));
  const manifest = node.file('cluster.json');
  await writeFile(manifest, new BenchCluster(services, endpoints).manifest());
  const backendFlag = backend === 'legacy' ? ['--iptables-backend', backend] : [];
  const fairlead: Contender = {
    name: FAIRLEAD,
    command: [...bundle, '--config', config, ...backendFlag],
  };
  const save = await dryRun([...fairlead.command, '--from', manifest]);
  const size = natSize(save);

  /** Each in turn begins with the same cluster. */
  async function withCourse<T>(use: (course: Course) => Promise<T>): Promise<T> {
    const cluster = new BenchCluster(services, endpoints);
    await using api = await ApiProcess.start(manifest, kubeconfig);
    return await use({ ...options, node, api, cluster, size, endpoints });
  }

  const recording = await withCourse((course) => recordPayloads(fairlead, course, progress));
  const turn = new Turn(new BenchCluster(services, endpoints), false);
  const limits = await measureLimits(
    node,
    {
      save,
      servicePorts: Array.from({ length: 10 }, () => turn.one().servicePort),
      recording,
      starts: options.starts,
      single: services <= options.singlePayloadUpTo,
    },
    progress,
  );

  const others = options.against.map((text): Contender => {
    const values = { config, kubeconfig, node: NODE_NAME, 'cluster-cidr': CLUSTER_CIDR };
    const command = completeCommand(splitCommand(text), values);
    return { name: shortName(command), command };
  });
  const results: ContenderResult[] = [];
  const firstRequests: Measurement[] = [];
  for (const contender of [fairlead, ...others]) {
    await withCourse(async (course) => {
      results.push(await measureContender(contender, course, progress));
      const api = { kubeconfig, url: course.api.url };
      firstRequests.push(await measureFirstRequest(contender, node, api, FIRST_REQUESTS));
    });
  }
  const { profile: folder } = options;
  const profiles =
    folder === undefined
      ? undefined
      : await withCourse((course) => profile(fairlead, course, resolve(folder), progress));
  return {
    services,
    endpoints,
    rules: countRules(save),
    measurements: [
      ...results.flatMap(({ measurements }) => measurements).map((found) => withLines(found, recording)),
      ...firstRequests,
      ...limits,
    ],
    memory: results.map(({ memory }) => memory),
    notes: [
      ...results.flatMap(({ rules, memory }) => deviation(memory.by, save, rules)),
      ...(profiles === undefined ? [] : [profiles]),
    ],
  };
}

const FIRST_REQUESTS = 10;

async function dryRun(command: readonly string[]): Promise<string> {
  const text = await run([...command, '--dry-run', '--ip-family', 'ipv4']);
  return text.replace(/^# .*\n/gm, '');
}

/** What a proxy's payloads were is known from the time when they were recorded. */
function withLines(measurement: Measurement, recording: Recording): Measurement {
  if (measurement.by !== FAIRLEAD) return measurement;
  const recorded: Partial<Record<Measurement['case'], Recording['additions']>> = {
    'cold start': [recording.coldStart],
    'restart, nothing changed': [recording.restart],
    'one endpoint changed': recording.endpointChanges,
    'one Service added': recording.additions,
    'one Service removed': recording.removals,
  };
  const times = recorded[measurement.case];
  return times === undefined ? measurement : { ...measurement, lines: averageLines(times) };
}

/** A proxy that programs something else has done other work. */
function deviation(name: string, expected: string, actual: string): readonly string[] {
  const [first, ...others] = differingRules(expected, actual);
  if (first === undefined) return [`${name}: the rules in the kernel are those of the dry run.`];
  return [`${name}: ${others.length + 1} rules are not as in the dry run, such as: ${first}`];
}
