import { describe, expect, it } from 'vitest';
import type { ServicePortKey } from '../../../rules/model.ts';
import { DataplaneError, type Plan } from '../../../src/dataplane/dataplane.ts';
import type { SyncReport } from '../../../src/sync-observer.ts';
import { SYNCS_KEPT } from '../../../src/ui/state.ts';
import { SyncHistory } from '../../../src/ui/sync-history.ts';

const WEB = 'default/web:http/tcp' as ServicePortKey;

function report(given: Partial<SyncReport> = {}): SyncReport {
  return {
    family: 'ipv4',
    servicePorts: [WEB],
    full: false,
    lines: 1,
    adopted: undefined,
    repaired: 0,
    objects: 10,
    duration: 5,
    ...given,
  };
}

function plan(text: string, changes: readonly (readonly [string, string | undefined])[]): Plan {
  return { sections: [{ text, lines: 1, changes: new Map(changes) }], lines: 1 };
}

function history(): SyncHistory {
  return new SyncHistory((_, key) => (key.includes('WEB') ? WEB : undefined));
}

describe('the history of syncs', () => {
  it('knows what was written for whom', () => {
    const syncs = history();
    const changes = [
      ['nat:KUBE-SVC-WEB', 'a\nb'],
      ['element service-ips WEB', ': goto x'],
      ['nat:KUBE-SEP-OLD', undefined],
    ] as const;
    const record = syncs.synced(report({ plan: plan('*nat\nCOMMIT\n', changes) }), 1000);
    expect(record).toMatchObject({ id: 1, at: 1000, duration: 5, servicePorts: { total: 1, items: [WEB] } });
    expect(syncs.details(1)).toEqual({
      ...record,
      changes: {
        total: 3,
        items: [
          { servicePort: WEB, change: 'written', object: 'nat:KUBE-SVC-WEB' },
          { servicePort: WEB, change: 'written', object: 'element service-ips WEB : goto x' },
          { servicePort: WEB, change: 'removed', object: 'nat:KUBE-SEP-OLD' },
        ],
      },
      payload: '*nat\nCOMMIT\n',
    });
    expect(syncs.concerning(new Set([WEB]))).toEqual([record]);
    expect(syncs.concerning(new Set(['default/other/tcp' as ServicePortKey]))).toEqual([]);
  });

  it('counts syncs without anything to do, and remembers none of them', () => {
    const syncs = history();
    expect(syncs.synced(report({ servicePorts: [], lines: 0 }), 1000)).toBeUndefined();
    expect(syncs.records).toEqual([]);
    expect(syncs.totals('ipv4')).toMatchObject({ syncs: 1, lines: 0, lastSync: 1000 });
  });

  it('remembers drift and failures until things are well again', () => {
    const syncs = history();
    syncs.synced(report({ lines: 3, repaired: 2, full: true }), 1000);
    syncs.failed('ipv4', new DataplaneError('transient', 'the lock is held'), {
      at: 2000,
      duration: 9,
      full: false,
    });
    const failure = { code: 'transient', message: 'the lock is held' };
    expect(syncs.totals('ipv4')).toMatchObject({
      repaired: 2,
      lastRepair: 1000,
      failures: 1,
      failing: failure,
    });
    expect(syncs.records.at(-1)).toMatchObject({ id: 2, at: 2000, failure });
    syncs.synced(report(), 3000);
    expect(syncs.totals('ipv4')).toMatchObject({ repaired: 2, failing: undefined, lastSync: 3000 });
    expect(syncs.totals('ipv6')).toMatchObject({ syncs: 0, lastSync: undefined });
  });

  it('stays small whatever happens', () => {
    const syncs = history();
    const keys = Array.from({ length: 5000 }, (_, i) => `default/s${i}/tcp` as ServicePortKey);
    const changes = keys.map((key) => [`nat:KUBE-SERVICES ${key} ${'x'.repeat(1000)}`, ''] as const);
    for (let i = 0; i < 1000; i++) {
      const payload = i % 2 === 0 ? 'x'.repeat(11_000) : 'x'.repeat(1_000_000);
      syncs.synced(report({ servicePorts: keys, lines: 5000, plan: plan(payload, changes) }), i);
    }
    expect(syncs.records.length).toBe(SYNCS_KEPT);
    expect(JSON.stringify(syncs.records).length).toBeLessThan(250_000);
    const failure = new DataplaneError('refused', 'x'.repeat(1_000_000));
    const failing = history();
    for (let at = 0; at < 1000; at++) failing.failed('ipv4', failure, { at, duration: 1, full: false });
    expect(JSON.stringify(failing.records).length).toBeLessThan(350_000);
    const details = syncs.records.map(({ id }) => syncs.details(id));
    expect(JSON.stringify(details).length).toBeLessThan(1_000_000);
    const last = details.at(-2);
    expect(last?.payload?.length, 'of the last ones all is known').toBe(11_000);
    expect(last?.changes).toMatchObject({ total: 5000, items: { length: 60 } });
    expect(details.at(-1)?.payload, 'but for what is very long').toBeUndefined();
    expect(details[0]?.changes).toEqual({ total: 0, items: [] });
  });
});
