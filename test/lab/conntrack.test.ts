import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCidr } from '../../rules/address.ts';
import {
  type Address,
  FAMILIES,
  type Family,
  type NodeFacts,
  type ProxySettings,
} from '../../rules/model.ts';
import { systemClock } from '../../src/cluster/clock.ts';
import { readLocalAddresses } from '../../src/dataplane/addresses.ts';
import { iptablesCompiler } from '../../src/dataplane/compilers.ts';
import { ConntrackReconciler } from '../../src/dataplane/conntrack/reconciler.ts';
import { ConntrackTool } from '../../src/dataplane/conntrack/tool.ts';
import { type Exec, type LineExec, systemExec } from '../../src/dataplane/exec.ts';
import { IptablesDataplane } from '../../src/dataplane/iptables/dataplane.ts';
import { IptablesTools } from '../../src/dataplane/iptables/tools.ts';
import { DesiredState } from '../../src/desired-state.ts';
import { Reconciler } from '../../src/reconciler.ts';
import { Tracker } from '../../src/tracker/tracker.ts';
import { searchPath } from './command.ts';
import { eventually } from './deadline.ts';
import { Lab } from './lab.ts';
import {
  type ApiObject,
  balancerIP,
  clusterIP,
  externalIP,
  SERVICE_PORT,
  type ServiceOptions,
  service,
  slices,
} from './manifest.ts';
import type { Namespace, Subprocess } from './namespaces.ts';
import { describeLab } from './suite.ts';
import { ADDRESSES, NODE_NAME, POD_PORT } from './topology.ts';

await describeLab('UDP flows while Services change', () => {
  let lab: Lab;
  let node: ProgrammedNode;
  let outside: UdpClient;
  let podC: UdpClient;
  let nextService = 30;

  beforeAll(async () => {
    lab = await Lab.create();
    node = lab.own(await ProgrammedNode.start(lab.node));
    outside = lab.own(new UdpClient(lab.outside));
    podC = lab.own(new UdpClient(lab.pod('pod-c')));
  }, 60_000);

  afterAll(() => lab?.[Symbol.asyncDispose]());

  describe.each(FAMILIES)('%s', (family) => {
    const udp = (options: Omit<ServiceOptions, 'n' | 'protocol'>) => {
      const n = nextService++;
      const name = `${family}-${n}`;
      const objects = service(name, { ...options, n, protocol: 'UDP' });
      return { n, objects, endpoints: (...pods: ServiceOptions['endpoints']) => slices(name, pods, 'UDP') };
    };
    const service80 = (n: number) => `${clusterIP(family, n)} ${SERVICE_PORT}`;
    const own = ADDRESSES[family];

    it('go to the new endpoint when theirs was replaced, whatever address they were sent to', async () => {
      const nodePort = 30_100 + nextService;
      const { n, objects, endpoints } = udp({
        endpoints: ['pod-a'],
        external: true,
        balancer: true,
        nodePort,
      });
      await node.put(objects);
      const targets = [
        service80(n),
        `${externalIP(family, n)} ${SERVICE_PORT}`,
        `${balancerIP(family, n)} ${SERVICE_PORT}`,
        `${own.node} ${nodePort}`,
      ];
      for (const target of targets) await outside.answered('replaced', target, 'pod-a');
      await node.put(endpoints('pod-b'));
      for (const target of targets) await outside.answered('replaced', target, 'pod-b');
    });

    it('stay what they are while their endpoint serves, also when it terminates', async () => {
      const { n, objects, endpoints } = udp({ endpoints: ['pod-a'] });
      await node.put(objects);
      await outside.answered('kept', service80(n), 'pod-a');
      const before = await node.ids(family, own.pods['pod-a']);
      await node.put(endpoints('pod-a', 'pod-b'));
      await node.put(endpoints({ pod: 'pod-a', terminating: true }, 'pod-b'));
      await outside.answered('kept', service80(n), 'pod-a');
      await outside.answered('new', service80(n), 'pod-b');
      expect(await node.ids(family, own.pods['pod-a'])).toEqual(before);
      await node.put(endpoints('pod-b'));
      await outside.answered('kept', service80(n), 'pod-b');
    });

    it('end when no endpoint is left, and go on when there is one again', async () => {
      const { n, objects, endpoints } = udp({ endpoints: ['pod-a'] });
      await node.put(objects);
      await outside.answered('emptied', service80(n), 'pod-a');
      await node.put(endpoints());
      expect(await node.ids(family, clusterIP(family, n))).toEqual([]);
      expect(await outside.ask('emptied', service80(n), 500)).toBeUndefined();
      await node.put(endpoints('pod-b'));
      await outside.answered('emptied', service80(n), 'pod-b');
    });

    it('reach a Service that did not exist when they began', async () => {
      const { n, objects } = udp({ endpoints: ['pod-a'] });
      expect(await outside.ask('early', service80(n), 500)).toBeUndefined();
      expect(await node.ids(family, clusterIP(family, n)), 'tracked, and translated by nothing').toHaveLength(
        1,
      );
      await node.put(objects);
      await outside.answered('early', service80(n), 'pod-a');
    });

    it('end with their Service', async () => {
      const { n, objects } = udp({ endpoints: ['pod-a'] });
      await node.put(objects);
      await outside.answered('deleted', service80(n), 'pod-a');
      await node.delete(objects);
      expect(await node.ids(family, clusterIP(family, n))).toEqual([]);
      expect(await outside.ask('deleted', service80(n), 500)).toBeUndefined();
    });

    it('that are none of a Service are never touched', async () => {
      const nodePort = 30_100 + nextService;
      const { n, objects, endpoints } = udp({ endpoints: ['pod-a'], nodePort });
      await node.put(objects);
      // The number of the node port at a host elsewhere, another port of the cluster IP, and straight to Pods.
      const foreign = [
        { target: `${own.clients[1]} ${nodePort}`, answer: undefined },
        { target: `${clusterIP(family, n)} 4789`, answer: undefined },
        { target: `${own.pods['pod-a']} ${POD_PORT}`, answer: 'pod-a' },
        { target: `${own.pods['pod-d']} ${POD_PORT}`, answer: 'pod-d' },
      ];
      const ids = () =>
        Promise.all(foreign.map(({ target }) => node.ids(family, ...target.split(' '), own.pods['pod-c'])));
      for (const { target, answer } of foreign) {
        expect(await podC.ask('foreign', target, 500), target).toBe(answer);
      }
      const before = await ids();
      expect(before.map(({ length }) => length)).toEqual([1, 1, 1, 1]);
      await podC.answered('own', service80(n), 'pod-a');
      await node.put(endpoints('pod-b'));
      await podC.answered('own', service80(n), 'pod-b');
      await node.put(endpoints());
      expect(await ids()).toEqual(before);
    });
  });
});

/** A node whose rules and flows follow objects: what the daemon does, without an API server. */
class ProgrammedNode implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #tracker = new Tracker({ nodeName: NODE_NAME, report: () => {} });
  readonly #stop = new AbortController();
  readonly #reconcilers: readonly Reconciler[];
  readonly #running: readonly Promise<void>[];
  readonly #reports: Record<Family, number> = { ipv4: 0, ipv6: 0 };

  static async start(namespace: Namespace): Promise<ProgrammedNode> {
    const exec = inNamespace(namespace);
    const addresses = await readLocalAddresses(exec, new AbortController().signal);
    return new ProgrammedNode(namespace, exec, addresses);
  }

  private constructor(namespace: Namespace, exec: Exec & LineExec, addresses: readonly Address[]) {
    this.#namespace = namespace;
    const quiet = { debug: () => {}, info: () => {}, warn: () => {} };
    const owned = { logger: quiet, clock: systemClock, random: Math.random };
    const conntrack = new ConntrackReconciler({
      ...owned,
      tool: new ConntrackTool(exec),
      desired: (family) => ({ servicePorts: this.#servicePorts(family), ...context(family, addresses) }),
      observer: { reconciled: ({ family }) => void this.#reports[family]++ },
    });
    this.#reconcilers = FAMILIES.map(
      (family) =>
        new Reconciler({
          ...owned,
          dataplane: new IptablesDataplane(new IptablesTools(family, 'nft', exec)),
          desired: new DesiredState(family, this.#tracker, iptablesCompiler),
          context: () => context(family, addresses),
          minSyncPeriod: 0,
          syncPeriod: 3_600_000,
          observer: {
            requested: () => {},
            failed: () => {},
            quarantined: () => {},
            synced: () => conntrack.request(family),
          },
        }),
    );
    const { signal } = this.#stop;
    this.#running = [...this.#reconcilers, conntrack].map((reconciler) => reconciler.run(signal));
  }

  /** Resolves when rules and flows are as the objects say. */
  put(objects: readonly ApiObject[]): Promise<void> {
    return this.#change(() => {
      for (const object of objects)
        this.#tracker.upsert(object.kind === 'Service' ? 'Service' : 'EndpointSlice', object);
    });
  }

  delete(objects: readonly ApiObject[]): Promise<void> {
    return this.#change(() => {
      for (const { kind, metadata } of objects) {
        this.#tracker.delete(kind === 'Service' ? 'Service' : 'EndpointSlice', `default/${metadata?.name}`);
      }
    });
  }

  /** The kernel's ids of tracked UDP flows whose line has all of these words, as values of its fields. */
  async ids(family: Family, ...values: readonly string[]): Promise<readonly string[]> {
    const dump = await this.#namespace.run(['conntrack', '-L', '-p', 'udp', '-f', family, '-o', 'id']);
    const lines = dump.split('\n').filter((line) => values.every((value) => line.includes(`=${value} `)));
    return lines.map((line) => / id=(\d+)/.exec(line)?.[1] ?? line).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  async #change(change: () => void): Promise<void> {
    const before = { ...this.#reports };
    change();
    for (const reconciler of this.#reconcilers) reconciler.request();
    await eventually('rules and flows of both families as the objects say', async () =>
      FAMILIES.every((family) => this.#reports[family] > before[family]) ? true : undefined,
    );
  }

  *#servicePorts(family: Family) {
    for (const key of this.#tracker.servicePortKeys(family)) {
      const resolved = this.#tracker.resolve(family, key);
      if (resolved) yield resolved.servicePort;
    }
  }
}

function context(
  family: Family,
  addresses: readonly Address[],
): { node: NodeFacts; settings: ProxySettings } {
  const cidr = parseCidr(ADDRESSES[family].clusterCIDR);
  const localAddresses = addresses.filter((address) => address.includes(':') === (family === 'ipv6'));
  return {
    node: {
      nodeName: NODE_NAME,
      zone: '',
      nodeIP: ADDRESSES[family].node as Address,
      podCIDRs: [],
      localAddresses,
      serviceCIDRs: [],
    },
    settings: {
      family,
      localDetector: cidr ? { kind: 'cidr', cidr } : { kind: 'none' },
      masqueradeAll: false,
      masqueradeMark: 0x4000,
      nodePortAddresses: [],
      localhostNodePorts: false,
      conntrackTCPBeLiberal: false,
      nfacct: false,
      randomFully: true,
    },
  };
}

function inNamespace({ name }: Namespace): Exec & LineExec {
  const command = [`PATH=${searchPath()}`, 'ip', 'netns', 'exec', name];
  return {
    run: (program, args, options) => systemExec.run('env', [...command, program, ...args], options),
    lines: (program, args, onLine, options) =>
      systemExec.lines('env', [...command, program, ...args], onLine, options),
  };
}

const CLIENT = fileURLToPath(new URL('./conntrack-client.ts', import.meta.url));

/** A client whose sockets stay open, so that it goes on with the flows that it began. */
class UdpClient implements AsyncDisposable {
  readonly #process: Subprocess;
  readonly #waiting = new Map<string, (pod: string) => void>();

  constructor(namespace: Namespace) {
    this.#process = namespace.start([process.execPath, CLIENT]);
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      const [, socket = '', answer = ''] = /^(.*?) (\{.*)$/.exec(line) ?? [];
      this.#waiting.get(socket)?.((JSON.parse(answer) as { pod: string }).pod);
    });
  }

  /** Sends one packet, through a socket of this name and for this target alone. @returns the Pod that answered, undefined for none in time. */
  ask(socket: string, target: string, timeoutMs: number): Promise<string | undefined> {
    const name = `${socket} ${target}`.replaceAll(' ', '_');
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(undefined), timeoutMs);
      const settle = (pod: string | undefined) => {
        clearTimeout(timer);
        this.#waiting.delete(name);
        resolve(pod);
      };
      this.#waiting.set(name, settle);
      this.#process.stdin.write(`${name} ${target}\n`);
    });
  }

  /** The next packet is answered by this Pod. A UDP packet may be lost now and then: three in a row are not. */
  async answered(socket: string, target: string, pod: string): Promise<void> {
    let answer: string | undefined;
    for (let i = 0; i < 3 && answer === undefined; i++) answer = await this.ask(socket, target, 2_000);
    expect(answer, `the answer to a packet to ${target}`).toBe(pod);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#process;
  }
}
