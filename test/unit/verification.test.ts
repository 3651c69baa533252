import { describe, expect, it } from 'vitest';
import type { Fragment, Ruleset } from '../../rules/fragment.ts';
import { type Dataplane, DataplaneError, type Ledger, type Plan } from '../../src/dataplane/dataplane.ts';
import { DesiredState } from '../../src/desired-state.ts';
import { Reconciler } from '../../src/reconciler.ts';
import type { SyncReport } from '../../src/sync-observer.ts';
import { Tracker } from '../../src/tracker/tracker.ts';
import { Verification } from '../../src/verification.ts';
import { ManualClock } from './cluster/manual-clock.ts';
import { until } from './cluster/until.ts';
import { nodeFacts, proxySettings } from './rules/model-parts.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const SYNC_PERIOD_MS = 30_000;

/** A kernel that is whole objects, and can be slow or impossible to read. */
class SlowDataplane implements Dataplane {
  readonly family = 'ipv4';
  readonly kernel: Ledger = new Map();
  /** What was done, in order: `verify`, `given up`, `look`, `apply`. */
  readonly calls: string[] = [];
  reading: 'works' | 'fails' | 'never ends' = 'works';

  async adopt(): Promise<Ledger> {
    this.calls.push('adopt');
    return new Map(this.kernel);
  }

  async verify(signal: AbortSignal): Promise<Ledger> {
    this.calls.push('verify');
    if (this.reading === 'fails') throw new DataplaneError('transient', 'the tool dies');
    if (this.reading === 'never ends') {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      this.calls.push('given up');
      throw new DataplaneError('aborted', 'the tool was stopped');
    }
    return new Map(this.kernel);
  }

  async isIntact(): Promise<boolean> {
    this.calls.push('look');
    return true;
  }

  plan(ruleset: Ruleset, ledger: Ledger, keys: Iterable<string> = ruleset.keys()): Plan {
    const changed = [...keys].filter((key) => ruleset.text(key) !== ledger.get(key));
    const changes = new Map(changed.map((key) => [key, ruleset.text(key)]));
    const lines = changes.size;
    return { sections: lines === 0 ? [] : [{ text: 'changed\n', lines, changes }], lines };
  }

  async apply({ sections }: Plan): Promise<void> {
    this.calls.push('apply');
    for (const { changes } of sections) for (const [key, text] of changes) this.kernel.set(key, text ?? '');
  }

  programmed(): Fragment {
    return [];
  }
}

interface Log {
  readonly warnings: string[];
  readonly logger: ConstructorParameters<typeof Verification>[0]['logger'];
}

function log(): Log {
  const warnings: string[] = [];
  return {
    warnings,
    logger: { debug: () => {}, info: () => {}, warn: (_, message) => warnings.push(message) },
  };
}

function begin() {
  const dataplane = new SlowDataplane();
  const clock = new ManualClock();
  const { warnings, logger } = log();
  const verification = new Verification({ dataplane, clock, logger, random: () => 1 });
  const ending = new AbortController();
  return { dataplane, clock, warnings, verification, ending, read: () => verification.read(ending.signal) };
}

describe('reading the kernel from time to time', () => {
  it('is due an hour after everything was compared', async () => {
    const { dataplane, clock, verification, read } = begin();
    dataplane.kernel.set('a', 'b');
    clock.advance(HOUR_MS - 1);
    expect(verification.isDue).toBe(false);
    clock.advance(1);
    expect(verification.isDue).toBe(true);
    expect(await read()).toEqual(dataplane.kernel);
    verification.done();
    expect(verification.isDue).toBe(false);
    expect(clock.waits, 'no timer stays').toEqual([]);
  });

  it('gives way to a change, without a word, and is due again a minute later', async () => {
    const { dataplane, clock, warnings, verification, read } = begin();
    clock.advance(HOUR_MS);
    dataplane.reading = 'never ends';
    const found = read();
    verification.makeWay();
    expect(await found).toBe('gave way');
    expect([verification.isDue, warnings]).toEqual([false, []]);
    clock.advance(MINUTE_MS);
    expect(verification.isDue).toBe(true);
  });

  it('gives way five times in a row; then changes wait, until it is read or given up', async () => {
    const { dataplane, clock, warnings, verification, read } = begin();
    clock.advance(HOUR_MS);
    dataplane.reading = 'never ends';
    const interrupted = () => {
      const found = read();
      verification.makeWay();
      return found;
    };
    for (let i = 0; i < 5; i++) expect(await interrupted()).toBe('gave way');
    const last = interrupted();
    expect(dataplane.calls.at(-1)).toBe('verify');
    clock.advance(20_000);
    expect(await last).toBeUndefined();
    expect(warnings).toHaveLength(1);
    expect(await interrupted(), 'and its patience is back').toBe('gave way');
  });

  it('is given up after 20 s, and makes no way that it was not asked for before', async () => {
    const { dataplane, clock, warnings, verification, read } = begin();
    verification.makeWay();
    dataplane.reading = 'never ends';
    const found = read();
    clock.advance(19_999);
    expect(dataplane.calls).toEqual(['verify']);
    clock.advance(1);
    expect(await found).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('longer than 20 s')]);
    expect(clock.waits).toEqual([]);
  });

  it('is tried again ten minutes after it failed, then more rarely; said once', async () => {
    const { dataplane, clock, warnings, verification, read } = begin();
    dataplane.reading = 'fails';
    for (const minutes of [10, 20, 40, 60, 60]) {
      expect(await read()).toBeUndefined();
      clock.advance(minutes * MINUTE_MS - 1);
      expect(verification.isDue, `${minutes} minutes`).toBe(false);
      clock.advance(1);
      expect(verification.isDue, `${minutes} minutes`).toBe(true);
    }
    expect(warnings).toEqual([expect.stringContaining('the tool dies')]);
    verification.done();
    expect(await read()).toBeUndefined();
    expect(warnings, 'and once more after it had worked').toHaveLength(2);
  });

  it('ends with the daemon, without a word', async () => {
    const { dataplane, warnings, ending, clock, read } = begin();
    dataplane.reading = 'never ends';
    const found = read();
    ending.abort();
    expect(await found).toBe('gave way');
    expect([warnings, clock.waits]).toEqual([[], []]);
  });

  it('does not hide an error of our own', async () => {
    const { dataplane, read, clock } = begin();
    dataplane.verify = () => Promise.reject(new TypeError('a mistake'));
    await expect(read()).rejects.toThrow('a mistake');
    expect(clock.waits).toEqual([]);
  });
});

/** A reconciler whose kernel has `base`, an hour after it was last compared but for one look. */
class VerifyingNode implements AsyncDisposable {
  readonly dataplane = new SlowDataplane();
  readonly clock = new ManualClock();
  readonly reports: SyncReport[] = [];
  readonly failures: DataplaneError[] = [];
  readonly log = log();
  readonly #ending = new AbortController();
  readonly #reconciler: Reconciler;
  readonly #running: Promise<void>;

  constructor() {
    const tracker = new Tracker({ nodeName: 'node-a', report: () => {} });
    const compiler = { base: () => [{ key: 'base', text: 'static' }], servicePort: () => [] };
    this.#reconciler = new Reconciler({
      dataplane: this.dataplane,
      desired: new DesiredState('ipv4', tracker, compiler),
      context: () => ({ node: nodeFacts(), settings: proxySettings() }),
      logger: this.log.logger,
      clock: this.clock,
      random: () => 0,
      minSyncPeriod: 0,
      syncPeriod: SYNC_PERIOD_MS,
      observer: {
        synced: (report) => this.reports.push(report),
        failed: ({ error }) => this.failures.push(error),
      },
    });
    this.#running = this.#reconciler.run(this.#ending.signal);
  }

  async settle(): Promise<void> {
    await this.sync();
    for (let passed = SYNC_PERIOD_MS; passed < HOUR_MS; passed += SYNC_PERIOD_MS) await this.pass();
    this.dataplane.calls.length = 0;
  }

  request(): void {
    this.#reconciler.request();
  }

  async sync(): Promise<void> {
    await this.#turn(() => this.request());
  }

  async pass(): Promise<void> {
    await this.#turn(() => this.clock.advance(SYNC_PERIOD_MS));
  }

  async #turn(act: () => void): Promise<void> {
    const { length } = this.reports;
    act();
    await until('a sync', () => this.reports.length > length);
    await until('rest', () => this.clock.waits.length > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }
}

describe('a reconciler that has the kernel read from time to time', () => {
  it('puts right what it finds', async () => {
    await using node = new VerifyingNode();
    await node.settle();
    node.dataplane.kernel.set('base', 'edited');
    await node.pass();
    expect(node.dataplane.calls).toEqual(['verify', 'apply']);
    expect(node.dataplane.kernel.get('base')).toBe('static');
    expect(node.reports.at(-1)).toMatchObject({ full: true, lines: 1, repaired: 1 });
  });

  it('leaves all as it is where it cannot be read, has the cheaper look, and goes on', async () => {
    await using node = new VerifyingNode();
    await node.settle();
    node.dataplane.reading = 'fails';
    await node.pass();
    expect(node.dataplane.calls, 'nothing is adopted, and nothing written').toEqual(['verify', 'look']);
    expect(node.reports.at(-1)).toMatchObject({ full: false, lines: 0 });
    expect([node.failures, node.log.warnings.length]).toEqual([[], 1]);
  });

  it('serves the change that it gave way to at once, and looks at the next sync period', async () => {
    await using node = new VerifyingNode();
    await node.settle();
    node.dataplane.reading = 'never ends';
    const { length } = node.reports;
    node.clock.advance(SYNC_PERIOD_MS);
    await until('a reading', () => node.dataplane.calls.length > 0);
    node.request();
    await until('a sync', () => node.reports.length > length);
    expect(node.dataplane.calls, 'no look in between').toEqual(['verify', 'given up']);
    // The change is looked at once more, as it arrived while the reconciler was busy.
    await until('rest', () => node.clock.waits.length > 0);
    node.dataplane.calls.length = 0;
    await node.pass();
    expect(node.dataplane.calls).toEqual(['look']);
    node.dataplane.reading = 'works';
    await node.pass();
    expect(node.dataplane.calls).toEqual(['look', 'verify']);
  });
});
