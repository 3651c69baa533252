import assert from 'node:assert/strict';
import { printIpvsMode } from '../../../rules/ipvs/sections.ts';
import type { Dump } from '../../conformance/compare/dump.ts';
import { differences } from '../../conformance/compare/dump.ts';
import { BareNode } from '../bare-node.ts';
import { type CorpusCase, corpusCases } from '../corpus.ts';
import { IPVS_READERS } from './dumps.ts';
import { compileCase, expectedFolder, expectedOutput, planFrom } from './ipvs-case.ts';
import { IpvsNode } from './ipvs-node.ts';
import { type Trial, type TrialGroup, trialGroup } from './trial.ts';

/** Two nodes that go from case to case, so that each change is a transition between two clusters. */
interface Stage extends AsyncDisposable {
  /** Programmed by Fairlead. */
  readonly ours: IpvsNode;
  /** Programmed as kube-proxy left it. */
  readonly theirs: IpvsNode;
}

/** Cases to take over for real; the conformance tests have all, from what kube-proxy's tools printed. */
const TAKEOVERS = ['dual-stack', 'external-policy-local', 'protocols', 'session-affinity', 'source-ranges'];

/** What kube-proxy programs for each case of the corpus, on a real kernel. */
export const corpusTrials: TrialGroup = trialGroup(
  'the corpus on a real kernel',
  openStage,
  (await corpusCases()).flatMap(caseTrials),
);

function caseTrials(of: CorpusCase): Trial<Stage>[] {
  const trials: Trial<Stage>[] = [
    {
      name: `${of.name}: programmed as kube-proxy does, and once only`,
      async run({ ours }) {
        const { rulesets } = compileCase(of);
        await ours.sync(rulesets);
        await ours.finishDraining(rulesets);
        const dump = await ours.dump();
        for (const { file, text } of printIpvsMode(rulesets)) {
          assert.deepEqual(differences(read(file, text), read(file, dump.get(file) ?? '')), [], file);
        }
        for (const [file, text] of dump) {
          assert.deepEqual(differences(read(file, expectedOutput(of, file)), read(file, text)), [], file);
        }
        assert.deepEqual(await ours.sync(rulesets), []);
        assert.deepEqual(planFrom(dump, rulesets), []);
      },
    },
    {
      name: `${of.name}: takeover from kube-proxy writes nothing`,
      async run({ theirs }) {
        await theirs.run(['sh', '-e', '-c', RESTORE, 'sh', expectedFolder(of)]);
        assert.deepEqual(planFrom(await theirs.dump(), compileCase(of).rulesets), []);
      },
    },
  ];
  return TAKEOVERS.includes(of.name) ? trials : trials.slice(0, 1);
}

/** Replaces everything. $1 is the folder with kube-proxy's dumps; kube-ipvs0 is there. */
const RESTORE = `
ipvsadm -C
ip address flush dev kube-ipvs0
ipset flush
sort -r "$1/ipset.txt" | ipset restore -exist
iptables-nft-restore <"$1/iptables-save.txt"
ip6tables-nft-restore <"$1/ip6tables-save.txt"
sed 's/.*/address add & dev kube-ipvs0/' "$1/addresses.txt" | ip -batch -
ipvsadm --restore <"$1/ipvsadm.txt"
`;

async function openStage(): Promise<Stage> {
  await using resources = new AsyncDisposableStack();
  const nodes: IpvsNode[] = [];
  for (let i = 0; i < 2; i++) {
    const bare = resources.use(await BareNode.create([]));
    nodes.push(await IpvsNode.create(bare.namespace));
  }
  const [ours, theirs] = nodes;
  if (!ours || !theirs) throw new Error('unreachable');
  const owned = resources.move();
  return { ours, theirs, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Chains of the kernel that have no rules do not count. */
function read(file: string, text: string): Dump {
  const reader = IPVS_READERS[file];
  if (!reader) throw new Error(`${file}: nothing reads it`);
  return new Map(
    [...reader(text)].filter(([name, lines]) => name.includes('KUBE-') || lines.join() !== 'policy ACCEPT'),
  );
}
