import assert from 'node:assert/strict';
import { systemClock } from '../../../src/cluster/clock.ts';
import { DataplaneError } from '../../../src/dataplane/dataplane.ts';
import { systemExec } from '../../../src/dataplane/exec.ts';
import { watchAddresses } from '../../../src/dataplane/ipvs/address-watch.ts';
import { removeIpvs } from '../../../src/dataplane/ipvs/cleanup.ts';
import { BareNode } from '../bare-node.ts';
import { corpusCases } from '../corpus.ts';
import { eventually } from '../deadline.ts';
import { compileCase } from './ipvs-case.ts';
import { IpvsNode } from './ipvs-node.ts';
import { type TrialGroup, trialGroup } from './trial.ts';

const NEVER = new AbortController().signal;

/** What concerns the whole node rather than its Services. */
export const hostTrials: TrialGroup = trialGroup('a node in ipvs mode', () => BareNode.create(['eth0']), [
  {
    name: 'a scheduler without a module is refused by its name, with what to do instead',
    async run({ namespace }) {
      await assert.rejects(
        IpvsNode.create(namespace, { scheduler: 'nosuch' }),
        (error) =>
          error instanceof DataplaneError &&
          error.code === 'environment' &&
          /module ip_vs_nosuch.*--proxy-mode=iptables/.test(error.message),
      );
    },
  },
  {
    name: 'timeouts are set, and a zero leaves the kernel’s own',
    async run({ namespace }) {
      const node = await IpvsNode.create(namespace, { tcpTimeout: 600_000, udpTimeout: 30_000 });
      assert.match(await node.run(['ipvsadm', '-L', '--timeout']), /: 600 120 30$/m);
    },
  },
  {
    name: 'what somebody else flushed is noticed, whichever tool it was',
    async run({ namespace }) {
      const { rulesets } = await nodePorts();
      const node = await IpvsNode.create(namespace);
      await node.sync(rulesets);
      assert.equal(await node.isIntact(rulesets), true);
      for (const command of [
        ['ipvsadm', '-C'],
        ['ipset', 'flush'],
        ['ip', 'address', 'flush', 'dev', 'kube-ipvs0'],
        ['ip', 'link', 'delete', 'kube-ipvs0'],
        ['iptables-nft', '-t', 'nat', '-F', 'KUBE-SERVICES'],
      ]) {
        await node.run(command);
        assert.equal(await node.isIntact(rulesets), false, command.join(' '));
        await node.adopt();
        await node.sync(rulesets);
        assert.equal(await node.isIntact(rulesets), true, command.join(' '));
      }
    },
  },
  {
    name: 'addresses that come and go are noticed',
    async run({ namespace }) {
      const stop = new AbortController();
      let changes = 0;
      const watching = watchAddresses(
        {
          exec: {
            lines: (program, args, onLine, options) =>
              systemExec.lines('ip', ['netns', 'exec', namespace.name, program, ...args], onLine, options),
          },
          clock: systemClock,
          logger: { info: () => {}, warn: () => {}, debug: () => {} },
          random: () => 0,
          changed: () => changes++,
        },
        stop.signal,
      );
      await eventually('an address of eth0 is noticed', async () => {
        // Until the watch stands, nobody notices.
        await namespace.ip(['address add 192.0.2.1/24 dev eth0', 'address delete 192.0.2.1/24 dev eth0']);
        return changes > 0 || undefined;
      });
      stop.abort();
      await watching;
    },
  },
  {
    name: 'cleanup removes all of it, and nothing of others',
    async run({ namespace }) {
      const node = await IpvsNode.create(namespace);
      await node.sync((await nodePorts()).rulesets);
      const theirs = '-A -t 192.0.2.7:80 -s rr\n-a -t 192.0.2.7:80 -r 192.0.2.8:80 -m -w 1\n';
      await node.run(['ipvsadm', '--restore'], theirs);
      await node.run(['ipset', 'create', 'THEIRS', 'hash:ip']);
      for (const tool of ['iptables-nft', 'ip6tables-nft']) {
        for (const table of ['filter', 'nat']) await node.run([tool, '-t', table, '-F']);
      }
      assert.equal(await removeIpvs(node.exec, NEVER), true);
      assert.equal(await node.run(['ipvsadm', '-Sn']), theirs);
      assert.equal(await node.run(['ipset', 'list', '-n']), 'THEIRS\n');
      await assert.rejects(node.run(['ip', 'link', 'show', 'dev', 'kube-ipvs0']));
      assert.equal(await removeIpvs(node.exec, NEVER), false);
    },
  },
]);

async function nodePorts() {
  const found = (await corpusCases()).find(({ name }) => name === 'nodeport');
  if (!found) throw new Error('the case is not in the corpus');
  return compileCase(found);
}
