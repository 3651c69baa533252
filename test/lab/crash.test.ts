import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { startApiServer } from '../apiserver/server.ts';
import { tally } from './answers.ts';
import { ApiGate } from './api-gate.ts';
import { Churn } from './churn.ts';
import { COMPILE_CACHE } from './compile-cache.ts';
import { eventually } from './deadline.ts';
import { dryRun, kernelDifferences } from './dry-run-comparison.ts';
import { FairleadProcess, labConfiguration } from './fairlead-process.ts';
import { Lab } from './lab.ts';
import { clusterIP, nodes, SERVICE_PORT, service } from './manifest.ts';
import type { Namespace } from './namespaces.ts';
import type { Answer } from './probe-protocol.ts';
import { Random } from './random.ts';
import { type Backend, describeLab } from './suite.ts';

const MAIN = process.env['FAIRLEAD_MAIN'] ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const STEADY = { n: 10, endpoints: ['pod-a', 'pod-b', 'pod-c'] } as const;
const SERVICES = 80;
/** The legacy backend swaps whole tables: less can go wrong there. */
const KILLS: readonly (readonly [Backend, number, number])[] = [
  ['nft', 35, 20_260_117],
  ['legacy', 15, 4_711],
];

await describeLab('killed at any instant', () => {
  it.concurrent.each(KILLS)(
    '%s: after %i kills the rules are those of a dry run, and nobody noticed (seed %i)',
    { timeout: 240_000 },
    async (backend, kills, seed) => {
      await using lab = await Lab.create();
      await using api = disposable(await startApiServer());
      const random = new Random(seed);
      const churn = new Churn(api.server, random, SERVICES);
      for (const object of [...nodes(), ...service('steady', STEADY)]) api.server.put(object);
      for (let i = 0; i < SERVICES; i++) churn.step();
      const gate = await ApiGate.open(lab, api.server);
      const config = await lab.file('config.yaml', labConfiguration());
      const cluster = ['--config', config, '--kubeconfig', gate.kubeconfig];
      const flags = [...cluster, '--iptables-backend', backend];

      const first = lab.own(new FairleadProcess(lab.node, flags, COMPILE_CACHE));
      await first.synced();
      await first.stop();
      const changes = new AbortController();
      const changing = everyFewMs(() => churn.step(), changes.signal);
      const traffic = FAMILIES.map((family) => keepAsking(lab, clusterIP(family, STEADY.n), changes.signal));
      let during = 0;
      for (let i = 0; i < kills; i++) {
        // While it reads the kernel and does its first sync, or during the syncs after that.
        const [sign, within] = random.chance(0.5) ? ['"iptables backend"', 250] : ['"synced"', 150];
        if (await dies(lab.node, flags, sign, random.below(within))) during++;
      }
      changes.abort();
      await changing;
      expect(during, 'each was killed, and did not end by itself').toBe(kills);

      const last = lab.own(new FairleadProcess(lab.node, flags, COMPILE_CACHE));
      await last.synced();
      const expected = await dryRun(lab.node, cluster);
      await eventually('the rules of a dry run', async () => {
        const differences = await kernelDifferences(lab.node, backend, expected);
        return differences.length === 0 || undefined;
      }).catch(async () => expect(await kernelDifferences(lab.node, backend, expected)).toEqual([]));
      for (const answers of await Promise.all(traffic)) {
        const { 'pod-a': a = 0, 'pod-b': b = 0, 'pod-c': c = 0, ...failures } = tally(answers);
        expect(failures, 'requests to a Service that never changed').toEqual({});
        expect(a + b + c).toBeGreaterThan(kills);
      }
    },
  );
});

/** Starts Fairlead, and kills it so many ms after the log has this. @returns whether it was alive until then */
async function dies(node: Namespace, flags: readonly string[], sign: string, ms: number): Promise<boolean> {
  const subprocess = node.start([process.execPath, MAIN, ...flags], COMPILE_CACHE);
  subprocess.stderr.resume();
  const seen = new Promise<void>((resolve) => {
    createInterface({ input: subprocess.stdout }).on('line', (line) => line.includes(sign) && resolve());
  });
  await Promise.race([seen.then(() => pause(ms)), subprocess]);
  subprocess.kill('SIGKILL');
  return (await subprocess).signal === 'SIGKILL';
}

async function everyFewMs(step: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    step();
    await pause(10);
  }
}

/** New connections one after the other, until the signal aborts. */
async function keepAsking(lab: Lab, address: string, signal: AbortSignal): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const target = { protocol: 'tcp', address, port: SERVICE_PORT } as const;
  while (!signal.aborted)
    answers.push(...(await lab.from(lab.outside).request(target, { count: 50, pauseMs: 5 })));
  return answers;
}

function disposable(server: Awaited<ReturnType<typeof startApiServer>>) {
  return { server, [Symbol.asyncDispose]: () => server.close() };
}
