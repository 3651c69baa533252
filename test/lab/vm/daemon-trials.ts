import assert from 'node:assert/strict';
import { FAMILIES, type Family } from '../../../rules/model.ts';
import type { Mode } from '../../../src/config/settings.ts';
import { tally } from '../answers.ts';
import { eventually } from '../deadline.ts';
import { FairleadProcess, labConfiguration } from '../fairlead-process.ts';
import type { Lab } from '../lab.ts';
import { clusterIP, manifest, SERVICE_PORT } from '../manifest.ts';
import type { Answer } from '../probe-protocol.ts';
import { ADDRESSES } from '../topology.ts';
import { SERVICES, trafficCluster } from '../traffic-services.ts';
import type { PacketStage } from './packet-stage.ts';
import type { Trial } from './trial.ts';

/** ms; an emulated processor takes its time to start Node. */
const PATIENCE_MS = 120_000;

/** Fairlead as users start it. */
export const daemonTrials: readonly Trial<PacketStage>[] = [
  {
    name: 'sets the node up for ipvs mode, and a restart writes nothing',
    async run({ lab }) {
      for (const isRestart of [false, true]) {
        await using daemon = await start(lab, 'ipvs');
        for (const family of FAMILIES) await expectAnswers(lab, family);
        if (isRestart) {
          const lines = FAMILIES.flatMap((family) => daemon.syncs(family).map((record) => record['lines']));
          assert.deepEqual(lines, [0, 0]);
        }
      }
      for (const [name, value] of Object.entries(SYSCTLS)) {
        assert.equal((await lab.node.run(['sysctl', '-n', name])).trim(), value, name);
      }
    },
  },
  ...(['iptables', 'ipvs', 'nftables', 'iptables'] as const).map(switchTo),
];

const SYSCTLS = {
  'net.ipv4.vs.conntrack': '1',
  'net.ipv4.vs.expire_nodest_conn': '1',
  'net.ipv4.vs.expire_quiescent_template': '1',
  'net.ipv4.ip_forward': '1',
};

/** Each goes on where the one before has stopped. */
function switchTo(mode: Mode, i: number, modes: readonly Mode[]): Trial<PacketStage> {
  const before = modes[i - 1] ?? 'ipvs';
  return {
    name: `${i + 1}: a switch from ${before} to ${mode} fails no connection, and leaves nothing of ${before}`,
    async run({ lab }) {
      const traffic = FAMILIES.map((family) => new Traffic(lab, family));
      await using daemon = await start(lab, mode);
      await eventually(`nothing of ${before} is there`, () => isGone(lab, before), {
        timeoutMs: PATIENCE_MS,
      });
      for (const { family, stop } of traffic) {
        const answers = await stop();
        const failed = answers.filter((answer) => 'error' in answer);
        assert.deepEqual(failed, [], `${family}: ${failed.length} of ${answers.length} failed`);
      }
      for (const family of FAMILIES) await expectAnswers(lab, family);
      assert.equal(daemon.log.filter(({ msg }) => msg.startsWith('left by another mode')).length, 0);
    },
  };
}

/** Requests from outside to a cluster IP, one after the other, until it is stopped. */
class Traffic {
  readonly family: Family;
  readonly #answers: Promise<readonly Answer[]>;
  #isStopped = false;

  constructor(lab: Lab, family: Family) {
    this.family = family;
    this.#answers = this.#flow(lab);
  }

  /** @returns all answers since the start */
  readonly stop = (): Promise<readonly Answer[]> => {
    this.#isStopped = true;
    return this.#answers;
  };

  async #flow(lab: Lab): Promise<readonly Answer[]> {
    const target = { protocol: 'tcp', address: addressOf(this.family), port: SERVICE_PORT } as const;
    const answers: Answer[] = [];
    while (!this.#isStopped) {
      const some = await lab.from(lab.outside).request(target, { count: 20, pauseMs: 20, timeoutMs: 10_000 });
      answers.push(...some);
    }
    return answers;
  }
}

async function start(lab: Lab, mode: Mode): Promise<FairleadProcess> {
  const cluster = await lab.file('cluster.yaml', manifest(trafficCluster()));
  const config = await lab.file('config.yaml', labConfiguration());
  const daemon = new FairleadProcess(lab.node, ['--config', config, '--from', cluster, '--proxy-mode', mode]);
  const synced = () => FAMILIES.every((family) => daemon.syncs(family).length > 0);
  await daemon.until('the first sync', synced, PATIENCE_MS);
  return daemon;
}

async function isGone(lab: Lab, mode: Mode): Promise<true | undefined> {
  const { node } = lab;
  const [rules, tables, links] = await Promise.all([
    node.run(['iptables-nft-save']),
    node.run(['nft', 'list', 'tables']),
    node.run(['ip', '-o', 'link', 'show']),
  ]);
  const traces: Readonly<Record<Mode, boolean>> = {
    iptables: /KUBE-(SVC|SEP|EXT|FW)-|KUBE-PROXY-CANARY/.test(rules),
    ipvs:
      links.includes('kube-ipvs0') ||
      (await node.run(['ipvsadm', '-Sn'])) !== '' ||
      rules.includes('--match-set'),
    nftables: tables.includes('kube-proxy'),
  };
  return traces[mode] ? undefined : true;
}

async function expectAnswers(lab: Lab, family: Family): Promise<void> {
  for (const [from, address, port] of [
    [lab.pod('pod-a'), addressOf(family), SERVICE_PORT],
    [lab.outside, ADDRESSES[family].node, SERVICES.hostnames.nodePort],
  ] as const) {
    const answers = await lab.from(from).request({ protocol: 'tcp', address, port }, { count: 6 });
    assert.equal(answers.filter((answer) => 'pod' in answer).length, 6, JSON.stringify(tally(answers)));
  }
}

function addressOf(family: Family): string {
  return clusterIP(family, SERVICES.hostnames.n);
}
