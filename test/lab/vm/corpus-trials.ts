import assert from 'node:assert/strict';
import { printIpvsMode } from '../../../rules/ipvs/sections.ts';
import type { Dump } from '../../conformance/compare/dump.ts';
import { differences } from '../../conformance/compare/dump.ts';
import { BareNode } from '../bare-node.ts';
import { addressCommands, type CorpusCase, corpusCases } from '../corpus.ts';
import { IPVS_READERS } from './dumps.ts';
import { compileCase, expectedOutput, type IpvsCase } from './ipvs-case.ts';
import { IpvsNode } from './ipvs-node.ts';
import { type TrialGroup, trialGroup } from './trial.ts';

interface Stage extends AsyncDisposable {
  readonly bare: BareNode;
  readonly compiled: IpvsCase;
}

/** What kube-proxy programs for each case of the corpus, on a real kernel. */
export const corpusTrials: readonly TrialGroup[] = (await corpusCases()).map((of) =>
  trialGroup(`corpus: ${of.name}`, () => openStage(of), [
    {
      name: 'takeover from kube-proxy writes nothing',
      async run({ bare, compiled }) {
        const node = await IpvsNode.create(bare.namespace, compiled.settings.config.ipvs);
        await restoreCase(node, of);
        await node.adopt();
        assert.deepEqual(await node.sync(compiled.rulesets), []);
        assert.equal(await node.isIntact(compiled.rulesets), true);
      },
    },
    {
      name: 'all goes, and nothing is left over',
      async run({ bare, compiled }) {
        const node = await IpvsNode.create(bare.namespace, compiled.settings.config.ipvs);
        await node.sync(compiled.empty);
        await expectDump(node, compiled.empty);
      },
    },
    {
      name: 'is programmed as kube-proxy does, and once only',
      async run({ bare, compiled }) {
        const node = await IpvsNode.create(bare.namespace, compiled.settings.config.ipvs);
        await node.sync(compiled.rulesets);
        const dump = await expectDump(node, compiled.rulesets);
        for (const [file, text] of dump) {
          assert.deepEqual(differences(read(file, expectedOutput(of, file)), read(file, text)), [], file);
        }
        assert.deepEqual(await node.sync(compiled.rulesets), []);
        await node.adopt();
        assert.deepEqual(await node.sync(compiled.rulesets), []);
      },
    },
  ]),
);

async function openStage(of: CorpusCase): Promise<Stage> {
  const bare = await BareNode.create([...new Set(of.addresses.map((address) => address.interface))]);
  await bare.namespace.ip(addressCommands(of));
  return {
    bare,
    compiled: compileCase(of),
    [Symbol.asyncDispose]: () => bare[Symbol.asyncDispose](),
  };
}

/** The node as kube-proxy left it. kube-ipvs0 is there. */
async function restoreCase(node: IpvsNode, of: CorpusCase): Promise<void> {
  const lines = expectedOutput(of, 'ipvs/ipset.txt').split('\n').filter(Boolean);
  const creations = lines.filter((line) => line.startsWith('create'));
  const entries = lines.filter((line) => line.startsWith('add'));
  await node.run(['ipset', 'restore'], `${[...creations, ...entries].join('\n')}\n`);
  await node.run(['ipvsadm', '--restore'], expectedOutput(of, 'ipvs/ipvsadm.txt'));
  await node.run(['iptables-nft-restore'], expectedOutput(of, 'ipvs/iptables-save.txt'));
  await node.run(['ip6tables-nft-restore'], expectedOutput(of, 'ipvs/ip6tables-save.txt'));
  const addresses = expectedOutput(of, 'ipvs/addresses.txt').split('\n').filter(Boolean);
  const commands = addresses.map((address) => `address add ${address} dev kube-ipvs0\n`);
  await node.run(['ip', '-batch', '-'], commands.join(''));
}

/** The kernel has what a dry run prints. */
async function expectDump(
  node: IpvsNode,
  rulesets: IpvsCase['rulesets'],
): Promise<ReadonlyMap<string, string>> {
  const dump = await node.dump();
  for (const { file, text } of printIpvsMode(rulesets)) {
    assert.deepEqual(differences(read(file, text), read(file, dump.get(file) ?? '')), [], file);
  }
  return dump;
}

/** Chains of the kernel that have no rules, and tables that have none at all, do not count. */
function read(file: string, text: string): Dump {
  const reader = IPVS_READERS[file];
  if (!reader) throw new Error(`${file}: nothing reads it`);
  return new Map(
    [...reader(text)].filter(([name, lines]) => name.includes('KUBE-') || lines.join() !== 'policy ACCEPT'),
  );
}
