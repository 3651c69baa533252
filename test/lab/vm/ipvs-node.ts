import type { Ruleset } from '../../../rules/fragment.ts';
import type { Family } from '../../../rules/model.ts';
import { FAMILIES } from '../../../rules/model.ts';
import type { IpvsConfiguration } from '../../../src/config/settings.ts';
import { type Ledger, type Plan, takeDown } from '../../../src/dataplane/dataplane.ts';
import type { Exec } from '../../../src/dataplane/exec.ts';
import { IptablesTools } from '../../../src/dataplane/iptables/tools.ts';
import { IpvsDataplane } from '../../../src/dataplane/ipvs/dataplane.ts';
import { prepareHost } from '../../../src/dataplane/ipvs/host.ts';
import { IpvsTools } from '../../../src/dataplane/ipvs/tools.ts';
import type { Namespace } from '../namespaces.ts';
import { IPVS_FILES } from './ipvs-case.ts';
import { execIn } from './namespace-exec.ts';

/** The dataplane of ipvs mode in a namespace, of both families, driven step by step. */
export class IpvsNode {
  readonly exec: Exec;
  readonly dataplanes: ReadonlyMap<Family, IpvsDataplane>;
  readonly #ledgers = new Map<Family, Ledger>();

  /** Prepares the node and reads what is there. */
  static async create(namespace: Namespace, options: Partial<IpvsConfiguration> = {}): Promise<IpvsNode> {
    const config = { ...DEFAULTS, ...options };
    const exec = execIn(namespace);
    const node = new IpvsNode(exec, config);
    // Kernel settings are the namespace's: see the trials for them.
    const sysctl = { read: () => undefined, write: () => {} };
    const logger = { info: () => {}, warn: () => {}, debug: () => {} };
    const tools = new IpvsTools(exec);
    await prepareHost({ tools, config, sysctl, logger, kernelRelease: '6.1.0' }, NEVER);
    await namespace.sysctl(SYSCTLS);
    await node.adopt();
    return node;
  }

  private constructor(exec: Exec, { excludeCIDRs }: IpvsConfiguration) {
    this.exec = exec;
    const tools = new IpvsTools(exec);
    this.dataplanes = new Map(
      FAMILIES.map((family) => {
        const iptables = new IptablesTools(family, 'nft', exec);
        return [family, new IpvsDataplane({ iptables, tools, excludeCIDRs })];
      }),
    );
  }

  /** As after a restart: what is known is what the kernel has. */
  async adopt(): Promise<void> {
    for (const [family, dataplane] of this.dataplanes)
      this.#ledgers.set(family, await dataplane.adopt(NEVER));
  }

  plan(rulesets: ReadonlyMap<Family, Ruleset>): readonly Plan[] {
    return [...this.dataplanes].map(([family, dataplane]) => {
      const ruleset = rulesets.get(family);
      const ledger = this.#ledgers.get(family);
      if (!ruleset || !ledger) throw new Error(`nothing known of ${family}`);
      return dataplane.plan(ruleset, ledger);
    });
  }

  /** Brings the kernel to the rulesets. @returns what it took, payload by payload */
  async sync(rulesets: ReadonlyMap<Family, Ruleset>): Promise<readonly string[]> {
    const plans = this.plan(rulesets);
    await Promise.all(
      [...this.dataplanes].map(async ([family, dataplane], i) => {
        const plan = plans[i];
        const ledger = this.#ledgers.get(family);
        if (!plan || !ledger) return;
        await dataplane.apply(plan, NEVER);
        takeDown(plan, ledger);
      }),
    );
    return plans.flatMap(({ sections }) => sections.map(({ text }) => text));
  }

  /** Removes what drains and has no connection. */
  async finishDraining(rulesets: ReadonlyMap<Family, Ruleset>): Promise<void> {
    let found = false;
    for (const { drain } of this.dataplanes.values()) {
      if (drain.size > 0) found = (await drain.look(NEVER)) || found;
    }
    if (found) await this.sync(rulesets);
  }

  async isIntact(rulesets: ReadonlyMap<Family, Ruleset>): Promise<boolean> {
    for (const [family, dataplane] of this.dataplanes) {
      const ruleset = rulesets.get(family);
      if (ruleset && !(await dataplane.isIntact(ruleset, NEVER))) return false;
    }
    return true;
  }

  /** What the kernel has, by the names of the corpus' files. */
  async dump(): Promise<ReadonlyMap<string, string>> {
    const text = await this.run(['sh', '-e', '-c', DUMP]);
    const outputs = text.split('---\n');
    return new Map(
      IPVS_FILES.map((file, i) => {
        const output = outputs[i] ?? '';
        return [file, file.endsWith('addresses.txt') ? addressLines(output) : output];
      }),
    );
  }

  /** Runs a command on the node. @throws Error where it fails */
  async run([program = '', ...args]: readonly string[], input?: string): Promise<string> {
    const options = input === undefined ? {} : { input };
    const { exitCode, stdout, stderr } = await this.exec.run(program, args, options);
    if (exitCode !== 0 || (program === 'ipvsadm' && stderr !== '')) {
      throw new Error(`${program} ${args.join(' ')}: ${exitCode}: ${stderr}`);
    }
    return stdout;
  }
}

/** In the order of IPVS_FILES; one process, as starting many takes its time where a processor is emulated. */
const DUMP = [
  'ipvsadm -Sn',
  'ipset save',
  'ip -o address show dev kube-ipvs0',
  'iptables-nft-save',
  'ip6tables-nft-save',
].join('; echo ---; ');

const DEFAULTS: IpvsConfiguration = {
  syncPeriod: 30_000,
  minSyncPeriod: 1_000,
  scheduler: 'rr',
  excludeCIDRs: [],
  strictARP: false,
  tcpTimeout: 0,
  tcpFinTimeout: 0,
  udpTimeout: 0,
};

const NEVER = new AbortController().signal;

/** What prepareHost sets: it works on its own process' namespace. */
export const SYSCTLS = {
  'net.ipv4.vs.conntrack': 1,
  'net.ipv4.vs.expire_nodest_conn': 1,
  'net.ipv4.vs.expire_quiescent_template': 1,
  'net.ipv4.ip_forward': 1,
};

function addressLines(text: string): string {
  return [...text.matchAll(/ inet6? (\S+)/g)].map(([, address]) => `${address}\n`).join('');
}
