import { describe, expect, test } from 'vitest';
import { readObjects } from '../../../src/cluster/files.ts';
import { dryRun, fairlead, file } from './fairlead.ts';
import { manifest, node, service, slice } from './manifests.ts';
import { linesOf, type Outcome, outcome } from './outcome.ts';

/** A load balancer address of each family that only 192.0.2.0/24, 127.0.0.0/8 and ::1 may use. */
const GUARDED = [
  service(
    'guarded',
    {
      clusterIPs: ['10.96.1.10', 'fd00:10:96::10'],
      type: 'LoadBalancer',
      loadBalancerSourceRanges: ['192.0.2.0/24', '2001:db8::/32'],
    },
    { status: { loadBalancer: { ingress: [{ ip: '203.0.113.10' }, { ip: '2001:db8:ffff::10' }] } } },
  ),
  slice('guarded', ['10.244.1.10']),
  { ...slice('guarded', ['fd00:10:244::10']), metadata: slice6('guarded') },
];

function slice6(name: string): object {
  return { name: `${name}-6`, labels: { 'kubernetes.io/service-name': name } };
}

/** What a dry run of these objects gives. */
function run(objects: readonly object[], flags: readonly string[] = []): Outcome {
  return outcome((tracker, warn) => {
    for (const { kind, object } of readObjects(manifest(objects), 'cluster.json', warn))
      tracker.upsert(kind, object);
  }, flags);
}

/** Families in which the node may use the load balancer's address from that very address: it is in a range. */
function letsNodeIn(result: Outcome): readonly string[] {
  const itself = /^(\d) -A KUBE-FW-\w+ -s (203\.0\.113\.10\/32|2001:db8:ffff::10\/128) /;
  return linesOf(result).flatMap((line) => itself.exec(line)?.[1] ?? []);
}

/** The addresses that node ports answer on, in both families. */
function nodePortAddresses(result: Outcome): readonly string[] {
  return linesOf(result).flatMap((line) => / -d (\S+) .*-j KUBE-NODEPORTS$/.exec(line)?.[1] ?? []);
}

describe('the node IP', () => {
  test.each([
    ['of the Node object', ['192.0.2.7', '2001:db8::7'], [], ['4', '6']],
    ['of the Node object, one family', ['192.0.2.7'], [], ['4']],
    ['of the Node object, out of the ranges', ['198.51.100.7', 'fd00::7'], [], []],
    [
      '--bind-address wins over the Node',
      ['198.51.100.7', '2001:db8::7'],
      ['--bind-address=192.0.2.8'],
      ['4', '6'],
    ],
    [
      '--bind-address out of the ranges',
      ['192.0.2.7', '2001:db8::7'],
      ['--bind-address=198.51.100.8'],
      ['6'],
    ],
    ['--bind-address of IPv6', ['198.51.100.7', 'fd00::7'], ['--bind-address=2001:db8::8'], ['6']],
    ['--bind-address 0.0.0.0 says nothing', ['192.0.2.7'], ['--bind-address=0.0.0.0'], ['4']],
    ['--bind-address :: says nothing', ['192.0.2.7'], ['--bind-address=::'], ['4']],
  ])('%s', (_, addresses, flags, families) => {
    const result = run([...GUARDED, node('node-1', addresses)], flags);
    expect(result).toMatchObject({ exitCode: 0, messages: [] });
    expect(letsNodeIn(result)).toEqual(families);
  });

  test('an internal address comes before an external one, whatever their order', () => {
    const external = { type: 'ExternalIP', address: '192.0.2.7' };
    const internal = { type: 'InternalIP', address: '198.51.100.7' };
    const of = (addresses: readonly object[]) => ({ ...node('node-1', []), status: { addresses } });
    expect(letsNodeIn(run([...GUARDED, of([external, internal])]))).toEqual([]);
    expect(letsNodeIn(run([...GUARDED, of([external])]))).toEqual(['4']);
  });
});

describe('without the Node object', () => {
  const loopback = GUARDED.map((object) =>
    JSON.parse(
      JSON.stringify(object).replace('192.0.2.0/24', '127.0.0.0/8').replace('2001:db8::/32', '::1/128'),
    ),
  );

  test('one warning, and the node IP is the loopback address', () => {
    const result = run([...loopback, node('node-2', ['192.0.2.7'])]);
    expect(result).toMatchObject({
      exitCode: 0,
      messages: [
        'Node "node-1" is not among the objects (--hostname-override names another): going on with node IP 127.0.0.1, no zone and no Pod networks',
      ],
    });
    expect(letsNodeIn(result)).toEqual(['4', '6']);
  });

  test('--bind-address is the node IP', () => {
    const result = run(GUARDED, ['--bind-address=192.0.2.7']);
    expect(result.messages).toHaveLength(1);
    expect(result.messages[0]).toContain('node IP 192.0.2.7');
    expect(letsNodeIn(result)).toEqual(['4']);
    expect(letsNodeIn(run(loopback, ['--bind-address=192.0.2.7']))).toEqual(['6']);
  });

  test('the process says so once, on standard error, and exits with 0', async () => {
    const from = await file(manifest(GUARDED));
    const both = await dryRun(['--from', from]);
    expect(both.exitCode).toBe(0);
    expect(both.stderr.match(/\n/g)).toHaveLength(1);
    expect(both.stderr).toContain('Node "node-1" is not among the objects');
    const other = await fairlead([
      '--dry-run',
      '--from',
      from,
      '--hostname-override= NODE-3 ',
      '--ip-family=ipv6',
    ]);
    expect(other).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/^Node "node-3" .* ::1, [^\n]*\n$/),
    });
  });
});

describe('local addresses', () => {
  const objects = [node('node-1', ['192.0.2.7', '2001:db8::7'])];
  const everywhere = '--nodeport-addresses=0.0.0.0/0,::/0';
  const ranges = '--nodeport-addresses=192.0.2.0/24,2001:db8::/32,127.0.0.0/8';

  test('are those of the Node object, and loopback', () => {
    expect(nodePortAddresses(run(objects, [ranges]))).toEqual([
      '127.0.0.1/32',
      '192.0.2.7/32',
      '2001:db8::7/128',
    ]);
  });

  test('are those of --local-addresses where it is given, bare or with the length of a prefix', () => {
    const given = '--local-addresses=192.0.2.77,2001:db8::77/64,198.51.100.77/24';
    expect(nodePortAddresses(run(objects, [ranges, given]))).toEqual([
      '127.0.0.1/32',
      '192.0.2.77/32',
      '2001:db8::77/128',
    ]);
  });

  test('do not matter where node ports answer everywhere', () => {
    expect(linesOf(run(objects, [everywhere]))).toEqual(linesOf(run(objects)));
  });
});
