import { release } from 'node:os';
import type { CommandCall } from '../command.ts';
import { Progress } from '../diff/progress.ts';
import { jsonText, print, warn } from '../output.ts';
import { OUTPUT } from '../output-flag.ts';
import { CHECKS } from './checks.ts';
import { CLUSTER_DOMAIN, DNS_ADDRESS, OFFLINE } from './command.ts';
import { examine } from './examine.ts';
import { Facts, type Question } from './facts.ts';
import { systemPorts } from './ports.ts';
import { isUtf8Locale, reportJson, reportText } from './report.ts';
import { parseTarget } from './target.ts';
import { summed } from './words.ts';

/** ms after which somebody who waits is told for what. */
const PATIENCE_MS = 1_000;

/** Examines once and prints what was found. */
export async function runDoctor({ settings, notes, operands, value }: CommandCall): Promise<number> {
  const question: Question = {
    settings,
    target: parseTarget(operands),
    offline: value(OFFLINE),
    dnsAddress: value(DNS_ADDRESS),
    clusterDomain: value(CLUSTER_DOMAIN).replace(/^\.|\.$/g, ''),
  };
  for (const { level, message } of notes) if (level === 'warn') warn(message);
  const progress = new Progress(process.stderr);
  const end = new AbortController();
  let left: readonly string[] = [];
  const tell = (): void =>
    progress.stage(left.length > 0 ? `waiting for ${summed(left)}` : 'reading the cluster');
  const patience = setInterval(tell, PATIENCE_MS);
  try {
    const facts = new Facts(question, systemPorts(release()), end.signal);
    const findings = await examine(CHECKS, facts, { progress: (names) => (left = names) });
    progress.clear();
    const utf8 = isUtf8Locale(process.env);
    await print(
      value(OUTPUT) === 'json'
        ? jsonText(reportJson(findings, question))
        : reportText(findings, question, { utf8 }),
    );
    return findings.some(({ status }) => status === 'failed') ? 1 : 0;
  } finally {
    clearInterval(patience);
    progress.clear();
    // Whatever is still being waited for ends with it.
    end.abort();
  }
}
