import assert from 'node:assert/strict';
import { FAMILIES, type Family } from '../../../rules/model.ts';
import type { Mode } from '../../../src/config/settings.ts';
import { tally } from '../answers.ts';
import { eventually } from '../deadline.ts';
import { FairleadProcess } from '../fairlead-process.ts';
import type { Lab } from '../lab.ts';
import { clusterIP, SERVICE_PORT } from '../manifest.ts';
import type { Answer } from '../probe-protocol.ts';
import { ADDRESSES } from '../topology.ts';
import { SERVICES } from '../traffic-services.ts';
import { expectForeignServers, otherServers } from './foreign-servers.ts';
import { HeldConnection } from './held-connection.ts';
import { SYSCTLS } from './ipvs-node.ts';
import { ModeStage, PATIENCE_MS } from './mode-stage.ts';
import { expectSctp } from './sctp-service.ts';
import { type Trial, type TrialGroup, trialGroup } from './trial.ts';

const MODES: readonly Mode[] = ['iptables', 'ipvs', 'nftables'];

/** Fairlead as users start it, each time where the one before has stopped. */
export const modeTrials: TrialGroup = trialGroup('from mode to mode', ModeStage.create, [
  {
    name: 'sets the node up for ipvs mode, and a restart writes nothing',
    async run(stage) {
      const { lab } = stage;
      for (const isRestart of [false, true]) {
        await using daemon = await stage.start('ipvs');
        for (const family of FAMILIES) {
          await expectAnswers(lab, family);
          if (!isRestart) await expectSctp(lab, family);
        }
        await expectForeignServers(lab);
        if (isRestart) {
          const lines = FAMILIES.flatMap((family) => daemon.syncs(family).map((record) => record['lines']));
          assert.deepEqual(lines, [0, 0]);
        }
      }
      for (const [name, value] of Object.entries(SYSCTLS)) {
        assert.equal((await lab.node.run(['sysctl', '-n', name])).trim(), String(value), name);
      }
    },
  },
  {
    name: 'cleanup removes all that is ours, and somebody else’s virtual servers stay',
    async run(stage) {
      const { lab } = stage;
      await using cleanup = new FairleadProcess(lab.node, [...(await stage.flags()), '--cleanup']);
      assert.equal(await cleanup.ended(PATIENCE_MS), 0, cleanup.output.join('\n'));
      for (const mode of MODES) assert.ok(await isGone(lab, mode), `something of ${mode} mode is left`);
      await expectForeignServers(lab);
    },
  },
  {
    name: 'SCTP in iptables mode',
    async run(stage) {
      await using _ = await stage.start('iptables');
      for (const family of FAMILIES) await expectSctp(stage.lab, family);
    },
  },
  switchTo('iptables', 'ipvs'),
  switchTo('ipvs', 'nftables', { sctp: true }),
  switchTo('nftables', 'iptables'),
]);

/** @param sctp whether SCTP is tried in the new mode, which spares it a start of its own */
function switchTo(before: Mode, mode: Mode, { sctp = false } = {}): Trial<ModeStage> {
  const more = sctp ? `, and SCTP works in ${mode} mode` : '';
  return {
    name: `a switch from ${before} to ${mode} fails no request, and leaves nothing of ${before}${more}`,
    async run(stage) {
      const { lab } = stage;
      await using held = new HeldConnection(lab.outside, addressOf('ipv4'), SERVICE_PORT);
      const pod = await held.pod();
      const traffic = FAMILIES.map((family) => new Traffic(lab, family));
      await using daemon = await stage.start(mode);
      await eventually(`nothing of ${before} is there`, () => isGone(lab, before), {
        timeoutMs: PATIENCE_MS,
        pauseMs: 500,
      });
      for (const { family, stop } of traffic) {
        const answers = await stop();
        const failed = answers.filter((answer) => 'error' in answer);
        assert.deepEqual(failed, [], `${family}: ${failed.length} of ${answers.length} failed`);
      }
      for (const family of FAMILIES) await expectAnswers(lab, family);
      await expectForeignServers(lab);
      // A connection through ipvs lives by its virtual server; others by what conntrack remembers.
      const answer = await held.pod().catch(() => 'nobody');
      assert.equal(answer, before === 'ipvs' ? 'nobody' : pod, 'who answers a connection from before');
      assert.equal(daemon.log.filter(({ msg }) => msg.startsWith('left by another mode')).length, 0);
      if (sctp) for (const family of FAMILIES) await expectSctp(lab, family);
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
      const some = await lab.from(lab.outside).request(target, { count: 5, pauseMs: 50, timeoutMs: 10_000 });
      answers.push(...some);
    }
    return answers;
  }
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
      links.includes('kube-ipvs0') || (await otherServers(lab)).length > 0 || rules.includes('--match-set'),
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
