import { describe, expect, it } from 'vitest';
import type { Address, Cidr, NodeFacts, ProxySettings, ServicePortKey } from '../../../rules/model.ts';
import { recentChanges } from '../../../src/cli/top/recent-changes.ts';
import { nftablesCompiler } from '../../../src/dataplane/compilers.ts';
import type { DataplaneError } from '../../../src/dataplane/dataplane.ts';
import { ExecError } from '../../../src/dataplane/exec.ts';
import { NftablesDataplane } from '../../../src/dataplane/nftables/dataplane.ts';
import { NftTools } from '../../../src/dataplane/nftables/tools.ts';
import { DesiredState } from '../../../src/desired-state.ts';
import { Reconciler } from '../../../src/reconciler.ts';
import type { SyncReport } from '../../../src/sync-observer.ts';
import { Tracker } from '../../../src/tracker/tracker.ts';
import { SyncHistory } from '../../../src/ui/sync-history.ts';
import { NftModel } from '../../model/nftables.ts';
import { NftPrograms } from '../../model/nftables-programs.ts';
import { ManualClock } from '../cluster/manual-clock.ts';
import { until } from '../cluster/until.ts';

const NODE: NodeFacts = {
  nodeName: 'node-a',
  zone: '',
  nodeIP: '172.18.0.2' as Address,
  podCIDRs: [],
  localAddresses: ['172.18.0.2', '127.0.0.1'] as Address[],
  serviceCIDRs: ['10.96.0.0/12'] as Cidr[],
};
const SETTINGS: ProxySettings = {
  family: 'ipv4',
  localDetector: { kind: 'none' },
  masqueradeAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: 'primary',
  localhostNodePorts: false,
  conntrackTCPBeLiberal: false,
  nfacct: false,
  randomFully: true,
};
const SYNC_PERIOD_MS = 30_000;
const HOUR_MS = 3_600_000;

/** A node whose kernel is a model, with so many Services named service-0, service-1 … */
class TestNode implements AsyncDisposable {
  readonly model: NftModel;
  readonly nft: NftPrograms;
  readonly tracker = new Tracker({ nodeName: 'node-a', report: () => {} });
  readonly quarantined: string[] = [];
  readonly failures: DataplaneError[] = [];
  readonly warnings: string[] = [];
  /** Fields of each `synced` that is not for debugging. */
  readonly told: object[] = [];
  /** What the page and `top` remember. */
  readonly history = new SyncHistory(() => undefined);
  readonly clock = new ManualClock();
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  readonly #reconciler: Reconciler;
  #synced: (report: SyncReport) => void = () => {};

  constructor(services: number, refuses?: (line: string) => boolean) {
    this.model = new NftModel(refuses);
    this.nft = new NftPrograms(this.model);
    for (let i = 0; i < services; i++) this.put(i);
    this.#reconciler = new Reconciler({
      dataplane: new NftablesDataplane(new NftTools('ipv4', { exec: this.nft })),
      desired: new DesiredState('ipv4', this.tracker, nftablesCompiler),
      context: () => ({ node: NODE, settings: SETTINGS }),
      logger: {
        debug: () => {},
        info: (fields, message) => void (message === 'synced' && this.told.push(fields)),
        warn: (_, message) => this.warnings.push(message),
      },
      clock: this.clock,
      random: () => 0,
      minSyncPeriod: 0,
      syncPeriod: SYNC_PERIOD_MS,
      observer: {
        synced: (report) => {
          this.history.synced(report, this.clock.now());
          this.#synced(report);
        },
        failed: ({ error }) => this.failures.push(error),
        quarantined: (_, key: ServicePortKey) => this.quarantined.push(key),
      },
    });
    this.#running = this.#reconciler.run(this.#ending.signal);
  }

  /** A Service with an endpoint, or a changed one. */
  put(i: number, endpoint = `10.244.0.${i + 1}`): void {
    const name = `service-${i}`;
    this.tracker.upsert('Service', {
      metadata: { namespace: 'default', name },
      spec: { clusterIP: `10.96.0.${i + 1}`, clusterIPs: [`10.96.0.${i + 1}`], ports: [{ port: 80 }] },
    });
    this.tracker.upsert('EndpointSlice', {
      metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ port: 8080 }],
      endpoints: [{ addresses: [endpoint], conditions: { ready: true } }],
    });
  }

  remove(i: number): void {
    this.tracker.delete('Service', `default/service-${i}`);
    this.tracker.delete('EndpointSlice', `default/service-${i}`);
  }

  async sync(): Promise<SyncReport> {
    const { promise, resolve } = Promise.withResolvers<SyncReport>();
    this.#synced = resolve;
    this.request();
    return await promise;
  }

  /** Has a sync look at what has changed. */
  request(): void {
    this.#reconciler.request();
  }

  /** Lets time pass, a syncPeriod at a time, and waits for the syncs that are due. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= SYNC_PERIOD_MS) {
      await this.resting();
      const { promise, resolve } = Promise.withResolvers<SyncReport>();
      this.#synced = resolve;
      this.clock.advance(Math.min(left, SYNC_PERIOD_MS));
      await promise;
    }
    await this.resting();
  }

  /** Lets what was left for later go. */
  async later(): Promise<void> {
    await this.resting();
    this.clock.advance(1_000);
    await until('its end', () => !this.table.includes('default/service-1'));
    await this.resting();
  }

  /** Waits until there is nothing to do but to wait. */
  async resting(): Promise<void> {
    await until('waiting', () => this.clock.waits.length > 0);
  }

  /** Has everything compared with the kernel at the next sync. */
  reread(): void {
    this.#reconciler.reread();
  }

  get table(): string {
    return this.model.list('ip kube-proxy') ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }
}

describe('a Service that the kernel refuses', () => {
  it('is quarantined, and all others are programmed, with few readings of the kernel', async () => {
    await using node = new TestNode(100, (line) => line.includes('default/service-42/'));
    await node.sync();
    expect(node.quarantined).toEqual(['default/service-42/tcp']);
    expect(
      node.table
        .match(/elements = [^}]*/g)
        ?.join()
        .match(/goto service-/g),
    ).toHaveLength(99);
    expect(node.nft.listings, 'the refused line tells whose it is').toBeLessThanOrEqual(4);
  });

  it('keeps its last good rules', async () => {
    await using node = new TestNode(3, (line) => line.includes('10.244.9.9'));
    await node.sync();
    node.put(1, '10.244.9.9');
    node.put(2, '10.244.0.99');
    await node.sync();
    expect(node.quarantined).toEqual(['default/service-1/tcp']);
    expect(node.table).toContain('0 : 10.244.0.2 . 8080');
    expect(node.table).toContain('0 : 10.244.0.99 . 8080');
  });
});

describe('a table that somebody has changed meanwhile', () => {
  it('is read again when a change does not fit, and put right', async () => {
    await using node = new TestNode(3);
    await node.sync();
    const before = node.table;
    node.model.apply('delete table ip kube-proxy\n');
    node.put(1, '10.244.0.77');
    await node.sync();
    expect(node.table).toBe(before.replace('10.244.0.2 . 8080', '10.244.0.77 . 8080'));
    expect(node.failures).toEqual([]);
  });

  it('is not read where nothing is wrong', async () => {
    await using node = new TestNode(3);
    await node.sync();
    const { listings } = node.nft;
    node.put(1, '10.244.0.77');
    expect(await node.sync()).toMatchObject({ lines: 2 });
    expect(node.nft.listings).toBe(listings);
    expect(node.nft.payloads.at(-1)?.split('\n')).toHaveLength(3);
  });
});

describe('the chain of a Service that is gone', () => {
  async function without(): Promise<TestNode> {
    const node = new TestNode(3);
    await node.sync();
    node.nft.payloads.length = 0;
    node.remove(1);
    await node.sync();
    expect(node.nft.payloads).toHaveLength(1);
    expect(node.table).not.toContain('10.96.0.2');
    expect(node.table).toContain('default/service-1');
    return node;
  }

  it('goes a second later', async () => {
    await using node = await without();
    await node.later();
    expect(node.nft.payloads).toHaveLength(2);
    expect(node.failures).toEqual([]);
  });

  it('goes without a word, as what it was about has been told', async () => {
    await using node = await without();
    const { records } = node.history;
    expect([node.told.length, records.length], 'the start, and the removal').toEqual([2, 2]);
    await node.later();
    expect([node.told.length, records.length]).toEqual([2, 2]);
    expect(recentChanges(records).map(({ what }) => what)).toEqual([
      'default/service-1',
      'IPv4: everything compared',
    ]);
    expect(node.history.totals('ipv4'), 'and is counted').toMatchObject({ syncs: 3 });
  });

  it('is told of where more than that was to be done', async () => {
    await using node = await without();
    await node.resting();
    node.model.apply('delete table ip kube-proxy\n');
    node.clock.advance(1_000);
    await until('the table', () => node.table.includes('default/service-2'));
    await node.resting();
    expect([node.told.length, node.history.records.length]).toEqual([3, 3]);
  });

  it('goes with the next change, which is told of', async () => {
    await using node = await without();
    const told = node.told.length;
    node.put(2, '10.244.0.77');
    await node.sync();
    expect(node.nft.payloads).toHaveLength(2);
    expect(node.told).toHaveLength(told + 1);
    expect(node.table).not.toContain('default/service-1');
    expect(node.table).toContain('10.244.0.77');
  });

  it('is used again when the Service comes back', async () => {
    await using node = await without();
    node.put(1);
    expect(await node.sync(), 'two elements').toMatchObject({ lines: 2 });
    await node.pass(SYNC_PERIOD_MS);
    expect(node.table).toContain('chain service-');
    expect(node.table.match(/goto service-/g)).toHaveLength(3);
    expect(node.nft.payloads).toHaveLength(2);
  });

  it('goes at the next start, if not before', async () => {
    await using node = await without();
    node.reread();
    await node.sync();
    expect(node.table).not.toContain('default/service-1');
  });
});

it.each(['killed', 'timeout'] as const)(
  'a table that nft does not get listed (%s) is replaced in one go',
  async (code) => {
    await using node = new TestNode(3);
    await node.sync();
    const before = node.table;
    node.nft.payloads.length = 0;
    node.nft.unlistable = new ExecError(code, 'nft: failed');
    node.reread();
    await node.sync();
    expect(node.nft.payloads).toEqual([
      expect.stringMatching(/^add table ip kube-proxy\ndelete table ip kube-proxy\n/),
    ]);
    expect(node.table).toBe(before);
    node.put(1, '10.244.0.77');
    expect(await node.sync(), 'and known from then on').toMatchObject({ lines: 2 });
  },
);

it('a kernel that is busy is asked again', async () => {
  await using node = new TestNode(1);
  node.nft.failNext({
    exitCode: 1,
    stderr: 'netlink: Error: Could not process rule: Resource temporarily unavailable\n',
  });
  const synced = node.sync();
  await until('a failure', () => node.failures.length > 0);
  await node.resting();
  node.clock.advance(250);
  await synced;
  expect(node.failures.map(({ code }) => code)).toEqual(['transient']);
  expect(node.table).toContain('goto service-');
});

describe('within a syncPeriod it is put right when somebody has', () => {
  const ELEMENT = '{ 10.96.0.2 . tcp . 80 }';

  it.each([
    ['taken a Service out of the map', () => `delete element ip kube-proxy service-ips ${ELEMENT}\n`],
    [
      "flushed a Service's chain",
      (table: string) =>
        `flush chain ip kube-proxy ${/chain (\S+default\/service-1\/\S+)/.exec(table)?.[1]}\n`,
    ],
    ['flushed a static chain', () => 'flush chain ip kube-proxy nat-output\n'],
    ['deleted the table', () => 'delete table ip kube-proxy\n'],
  ])('%s', async (_, meddling) => {
    await using node = new TestNode(3);
    await node.sync();
    const sorted = () =>
      node.table
        .split(/\n|[{},] ?/)
        .map((part) => part.trim())
        .sort();
    const before = sorted();
    node.model.apply(meddling(node.table));
    await node.pass(SYNC_PERIOD_MS);
    expect(sorted()).toEqual(before);
    const { listings } = node.nft;
    await node.pass(SYNC_PERIOD_MS);
    expect(node.nft.listings, 'and nothing is read where nothing is wrong').toBe(listings);
  });
});

describe('the hourly comparison with the kernel', () => {
  const KILLED = new ExecError('killed', 'nft: was ended by SIGSEGV');
  /** A rule that the look at each syncPeriod does not see. */
  const MEDDLING = 'flush chain ip kube-proxy reject-chain\nadd rule ip kube-proxy reject-chain drop\n';

  it('repairs what somebody has edited', async () => {
    await using node = new TestNode(3);
    await node.sync();
    const before = node.table;
    node.model.apply(MEDDLING);
    await node.pass(HOUR_MS - SYNC_PERIOD_MS);
    expect(node.table).not.toBe(before);
    await node.pass(SYNC_PERIOD_MS);
    expect(node.table).toBe(before);
  });

  it('that nft does not get through leaves the table as it is, and changes go on', async () => {
    await using node = new TestNode(3);
    await node.sync();
    node.nft.payloads.length = 0;
    node.nft.unlistable = KILLED;
    await node.pass(4 * HOUR_MS);
    expect(node.nft.payloads).toEqual([]);
    expect(node.failures).toEqual([]);
    expect(node.warnings, 'said once').toEqual([expect.stringContaining('cannot be read')]);
    node.put(1, '10.244.0.77');
    expect(await node.sync()).toMatchObject({ lines: 2 });
  });

  it('is made up for once nft gets through again', async () => {
    await using node = new TestNode(3);
    await node.sync();
    const before = node.table;
    node.nft.unlistable = KILLED;
    await node.pass(HOUR_MS);
    node.model.apply(MEDDLING);
    node.nft.unlistable = undefined;
    await node.pass(HOUR_MS / 6);
    expect(node.table).toBe(before);
  });

  it('makes way for a change', async () => {
    await using node = new TestNode(3);
    await node.sync();
    node.nft.unlistable = 'endless';
    await node.pass(HOUR_MS - SYNC_PERIOD_MS);
    const { listings } = node.nft;
    node.clock.advance(SYNC_PERIOD_MS);
    await until('a listing', () => node.nft.listings > listings);
    node.put(1, '10.244.0.77');
    expect(await node.sync()).toMatchObject({ lines: 2 });
    expect(node.warnings).toEqual([]);
  });

  it('is had in the end also while there is always something to do', async () => {
    await using node = new TestNode(3);
    await node.sync();
    const before = node.table;
    await node.pass(HOUR_MS - SYNC_PERIOD_MS);
    node.model.apply(MEDDLING);
    node.nft.duringListing = () => node.request();
    for (let i = 0; i < 20 && node.table !== before; i++) await node.pass(SYNC_PERIOD_MS);
    expect(node.table).toBe(before);
  });

  it('that takes too long is given up', async () => {
    await using node = new TestNode(3);
    await node.sync();
    await node.pass(HOUR_MS - SYNC_PERIOD_MS);
    node.nft.unlistable = 'endless';
    const { listings } = node.nft;
    node.clock.advance(SYNC_PERIOD_MS);
    await until('a listing', () => node.nft.listings > listings);
    node.clock.advance(20_000);
    await until('a word', () => node.warnings.length > 0);
    expect(node.warnings).toEqual([expect.stringContaining('longer than 20 s')]);
  });
});
