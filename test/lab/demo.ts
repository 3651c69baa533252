/**
 * What Fairlead does, in half a minute: a node with Pods in network namespaces of this machine, an API server in this
 * process, real requests. Without root or iptables: the dry run.
 * Usage: demo.ts, or demo.ts ingress [iptables|nftables] for a site behind an ingress controller.
 */
import { constants } from 'node:os';
import { dryRunOfIngress, type IngressMode, runIngressDemo } from './demo-ingress.ts';
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

function choose([what, mode = 'iptables']: readonly string[]): Promise<void> {
  if (what === undefined) {
    return hindrance === undefined ? runDemo(report, resources) : dryRunOfDemo(report, hindrance);
  }
  if (what !== 'ingress' || !isIngressMode(mode)) {
    return Promise.reject(new Error('usage: npm run demo [-- ingress [iptables|nftables]]'));
  }
  return hindrance === undefined
    ? runIngressDemo(report, resources, mode)
    : dryRunOfIngress(report, resources, mode, hindrance);
}

function isIngressMode(text: string): text is IngressMode {
  return text === 'iptables' || text === 'nftables';
}

const interrupted = interruption();
const hindrance = await labHindrance();
const resources = new AsyncDisposableStack();
const demo = choose(process.argv.slice(2)).then(() => 0);
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
