import { parseArgs } from 'node:util';
import { listing } from '../../src/config/kinds.ts';
import type { Backend } from '../lab/suite.ts';
import type { Lengths } from './course.ts';
import type { BenchMode } from './toolset.ts';

export interface BenchOptions extends Lengths {
  /** Numbers of Services, one run after the other. */
  readonly services: readonly number[];
  readonly endpoints: number;
  readonly mode: BenchMode | 'ipvs';
  readonly backend: Backend;
  /** What is measured. */
  readonly runs: readonly Run[];
  /** Endpoints of the one big Service. */
  readonly bigEndpoints: number;
  /** How long the churn lasts. */
  readonly minutes: number;
  /** All rules in one payload are tried up to so many Services. */
  readonly singlePayloadUpTo: number;
  /** Command lines of other proxies, as given. */
  readonly against: readonly string[];
  /** Files to write. */
  readonly json: string | undefined;
  readonly svg: string | undefined;
  /** Folder for CPU profiles of the bundle. */
  readonly profile: string | undefined;
}

const MODES = ['iptables', 'nftables', 'ipvs'] as const;

/** The usual course; one endpoint after the other of one big Service; hours of changes. */
const RUNS = ['standard', 'big-service', 'churn'] as const;
export type Run = (typeof RUNS)[number];

/** A command line that says what cannot be. The message is for people. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `npm run bench -- [options]

  --services N,N,…         sizes of the cluster                                [1000,5000]
  --endpoints N            of each Service                                     [3]
  --mode MODE              iptables, nftables, or ipvs: that in a virtual machine where this kernel has none,
                           whose processor is emulated, so that only ratios mean something   [iptables]
  --run standard,big-service,churn
                           the usual course; a stream of changes to one Service with many endpoints; memory during
                           a long stream of changes                            [standard]
  --backend nft|legacy     what iptables' commands program                     [nft]
  --starts N               cold starts and restarts                            [3]
  --changes N              endpoint changes, one after the other               [100]
  --additions N            Services that come and go, one after the other      [20]
  --gap MS                 rest between two of them                            [100]
  --rate N                 changes a second in the steady stream               [10]
  --seconds N              its length                                          [30]
  --big-endpoints N        of the one big Service                              [5000]
  --minutes N              length of the churn                                 [60]
  --single-payload-up-to N Services for which all rules in one payload are tried: iptables-nft takes time
                           quadratic in them                                   [5000]
  --against CMD            another proxy to measure on the same clusters (repeatable). In CMD stand {config} for a
                           KubeProxyConfiguration, {kubeconfig}, {node} and {cluster-cidr} for what they are called;
                           a CMD with none of them gets "--config FILE"
  --json FILE              write everything that was measured
  --svg FILE               draw latency against the number of Services
  --profile DIR            at the end, run the bundle once more under V8's profiler, and tell where the time went
`;

/** @throws UsageError */
export function parseOptions(argv: readonly string[]): BenchOptions | 'help' {
  const { values } = parse(argv);
  if (values.help) return 'help';
  const mode = choice('mode', values.mode, MODES);
  const backend = choice('backend', values.backend, ['nft', 'legacy']);
  if (mode === 'nftables' && backend === 'legacy') {
    throw new UsageError('--backend must be nft in nftables mode: current value is "legacy"');
  }
  const services = values.services.split(',').map((text) => integer('services', text, 20));
  return {
    services,
    endpoints: integer('endpoints', values.endpoints, 1),
    mode,
    backend,
    runs: values.run.split(',').map((run) => choice('run', run, RUNS)),
    bigEndpoints: integer('big-endpoints', values['big-endpoints'], 1),
    minutes: integer('minutes', values.minutes, 1),
    starts: integer('starts', values.starts, 1),
    changes: integer('changes', values.changes, 1),
    additions: integer('additions', values.additions, 1),
    gap: integer('gap', values.gap, 0),
    rate: integer('rate', values.rate, 1),
    seconds: integer('seconds', values.seconds, 1),
    singlePayloadUpTo: integer('single-payload-up-to', values['single-payload-up-to'], 0),
    against: values.against,
    json: values.json,
    svg: values.svg,
    profile: values.profile,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        services: { type: 'string', default: '1000,5000' },
        endpoints: { type: 'string', default: '3' },
        mode: { type: 'string', default: 'iptables' },
        backend: { type: 'string', default: 'nft' },
        starts: { type: 'string', default: '3' },
        changes: { type: 'string', default: '100' },
        additions: { type: 'string', default: '20' },
        gap: { type: 'string', default: '100' },
        rate: { type: 'string', default: '10' },
        seconds: { type: 'string', default: '30' },
        run: { type: 'string', default: 'standard' },
        'big-endpoints': { type: 'string', default: '5000' },
        minutes: { type: 'string', default: '60' },
        'single-payload-up-to': { type: 'string', default: '5000' },
        against: { type: 'string', multiple: true, default: [] },
        json: { type: 'string' },
        svg: { type: 'string' },
        profile: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function integer(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least) return value;
  throw new UsageError(`--${flag} must be a whole number of ${least} or more: current value is "${text}"`);
}

function choice<T extends string>(flag: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${flag} must be ${listing(allowed)}: current value is "${text}"`);
}
