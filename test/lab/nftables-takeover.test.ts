import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { corpusTable } from '../conformance/nftables-tables.ts';
import { BareNode } from './bare-node.ts';
import { addressCommands, type CorpusCase, corpusCases } from './corpus.ts';
import { FairleadProcess } from './fairlead-process.ts';
import { listTable } from './nftables-node.ts';
import { NftToolbox } from './nftables-toolbox.ts';
import { describeLab } from './suite.ts';

const CASES = await corpusCases();

await describeLab('nftables mode, on a node that has been used', () => {
  let node: BareNode;

  beforeAll(async () => {
    node = await BareNode.create(['eth0', 'eth1']);
  });

  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
  });

  /** Makes the node what kube-proxy left: its addresses and its tables. */
  const become = async (of: CorpusCase) => {
    const routes = FAMILIES.flatMap((family) => {
      const first = of.addresses.find(({ address }) => address.includes(':') === (family === 'ipv6'));
      return first
        ? [`route replace ${family === 'ipv6' ? '::/0' : '0.0.0.0/0'} dev ${first.interface}`]
        : [];
    });
    await node.namespace.ip([
      'addr flush dev eth0',
      'addr flush dev eth1',
      ...addressCommands(of),
      ...routes,
    ]);
    await node.namespace.run(['nft', 'flush', 'ruleset']);
    for (const family of FAMILIES) {
      await node.namespace.run(['nft', '-f', '-'], { input: corpusTable(of, family) });
    }
  };
  const start = (of: CorpusCase, toolbox: NftToolbox) => {
    const flags = ['--mode=nftables', '--config', of.config, '--from', of.cluster];
    return new FairleadProcess(node.namespace, flags, { PATH: toolbox.path });
  };
  const tables = () => Promise.all(FAMILIES.map((family) => listTable(node.namespace, family)));
  const first = () => CASES.find(({ name }) => name === 'dual-stack') ?? expect.fail('a case is missing');

  it.each(CASES.map((of) => [of.name, of] as const))(
    '%s: taking over from kube-proxy writes nothing',
    async (_, of) => {
      await become(of);
      const before = await tables();
      await using toolbox = await NftToolbox.create();
      await using fairlead = start(of, toolbox);
      await fairlead.synced();
      expect(await fairlead.stop()).toBe(0);
      expect(await toolbox.writes()).toEqual([]);
      expect(await tables()).toEqual(before);
    },
  );

  it('puts back what somebody has removed, and nothing else', async () => {
    await become(first());
    const before = await tables();
    const [, chain = ''] = /^\tchain (service-\S+)/m.exec(before[0] ?? '') ?? [];
    await node.namespace.run(['nft', 'flush', 'chain', 'ip', 'kube-proxy', chain]);
    await using toolbox = await NftToolbox.create();
    await using fairlead = start(first(), toolbox);
    await fairlead.synced();
    await fairlead.stop();
    const writes = await toolbox.writes();
    expect(writes.length).toBeGreaterThan(0);
    expect(writes.filter((line) => !line.includes(chain))).toEqual([]);
    expect(await tables()).toEqual(before);
  });

  it('replaces in one go what nft cannot list', async () => {
    await become(first());
    const before = await tables();
    const crashing = `case "$*" in -s*) kill -SEGV $$ ;; *) exec /usr/sbin/nft "$@" ;; esac\n`;
    await using toolbox = await NftToolbox.create(crashing);
    await using fairlead = start(first(), toolbox);
    await fairlead.synced();
    expect(await fairlead.stop()).toBe(0);
    const sorted = (text: string) =>
      text
        .split(/[\n,]/)
        .map((line) => line.trim())
        .sort();
    expect((await tables()).map(sorted)).toEqual(before.map(sorted));
  });

  it('ends with 1 and a clear message where the table is somebody else’s, and leaves it alone', async () => {
    await node.namespace.run(['nft', 'flush', 'ruleset']);
    await node.namespace.run(['nft', '-f', '-'], {
      input: 'add table ip kube-proxy { comment "mine" ; }\nadd chain ip kube-proxy hers\n',
    });
    await using toolbox = await NftToolbox.create();
    await using fairlead = start(first(), toolbox);
    expect(await fairlead.ended()).toBe(1);
    expect(fairlead.output.concat(fairlead.log.map(({ msg }) => msg)).join('\n')).toMatch(
      /table ip kube-proxy belongs to somebody else, whose comment is "mine"/,
    );
    expect((await tables())[0]).toContain('chain hers');
  });

  it.each([
    ['--nft-path', ['--nft-path=/usr/sbin/nft'], {}],
    ['NFT in the environment', [], { NFT: '/usr/sbin/nft' }],
  ] as const)('uses the nft that is not in PATH, by %s', async (_, flags, env) => {
    await become(first());
    const before = await tables();
    await using toolbox = await NftToolbox.create('missing');
    const all = ['--mode=nftables', '--config', first().config, '--from', first().cluster, ...flags];
    await using fairlead = new FairleadProcess(node.namespace, all, { PATH: toolbox.path, ...env });
    await fairlead.synced();
    expect(await fairlead.stop()).toBe(0);
    expect(await tables()).toEqual(before);
  });

  it.each([
    ['missing', /nft: not found in PATH/],
    ['echo "nftables v0.9.8 (E.D.S.)"', /needs nft 1\.0\.1 or newer: this is nftables v0\.9\.8/],
    [
      'case "$*" in -c*) if grep -q numgen; then echo "Error: syntax error" >&2; exit 1; fi ;; *) exec /usr/sbin/nft "$@" ;; esac',
      /does not know numgen and dnat to a map/,
    ],
  ])('ends with 1 and a clear message: nft %s', async (nft, message) => {
    await node.namespace.run(['nft', 'flush', 'ruleset']);
    await using toolbox = await NftToolbox.create(nft);
    await using fairlead = start(first(), toolbox);
    expect(await fairlead.ended()).toBe(1);
    expect(fairlead.output.concat(fairlead.log.map(({ msg }) => msg)).join('\n')).toMatch(message);
    expect(await tables()).toEqual(['', '']);
  });
});
