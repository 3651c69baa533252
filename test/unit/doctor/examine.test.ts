import { describe, expect, it } from 'vitest';
import { type Check, failed, NotKnown, ok, warning } from '../../../src/cli/doctor/check.ts';
import { CAUSES, CHECKS } from '../../../src/cli/doctor/checks.ts';
import { CLUSTER_CHECKS } from '../../../src/cli/doctor/cluster/checks.ts';
import { byCause, examine, type Finding } from '../../../src/cli/doctor/examine.ts';
import type { Facts, Question } from '../../../src/cli/doctor/facts.ts';
import { isUtf8Locale, reportJson, reportText, summaryText } from '../../../src/cli/doctor/report.ts';
import { ClusterError } from '../../../src/cluster/errors.ts';
import type { Settings } from '../../../src/config/settings.ts';
import { UsageError } from '../../../src/config/usage.ts';

const question = (target?: Question['target']): Question => ({
  settings: { nodeName: 'node-1', mode: 'iptables' } as Settings,
  target,
  offline: false,
  dnsAddress: '',
  clusterDomain: 'cluster.local',
});
const facts = (target?: Question['target'], here = true): Facts =>
  ({
    question: question(target),
    onNode: () => (here ? Promise.resolve() : Promise.reject(new NotKnown('elsewhere'))),
  }) as unknown as Facts;
const check = (id: string, run: Check['run'], more: Partial<Check> = {}): Check => ({
  ...{ id, title: id, about: 'node', run },
  ...more,
});
const target = { namespace: 'default', name: 'web' };

describe('an examination', () => {
  it('asks about one Service, or about all', async () => {
    const all = [
      check('one', () => ok(''), { about: 'service' }),
      check('every', () => ok(''), { about: 'services' }),
      check('here', () => ok('')),
    ];
    const ids = async (of: Facts) => (await examine(all, of)).map(({ id }) => id);
    expect(await ids(facts(target))).toEqual(['one', 'here']);
    expect(await ids(facts())).toEqual(['every', 'here']);
  });

  it('skips what cannot be known, with the reason', async () => {
    const all = [
      check('a', () => {
        throw new NotKnown('needs root');
      }),
    ];
    expect(await examine(all, facts())).toEqual([
      { id: 'a', title: 'a', about: 'node', status: 'skipped', evidence: 'needs root' },
    ]);
  });

  it('leaves out what looks at a node that this machine is not', async () => {
    const all = [
      check('cluster', () => ok(''), { about: 'cluster' }),
      check('dns', () => ok(''), { about: 'services', onNode: true }),
      check('node', () => ok('')),
    ];
    const statuses = (await examine(all, facts(undefined, false))).map(({ status }) => status);
    expect(statuses).toEqual(['ok', 'skipped', 'skipped']);
  });

  it('gives up what never ends, and shows the rest', async () => {
    const all = [
      check('slow', () => new Promise(() => {}), { limitMs: 10 }),
      check('quick', () => ok('fine')),
    ];
    const [slow, quick] = await examine(all, facts());
    expect(slow).toMatchObject({ status: 'warning', evidence: 'took longer than 0.01 s' });
    expect(quick).toMatchObject({ status: 'ok' });
  });

  it('tells what it waits for', async () => {
    const told: (readonly string[])[] = [];
    const all = [check('a', () => ok('')), check('b', () => ok(''))];
    await examine(all, facts(), { progress: (left) => told.push(left) });
    expect(told).toEqual([['b'], []]);
  });

  it('loses nothing of what it has found to a check that fails itself', async () => {
    const all = [
      check('a', () => Promise.reject(new TypeError('x is not a function\nat line 3'))),
      check('b', () => ok('fine')),
    ];
    const [broken, fine] = await examine(all, facts());
    expect(broken).toMatchObject({
      status: 'warning',
      evidence: 'could not be looked at: x is not a function',
    });
    expect(fine).toMatchObject({ status: 'ok', evidence: 'fine' });
  });

  it('ends where the command line is wrong', async () => {
    const all = [check('a', () => Promise.reject(new UsageError('--from x cannot be read')))];
    await expect(examine(all, facts())).rejects.toThrow(UsageError);
  });

  it('takes for a trouble of the API server what is one', async () => {
    const all = CLUSTER_CHECKS.filter(({ id }) => id.startsWith('api-'));
    const statuses = async (error: Error) => {
      const found = await examine(all, Object.assign(facts(), { api: () => Promise.reject(error) }));
      return found.map(({ status, evidence }) => `${status}: ${evidence}`);
    };
    expect(await statuses(new ClusterError('unreachable', 'nobody answers'))).toEqual([
      'failed: nobody answers',
      'skipped: the cluster cannot be read',
    ]);
    expect(await statuses(new RangeError('out of range'))).toEqual([
      'warning: could not be looked at: out of range',
      'warning: could not be looked at: out of range',
    ]);
  });
});

const finding = (id: string, result: ReturnType<typeof ok>): Finding => ({
  id,
  title: id,
  about: 'node',
  ...result,
});

describe('the report', () => {
  const findings = [
    finding('service-rules', failed('changed', 'diff')),
    finding('node-forwarding', failed('ip_forward is 0', 'sysctl')),
    finding('node-localhost', warning('hm', 'look')),
    finding('node-proxy', ok('one')),
    finding('conntrack-room', { status: 'skipped', evidence: 'hidden' }),
  ];

  it('begins with the cause, not with its consequences', () => {
    expect(byCause(findings).map(({ id }) => id)).toEqual(['node-forwarding', 'service-rules']);
    expect(summaryText(findings, true)).toBe(
      '2 of 4 checks failed (1 warning, 1 skipped): node-forwarding, service-rules.\n' +
        'Most probably first: node-forwarding: ip_forward is 0\n  → sysctl\n',
    );
    expect(summaryText([finding('a', ok(''))], true)).toBe('None of 1 check failed.\n');
  });

  it('knows the rank of no check that there is not', () => {
    const ids = CHECKS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(CAUSES.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it('shows evidence and advice, a row each', () => {
    expect(reportText(findings.slice(0, 2), question(), { utf8: true })).toContain(
      '  ✗  service-rules    changed\n                      → diff\n',
    );
  });

  it('is plain ASCII where the terminal has no more', () => {
    const text = reportText([...findings, finding('x', failed('käse', 'ö'))], question(), { utf8: false });
    expect(text).toMatch(/^[\n -~]*$/);
    expect(text).toContain('[FAIL]');
  });

  it('lets no message of a server command the terminal', () => {
    const evil = [finding('x', failed('\u001b]0;owned\u0007 \u202e', '\u001b[2J'))];
    expect(reportText(evil, question(), { utf8: true })).toMatch(/^[\n\P{C}]*$/u);
  });

  it('gathers what is skipped for one reason', () => {
    const many = ['a', 'b', 'c'].map((id) =>
      finding(id, { status: 'skipped', evidence: 'node checks are off' }),
    );
    expect(reportText(many, question(), { utf8: true })).toContain('  –  3 checks  node checks are off\n');
  });

  it('has all of it as JSON', () => {
    expect(reportJson(findings, question(target))).toEqual({
      node: 'node-1',
      mode: 'iptables',
      service: 'default/web',
      summary: { ok: 1, failed: 2, warning: 1, skipped: 1 },
      probableCause: 'node-forwarding',
      checks: findings,
    });
  });

  it.each([
    [{ LANG: 'de_DE.UTF-8' }, true],
    [{ LANG: 'C.utf8' }, true],
    [{ LC_ALL: 'C', LANG: 'en_US.UTF-8' }, false],
    [{ LC_ALL: '', LC_CTYPE: 'UTF-8' }, true],
    [{}, false],
  ])('takes %j for UTF-8: %s', (env, expected) => {
    expect(isUtf8Locale(env)).toBe(expected);
  });
});
