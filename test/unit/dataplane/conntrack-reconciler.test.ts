import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FAMILIES, type Family, type ServicePort } from '../../../rules/model.ts';
import { ConntrackReconciler, type ConntrackReport } from '../../../src/dataplane/conntrack/reconciler.ts';
import { ConntrackTool } from '../../../src/dataplane/conntrack/tool.ts';
import { ExecError } from '../../../src/dataplane/exec.ts';
import { ManualClock } from '../cluster/manual-clock.ts';
import { until } from '../cluster/until.ts';
import { ConntrackProgram } from './conntrack-program.ts';
import { address, dns, endpoint, flow, NODE, SETTINGS } from './conntrack-services.ts';

const NO_RIGHTS = 'Operation failed: sorry, you must be root or get CAP_NET_ADMIN capability to do this';

describe('ConntrackReconciler', () => {
  let program: ConntrackProgram;
  let servicePorts: Record<Family, readonly ServicePort[]>;
  let clock: ManualClock;
  let reports: ConntrackReport[];
  let log: { level: string; message: string }[];
  let reconciler: ConntrackReconciler;
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(() => {
    program = new ConntrackProgram();
    clock = new ManualClock();
    servicePorts = { ipv4: [dns([endpoint(5)])], ipv6: [] };
    reports = [];
    log = [];
    const logger = (level: string) => (_: object, message: string) => void log.push({ level, message });
    reconciler = new ConntrackReconciler({
      tool: new ConntrackTool(program),
      desired: (family) => ({ servicePorts: servicePorts[family], node: NODE, settings: SETTINGS }),
      logger: { debug: logger('debug'), info: logger('info'), warn: logger('warn') },
      clock,
      random: () => 0.5,
      observer: { reconciled: (report) => void reports.push(report) },
    });
    stop = new AbortController();
    running = reconciler.run(stop.signal);
  });

  afterEach(async () => {
    stop.abort();
    await running;
  });

  const reported = (count: number) => until(`${count} reports`, () => reports.length >= count);
  const resting = (count = 1) => until('rest', () => clock.waits.length === count);
  const warnings = () => log.filter(({ level }) => level === 'warn').map(({ message }) => message);

  it('deletes stale flows, keeps the others, and says how many there were', async () => {
    const kept = [flow('10.96.0.10:53 → 10.244.0.5:5353'), flow('8.8.8.8:53 → 8.8.8.8:53')];
    program.flows = [...kept, ...[6, 6, 7].map((n) => flow(`10.96.0.10:53 → 10.244.0.${n}:5353`))];
    reconciler.request('ipv4');
    await reported(1);
    expect(program.flows).toEqual(kept);
    expect(reports).toEqual([{ family: 'ipv4', flows: 5, deleted: 3, duration: 0 }]);
    expect(program.deletions, 'flows that are alike go together').toHaveLength(2);
  });

  it('starts nothing before it is asked, and looks at no other family', async () => {
    expect(program.calls).toEqual([]);
    reconciler.request('ipv6');
    await reported(1);
    expect(program.calls).toEqual(['-L -p udp -f ipv6']);
  });

  it('deletes the flows to a Service that was deleted', async () => {
    reconciler.request('ipv4');
    await resting();
    servicePorts.ipv4 = [];
    program.flows = [flow('10.96.0.10:53 → 10.244.0.5:5353'), flow('10.96.0.10:53 → 10.96.0.10:53')];
    reconciler.request('ipv4');
    clock.advance(1_000);
    await reported(2);
    expect(program.flows).toEqual([flow('10.96.0.10:53 → 10.96.0.10:53')]);
  });

  it('looks at most once a second, however often Services change', async () => {
    reconciler.request('ipv4');
    await resting();
    for (let i = 0; i < 10; i++) reconciler.request('ipv4');
    expect(clock.waits).toEqual([1_000]);
    clock.advance(1_000);
    await reported(2);
    await resting();
    clock.advance(1_000);
    await until('nothing left to wait for', () => clock.waits.length === 0);
    expect(reports).toHaveLength(2);
  });

  it.each([
    [2_000, 6_000],
    [60_000, 15_000],
  ])('after a look that took %i ms, rests %i ms', async (duration, rest) => {
    program.onCall = () => clock.advance(duration);
    reconciler.request('ipv4');
    await resting();
    expect(clock.waits).toEqual([rest]);
  });

  it('lets flows be whose endpoints have come back while it was deleting many', async () => {
    const gone = Array.from({ length: 60 }, (_, i) => i + 100);
    program.flows = gone.map((n) => flow(`10.96.0.10:53 → 10.244.0.${n}:5353`));
    program.onCall = (args) => {
      if (args.startsWith('-D')) servicePorts.ipv4 = [dns([endpoint(5), endpoint(159)])];
    };
    reconciler.request('ipv4');
    await reported(1);
    expect(program.flows).toEqual([flow('10.96.0.10:53 → 10.244.0.159:5353')]);
    expect(reports[0]?.deleted).toBe(59);
  });

  it('takes flows that have ended by themselves as deleted', async () => {
    program.flows = [flow('10.96.0.10:53 → 10.244.0.6:5353')];
    program.onCall = (args) => {
      if (args.startsWith('-D')) program.flows = [];
    };
    reconciler.request('ipv4');
    await reported(1);
    expect(reports[0]?.deleted).toBe(0);
    expect(warnings()).toEqual([]);
  });

  it('tells a failure once, tries again after longer and longer, and tells when it is over', async () => {
    const stderr = 'conntrack v1.4.7 (conntrack-tools): Operation failed: Interrupted system call\n';
    program.failures.push(...Array.from({ length: 3 }, () => ({ exitCode: 1, stderr })));
    program.flows = [flow('10.96.0.10:53 → 10.244.0.6:5353')];
    reconciler.request('ipv4');
    for (const wait of [750, 1_500, 3_000]) {
      await until(`a wait of ${wait} ms`, () => clock.waits[0] === wait);
      clock.advance(wait);
    }
    await reported(1);
    expect(program.flows).toEqual([]);
    expect(warnings()).toEqual([
      'UDP flows to endpoints that are gone stay until their clients pause: ' +
        'conntrack -L -p udp -f ipv4: Operation failed: Interrupted system call',
    ]);
    expect(log.filter(({ message }) => message === 'conntrack works again')).toHaveLength(1);
  });

  it('forgets nothing that departed when it fails', async () => {
    reconciler.request('ipv4');
    await resting();
    servicePorts.ipv4 = [];
    program.flows = [flow('10.96.0.10:53 → 10.244.0.5:5353')];
    program.failures.push(new ExecError('timeout', 'conntrack: took longer than 120 s'));
    reconciler.request('ipv4');
    clock.advance(1_000);
    await until('a failure', () => warnings().length === 1);
    await resting();
    clock.advance(1_000);
    await reported(2);
    expect(program.flows).toEqual([]);
  });

  it('says once for both families that the program is missing, and uses it when it comes', async () => {
    program.missing = true;
    for (const family of FAMILIES) reconciler.request(family);
    await resting(2);
    clock.advance(1_000);
    await until('nothing is retried', () => clock.waits.length === 0);
    for (const family of FAMILIES) reconciler.request(family);
    await resting(2);
    expect(warnings()).toEqual([
      'UDP flows to endpoints that are gone stay until their clients pause: conntrack: not found in PATH',
    ]);
    program.missing = false;
    clock.advance(1_000);
    for (const family of FAMILIES) reconciler.request(family);
    await reported(2);
  });

  it('does not keep trying what it has no right to', async () => {
    program.failures.push({ exitCode: 1, stderr: `conntrack v1.4.7 (conntrack-tools): ${NO_RIGHTS}\n` });
    reconciler.request('ipv4');
    await resting();
    clock.advance(1_000);
    await until('nothing is retried', () => clock.waits.length === 0);
    expect(warnings()).toHaveLength(1);
    expect(program.calls).toHaveLength(1);
  });

  it('goes on with one family while the other fails', async () => {
    program.failures.push({ exitCode: 1, stderr: 'conntrack: something' });
    reconciler.request('ipv4');
    reconciler.request('ipv6');
    await until('IPv6 to be done', () => reports.some(({ family }) => family === 'ipv6'));
  });

  it('leaves flows in other zones that nothing translated, and names the zone of those it deletes', async () => {
    program.flows = [flow('10.96.0.10:53 → 10.96.0.10:53', 3), flow('10.96.0.10:53 → 10.244.0.6:5353', 3)];
    reconciler.request('ipv4');
    await reported(1);
    expect(program.flows).toEqual([flow('10.96.0.10:53 → 10.96.0.10:53', 3)]);
    expect(program.deletions).toEqual([
      '-D -p udp -w 3 --orig-dst 10.96.0.10 --orig-port-dst 53 --reply-src 10.244.0.6 --reply-port-src 5353',
    ]);
  });

  it('ends without a word when Fairlead does', async () => {
    program.onCall = () => stop.abort();
    program.failures.push(new ExecError('aborted', 'conntrack: stopped'));
    reconciler.request('ipv4');
    await running;
    expect(log).toEqual([]);
  });

  it('deletes all flows to a Service without endpoints by one command', async () => {
    servicePorts.ipv4 = [dns([])];
    const answers = [...Array.from({ length: 200 }, (_, i) => `10.244.0.${i}:5353`), '10.96.0.10:53'];
    program.flows = answers.map((answer) => flow(`10.96.0.10:53 → ${answer}`));
    reconciler.request('ipv4');
    await reported(1);
    expect(program.flows).toEqual([]);
    expect(program.deletions).toHaveLength(1);
  });

  it('reads IPv6', async () => {
    const ipv6 = { family: 'ipv6', clusterIP: address('fd00:10:96::a'), externalIPs: [] } as const;
    servicePorts.ipv6 = [dns([endpoint(5, { address: address('fd00:10:244::5') })], ipv6)];
    const kept = flow('[fd00:10:96::a]:53 → [fd00:10:244::5]:5353');
    program.flows = [kept, flow('[fd00:10:96::a]:53 → [fd00:10:244::6]:5353')];
    reconciler.request('ipv6');
    await reported(1);
    expect(program.flows).toEqual([kept]);
  });
});
