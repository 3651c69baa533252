/**
 * What Fairlead does, in half a minute: a node with Pods in network namespaces of this machine, an API server in this
 * process, real requests. Without root or iptables: the dry run.
 */
import { constants } from 'node:os';
import { DemoReport } from './demo-report.ts';
import { dryRunOfDemo, runDemo } from './demo-steps.ts';
import { labHindrance } from './hindrance.ts';

const report = new DemoReport(process.stdout);

/** Resolves when the user has had enough, to the exit code that says so. A second Ctrl-C changes nothing. */
function interruption(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => resolve(128 + constants.signals[signal]));
    }
    // Nobody reads any more: `npm run demo | head`.
    process.stdout.on('error', () => resolve(128 + constants.signals.SIGPIPE));
  });
}

const interrupted = interruption();
const hindrance = await labHindrance();
const resources = new AsyncDisposableStack();
const demo = (hindrance === undefined ? runDemo(report, resources) : dryRunOfDemo(report, hindrance)).then(
  () => 0,
);
try {
  const code = await Promise.race([demo, interrupted]);
  if (code !== 0) report.say('\nInterrupted: cleaning up.');
  process.exitCode = code;
} catch (error) {
  process.stderr.write(`\ndemo: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  // What it was in the middle of fails now, and nobody needs to know.
  demo.catch(() => {});
  await resources.disposeAsync();
}
process.exit();
