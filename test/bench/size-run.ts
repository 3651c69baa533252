import { resolve } from 'node:path';
import type { BenchNode } from './bench-node.ts';
import { BIG_CHANGE, measureBigService } from './big-service.ts';
import { measureChurn } from './churn.ts';
import { type ContenderResult, measureContender } from './contender.ts';
import { measureFirstRequest } from './first-request.ts';
import { measureBigLimit, measureLimits } from './limits.ts';
import type { BenchOptions } from './options.ts';
import { profile } from './profiling.ts';
import { averageLines, type Recording, recordBigService, recordPayloads } from './recording.ts';
import { FAIRLEAD, type Measurement, type SizeResult } from './result.ts';
import { prepareStage, type Stage } from './stage.ts';
import { Turn } from './turn.ts';

type Progress = (text: string) => void;
type Part = Pick<SizeResult, 'measurements' | 'memory' | 'notes' | 'churn'>;

/**
 * Measures what the options ask for on a cluster of one size.
 * @param bundle the program as it is shipped, with what runs it
 */
export async function measureSize(
  services: number,
  options: BenchOptions,
  node: BenchNode,
  bundle: readonly string[],
  progress: Progress,
): Promise<SizeResult> {
  const { endpoints, runs, bigEndpoints, minutes } = options;
  const stage = await prepareStage(services, options, node, bundle);
  const parts: Part[] = [];
  if (runs.includes('standard')) parts.push(await measureStandard(stage, services, options, node, progress));
  if (runs.includes('big-service')) {
    const big = await prepareStage(services, options, node, bundle, bigEndpoints);
    parts.push(await measureBig(big, options.gap, node, progress));
  }
  if (runs.includes('churn')) {
    const churn = await stage.withCourse((course) => measureChurn(stage.fairlead, course, minutes, progress));
    parts.push({ measurements: [], memory: [], notes: [], churn });
  }
  const churn = parts.find((part) => part.churn)?.churn;
  return {
    services,
    endpoints,
    rules: node.tools.count(stage.rules),
    measurements: parts.flatMap(({ measurements }) => measurements),
    memory: parts.flatMap(({ memory }) => memory),
    notes: parts.flatMap(({ notes }) => notes),
    ...(churn && { churn }),
  };
}

/** The usual course: of Fairlead, of the bare tools, of the classic strategies, and of other proxies. */
async function measureStandard(
  { fairlead, others, rules, kubeconfig, cluster, withCourse }: Stage,
  services: number,
  options: BenchOptions,
  node: BenchNode,
  progress: Progress,
): Promise<Part> {
  const recording = await withCourse((course) => recordPayloads(fairlead, course, progress));
  const turn = new Turn(cluster(), false);
  const limits = await measureLimits(
    node,
    {
      save: rules,
      servicePorts: Array.from({ length: 10 }, () => turn.one().servicePort),
      recording,
      starts: options.starts,
      gap: options.gap,
      single: services <= options.singlePayloadUpTo,
    },
    progress,
  );
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
    measurements: [
      ...results.flatMap(({ measurements }) => measurements).map((found) => withLines(found, recording)),
      ...firstRequests,
      ...limits,
    ],
    memory: results.map(({ memory }) => memory),
    notes: [
      ...results.flatMap((result) => deviation(result, rules, node)),
      ...(profiles === undefined ? [] : [profiles]),
    ],
  };
}

async function measureBig(stage: Stage, gap: number, node: BenchNode, progress: Progress): Promise<Part> {
  const { fairlead, withCourse } = stage;
  progress(`${fairlead.name}: recording payloads of one big Service`);
  const recording = await withCourse((course) => recordBigService(fairlead, course));
  const limit = await measureBigLimit(node, recording, gap);
  const measured = await withCourse((course) => measureBigService(fairlead, course, progress));
  const lines = averageLines(recording.endpointChanges);
  const found = measured.map((each) => (each.case === BIG_CHANGE ? { ...each, lines } : each));
  return { measurements: [...found, limit], memory: [], notes: [] };
}

const FIRST_REQUESTS = 10;

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
function deviation(
  { rules, memory }: ContenderResult,
  expected: string,
  { tools }: BenchNode,
): readonly string[] {
  const [first, ...others] = tools.differences(expected, rules);
  if (first === undefined) return [`${memory.by}: the rules in the kernel are those of the dry run.`];
  return [`${memory.by}: ${others.length + 1} rules are not as in the dry run, such as: ${first}`];
}
