import { describe, expect, it } from 'vitest';
import type { Address, Cidr, NodeFacts, ProxySettings, ServicePortKey } from '../../../rules/model.ts';
import { systemClock } from '../../../src/cluster/clock.ts';
import { nftablesCompiler } from '../../../src/dataplane/compilers.ts';
import type { DataplaneError } from '../../../src/dataplane/dataplane.ts';
import { ExecError } from '../../../src/dataplane/exec.ts';
import { NftablesDataplane } from '../../../src/dataplane/nftables/dataplane.ts';
import { NftTools } from '../../../src/dataplane/nftables/tools.ts';
import { DesiredState } from '../../../src/desired-state.ts';
import { Reconciler, type SyncReport } from '../../../src/reconciler.ts';
import { Tracker } from '../../../src/tracker/tracker.ts';
import { NftModel } from '../../model/nftables.ts';
import { NftPrograms } from '../../model/nftables-programs.ts';

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
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A node whose kernel is a model, with so many Services named service-0, service-1 … */
class TestNode implements AsyncDisposable {
  readonly model: NftModel;
  readonly nft: NftPrograms;
  readonly tracker = new Tracker({ nodeName: 'node-a', report: () => {} });
  readonly quarantined: string[] = [];
  readonly failures: DataplaneError[] = [];
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
      logger: SILENT,
      clock: systemClock,
      random: () => 0,
      minSyncPeriod: 0,
      syncPeriod: 3_600_000,
      observer: {
        synced: (report) => this.#synced(report),
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

  async sync(): Promise<SyncReport> {
    const { promise, resolve } = Promise.withResolvers<SyncReport>();
    this.#synced = resolve;
    this.#reconciler.request();
    return await promise;
  }

  /** Has everything compared with the kernel at the next sync. */
  verify(): void {
    this.#reconciler.verify();
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

it.each(['killed', 'timeout'] as const)(
  'a table that nft does not get listed (%s) is replaced in one go',
  async (code) => {
    await using node = new TestNode(3);
    await node.sync();
    const before = node.table;
    node.nft.payloads.length = 0;
    node.nft.unlistable = new ExecError(code, 'nft: failed');
    node.verify();
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
  await node.sync();
  expect(node.failures.map(({ code }) => code)).toEqual(['transient']);
  expect(node.table).toContain('goto service-');
});
