import { access, constants } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES } from '../../rules/model.ts';
import { adoptTable } from '../../rules/nftables/adopt.ts';
import { corpusRuleset, corpusTable } from '../conformance/nftables-tables.ts';
import { BareNode } from './bare-node.ts';
import { corpusCases } from './corpus.ts';
import { FairleadProcess } from './fairlead-process.ts';
import { NamespaceExec, namespaceSession, nftablesDataplane } from './nftables-node.ts';
import { NftToolbox } from './nftables-toolbox.ts';
import { describeLab } from './suite.ts';

const CASES = (await corpusCases()).map((of) => [of.name, of] as const);
/** What nftables-newer.sh has unpacked. */
const NFT = `${process.env['FAIRLEAD_NFT_CACHE'] ?? '/var/cache/fairlead-nft'}/nft`;
const isThere = await access(NFT, constants.X_OK).then(
  () => true,
  () => false,
);

if (isThere) await describeLab('nftables mode, with the nft of the next Debian', tests);
else
  it.skip(`nftables mode, with the nft of the next Debian (skipped: no ${NFT}: test/lab/nftables-newer.sh)`);

function tests(): void {
  const { signal } = new AbortController();
  let node: BareNode;

  beforeAll(async () => {
    node = await BareNode.create(['eth0', 'eth1']);
  });

  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
  });

  describe.each(FAMILIES)('%s', (family) => {
    const dataplane = () => nftablesDataplane(family, new NamespaceExec(node.namespace), NFT);

    it.each(CASES)(
      '%s: is in the kernel as kube-proxy has it, and nothing is left to write',
      async (_, of) => {
        await node.namespace.run(['nft', 'flush', 'ruleset']);
        const ruleset = corpusRuleset(of, family);
        const plane = dataplane();
        await plane.apply(plane.plan(ruleset, await plane.adopt(signal)), signal);
        const found = await plane.adopt(signal);
        expect(found).toEqual(adoptTable(corpusTable(of, family)));
        expect(plane.plan(ruleset, found).lines).toBe(0);
        expect(await plane.isIntact(ruleset, signal)).toBe(true);
      },
    );

    it('one that runs on takes changes, and leaves what it refuses to another', async () => {
      await node.namespace.run(['nft', 'flush', 'ruleset']);
      const session = namespaceSession(node.namespace, NFT);
      const ending = new AbortController();
      const ip = family === 'ipv6' ? 'ip6' : 'ip';
      const good = `add table ${ip} talk\nadd chain ${ip} talk a\n`;
      expect(await session.apply(good, ending.signal)).toBe(true);
      expect(await session.apply(`add rule ${ip} talk missing drop\n`, ending.signal)).toBe(false);
      expect(
        await session.apply(`add rule ${ip} talk a drop\nadd rule ${ip} talk b drop\n`, ending.signal),
      ).toBe(false);
      expect(await session.apply(`add rule ${ip} talk a accept\n`, ending.signal)).toBe(true);
      ending.abort();
      const table = await node.namespace.run(['nft', 'list', 'table', ip, 'talk']);
      expect(table.match(/accept|drop/g)).toEqual(['accept']);
    });
  });

  it('a restart writes nothing, and NFT of the environment names it', async () => {
    await node.namespace.run(['nft', 'flush', 'ruleset']);
    const [, of] = CASES.find(([name]) => name === 'dual-stack') ?? expect.fail('a case is missing');
    await using toolbox = await NftToolbox.create('missing');
    const flags = ['--mode=nftables', '--config', of.config, '--from', of.cluster];
    for (const start of ['first', 'second']) {
      await using fairlead = new FairleadProcess(node.namespace, flags, { PATH: toolbox.path, NFT });
      await fairlead.synced();
      expect(await fairlead.stop()).toBe(0);
      expect(fairlead.log).toContainEqual(expect.objectContaining({ msg: 'nft', path: NFT }));
      for (const family of FAMILIES) {
        const lines = fairlead.syncs(family).map((sync) => sync.lines);
        if (start === 'first') expect(lines[0]).toBeGreaterThan(0);
        else expect(lines).toEqual([0]);
      }
    }
  });
}
