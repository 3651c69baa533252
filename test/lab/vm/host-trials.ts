import assert from 'node:assert/strict';
import { FAMILIES } from '../../../rules/model.ts';
import { DataplaneError } from '../../../src/dataplane/dataplane.ts';
import { removeIpvs } from '../../../src/dataplane/ipvs/cleanup.ts';
import { BareNode } from '../bare-node.ts';
import { corpusCases } from '../corpus.ts';
import { FairleadProcess } from '../fairlead-process.ts';
import { clusterIP } from '../manifest.ts';
import { Namespace } from '../namespaces.ts';
import { SERVICES, trafficCluster } from '../traffic-services.ts';
import { ClusterFiles } from './cluster-files.ts';
import { placeOfTrials } from './hindrance.ts';
import { compileCase } from './ipvs-case.ts';
import { IpvsNode, SYSCTLS } from './ipvs-node.ts';
import { PATIENCE_MS } from './mode-stage.ts';
import { type TrialGroup, trialGroup } from './trial.ts';
import { runTrialsHere } from './trials-here.ts';

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
      // One family takes half of the time; what is flushed here, both share.
      const looked: typeof rulesets = new Map([...rulesets].slice(0, 1));
      assert.equal(await node.isIntact(looked), true);
      for (const command of [
        ['ipvsadm', '-C'],
        ['ipset', 'flush'],
        ['ip', 'address', 'flush', 'dev', 'kube-ipvs0'],
        ['ip', 'link', 'delete', 'kube-ipvs0'],
        ['iptables-nft', '-t', 'nat', '-F', 'KUBE-SERVICES'],
      ]) {
        await node.run(command);
        assert.equal(await node.isIntact(looked), false, command.join(' '));
        await node.adopt();
        await node.sync(rulesets);
        assert.equal(await node.isIntact(looked), true, command.join(' '));
      }
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
  {
    name: 'kernel settings that cannot be written cost a line each, and no Service',
    async run({ namespace }) {
      await namespace.sysctl(Object.fromEntries(Object.keys(SYSCTLS).map((name) => [name, 0])));
      await using files = await ClusterFiles.write(trafficCluster());
      const node = withReadOnlySettings(namespace);
      await using daemon = new FairleadProcess(node, [...files.flags, '--proxy-mode=ipvs']);
      const synced = () => FAMILIES.every((family) => daemon.syncs(family).length > 0);
      await daemon.until('the first sync', synced, PATIENCE_MS);
      for (const name of Object.keys(SYSCTLS)) {
        const path = name.replaceAll('.', '/');
        const lines = daemon.log.filter(({ msg }) => msg.includes(path)).map(({ msg }) => msg);
        assert.deepEqual(lines, [
          `kernel setting ${path} could not be set to 1 and stays 0: its file system is read-only`,
        ]);
      }
      const server = `-a -t ${clusterIP('ipv4', SERVICES.selfish.n)}:80 `;
      assert.ok((await namespace.run(['ipvsadm', '-Sn'])).includes(server));
    },
  },
  {
    name: 'a module that is missing ends Fairlead with one line that names it, and modes that do without',
    async run({ namespace }) {
      // guest.sh sees to it that there is one. A machine's own kernel may have all.
      const scheduler = process.env['FAIRLEAD_MISSING_SCHEDULER'];
      if (scheduler === undefined) return;
      await using files = await ClusterFiles.write(trafficCluster());
      const flags = [...files.flags, '--proxy-mode=ipvs', `--ipvs-scheduler=${scheduler}`];
      await using daemon = new FairleadProcess(namespace, flags);
      assert.equal(await daemon.ended(PATIENCE_MS), 1);
      assert.equal(daemon.output.length, 1, daemon.output.join('\n'));
      assert.match(daemon.output[0] ?? '', /--proxy-mode=iptables or --proxy-mode=nftables/);
      assert.ok(daemon.output[0]?.includes(`module ip_vs_${scheduler}:`), daemon.output[0]);
    },
  },
  {
    name: 'these trials would run here without a virtual machine',
    async run() {
      assert.deepEqual(await placeOfTrials(), { kind: 'this kernel' });
      const { results, otherwise } = await runTrialsHere(PATIENCE_MS, {
        FAIRLEAD_TRIALS: 'timeouts_are_set',
      });
      assert.equal(results.length, 1, otherwise);
      assert.equal(results[0]?.error, undefined);
    },
  },
]);

/** The namespace for processes that can only read kernel settings, as in a container without privileges. */
function withReadOnlySettings(namespace: Namespace): Namespace {
  const script = 'mount --options bind,ro /proc/sys /proc/sys && exec "$@"';
  const start = (command: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    namespace.start(['unshare', '--mount', 'sh', '-c', script, 'sh', ...command], env);
  return Object.assign(new Namespace(namespace.name), { start });
}

async function nodePorts() {
  const found = (await corpusCases()).find(({ name }) => name === 'nodeport');
  if (!found) throw new Error('the case is not in the corpus');
  return compileCase(found);
}
