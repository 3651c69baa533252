import { FAMILIES } from '../../../rules/model.ts';
import type { CommandFlag } from '../../config/flag.ts';
import { UsageError } from '../../config/usage.ts';
import { systemExec } from '../../dataplane/exec.ts';
import type { CommandCall } from '../command.ts';
import { readCluster } from '../desired.ts';
import { jsonText, print, warn } from '../output.ts';
import { isInStep, nodeDifference } from './difference.ts';
import { liveKernel } from './kernel.ts';
import { Progress } from './progress.ts';
import { jsonOf, reportText } from './report.ts';
import { ruleFiles } from './rule-files.ts';

/** Compares once and prints what differs. */
export async function runDiff(
  { settings, notes, operands, value }: CommandCall,
  rules: CommandFlag<readonly string[]>,
  output: CommandFlag<'text' | 'json'>,
): Promise<number> {
  const [operand] = operands;
  if (operand !== undefined) {
    throw new UsageError(`fairlead diff compares the whole node: ${JSON.stringify(operand)} has no meaning`);
  }
  const files = value(rules);
  if ([...files, ...settings.from].filter((file) => file === '-').length > 1) {
    throw new UsageError('only one of --from and --rules can be standard input');
  }
  for (const { level, message } of notes) if (level === 'warn') warn(message);
  const families = settings.ipFamily === undefined ? FAMILIES : [settings.ipFamily];
  const source =
    files.length > 0 ? ruleFiles(settings, files, families) : liveKernel(settings, systemExec, families);
  const progress = new Progress(process.stderr);
  try {
    progress.stage('reading the cluster');
    const tell = (message: string): void => {
      progress.clear();
      warn(message);
    };
    const tracker = await readCluster(settings, tell);
    const stage = (what: string): void => progress.stage(what);
    const { signal } = new AbortController();
    const difference = await nodeDifference({ tracker, settings, source, warn: tell, stage }, signal);
    progress.clear();
    await print(value(output) === 'json' ? jsonText(jsonOf(difference)) : reportText(difference));
    return isInStep(difference) ? 0 : 1;
  } finally {
    progress.clear();
  }
}
