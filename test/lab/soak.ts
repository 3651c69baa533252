/** `npm run soak -- --minutes N --seed S`: the soak for as long as one likes. Ends with 1 where something is wrong. */
import { parseArgs } from 'node:util';
import { labHindrance } from './hindrance.ts';
import { soak } from './soak-run.ts';
import { soakFindings } from './soak-verdict.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
const print = (line: string) => process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  if (!(minutes > 0) || !Number.isInteger(seed)) {
    print('usage: npm run soak -- [--minutes N] [--seed S]');
    return 2;
  }
  const hindrance = await labHindrance();
  if (hindrance !== undefined) {
    print(`no soak: ${hindrance}`);
    return 1;
  }
  print(`soak of ${minutes} min, seed ${seed}`);
  const result = await soak({
    duration: minutes * 60_000,
    seed,
    report: ({ at, heap, resident, files, services }) =>
      print(
        `${(at / 1000).toFixed(0).padStart(6)} s  heap ${mb(heap)}  RSS ${mb(resident)}  files ${files}  Services ${services}`,
      ),
  });
  const troubles = [...result.troubles].map(([name, count]) => `${name} ${count}`).join(', ');
  print(`${result.changes} changes, ${result.syncs} syncs; troubles: ${troubles}`);
  const findings = soakFindings(result);
  for (const finding of findings) print(`wrong: ${finding}`);
  print(findings.length === 0 ? 'all well' : `again with: --minutes ${minutes} --seed ${seed}`);
  return findings.length === 0 ? 0 : 1;
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1).padStart(6)} MB`;
}

process.exitCode = await main();
