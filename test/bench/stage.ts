import { writeFile } from 'node:fs/promises';
import { run } from '../lab/command.ts';
import { ApiProcess } from './api-process.ts';
import type { BenchNode } from './bench-node.ts';
import { BenchCluster } from './cluster.ts';
import { CLUSTER_CIDR, NODE_NAME } from './cluster-objects.ts';
import { completeCommand, shortName, splitCommand } from './command-line.ts';
import { configuration } from './configuration.ts';
import type { Contender, Course } from './course.ts';
import type { BenchOptions } from './options.ts';
import { FAIRLEAD } from './result.ts';

/** A cluster to run proxies on, and the proxies. */
export interface Stage {
  readonly fairlead: Contender;
  readonly others: readonly Contender[];
  /** All IPv4 rules, as the dry run prints them. */
  readonly rules: string;
  readonly kubeconfig: string;
  /** The cluster as each begins with it. */
  cluster(): BenchCluster;
  /** Starts an API server with the cluster for as long as it is used. */
  withCourse<T>(use: (course: Course) => Promise<T>): Promise<T>;
}

/**
 * @param bundle the program as it is shipped, with what runs it
 * @param big endpoints of one more Service
 */
export async function prepareStage(
  services: number,
  options: BenchOptions,
  node: BenchNode,
  bundle: readonly string[],
  big?: number,
): Promise<Stage> {
  const { endpoints, backend, mode } = options;
  const { signs } = node.tools;
  const [kubeconfig, config, manifest] = ['kubeconfig', 'config.yaml', 'cluster.json'].map((name) =>
    node.file(name),
  ) as [string, string, string];
  const cluster = () => new BenchCluster(services, endpoints, signs, big);
  await writeFile(config, configuration(mode, kubeconfig));
  await writeFile(manifest, cluster().manifest());
  const backendFlag = backend === 'legacy' ? ['--iptables-backend', backend] : [];
  const fairlead = { name: FAIRLEAD, command: [...bundle, '--config', config, ...backendFlag] };
  const others = options.against.map((text): Contender => {
    const values = { config, kubeconfig, node: NODE_NAME, 'cluster-cidr': CLUSTER_CIDR };
    const command = completeCommand(splitCommand(text), values);
    return { name: shortName(command), command };
  });
  const rules = await dryRun([...fairlead.command, '--from', manifest]);
  const size = node.tools.size(rules);
  return {
    fairlead,
    others,
    rules,
    kubeconfig,
    cluster,
    async withCourse(use) {
      await using api = await ApiProcess.start(manifest, kubeconfig);
      return await use({ ...options, node, api, cluster: cluster(), size, endpoints });
    },
  };
}

async function dryRun(command: readonly string[]): Promise<string> {
  const text = await run([...command, '--dry-run', '--ip-family', 'ipv4']);
  return text.replace(/^# .*\n/gm, '');
}
