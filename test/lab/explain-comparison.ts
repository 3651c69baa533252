import { readFileSync } from 'node:fs';
import type { Address } from '../../rules/model.ts';
import { FAMILIES } from '../../rules/model.ts';
import type { Outcome } from '../../rules/trace/trace.ts';
import type { Answer as Explanation } from '../../src/cli/explain/answer.ts';
import { type KnownCluster, readKnownCluster } from '../../src/cli/explain/cluster.ts';
import { EXPLAIN } from '../../src/cli/explain/command.ts';
import { Investigation } from '../../src/cli/explain/investigation.ts';
import { type Route, readRoute } from '../../src/cli/explain/live-rules.ts';
import { desiredRules, liveRules, type RuleSource } from '../../src/cli/explain/rule-source.ts';
import { loadCommand } from '../../src/config/load.ts';
import type { Settings } from '../../src/config/settings.ts';
import { type Case, caseText, randomCases } from './explain-cases.ts';
import type { Lab } from './lab.ts';
import type { Answer } from './probe-protocol.ts';
import { Random } from './random.ts';
import { ADDRESSES, LOCAL_PODS, NODE_NAME, POD_PORT, type PodName, REMOTE_POD } from './topology.ts';
import { execIn } from './vm/namespace-exec.ts';

export interface ComparisonOptions {
  readonly seed: number;
  /** How many packets. */
  readonly cases: number;
  /** How many of them are on their way at the same time. */
  readonly batch: number;
  /** How often each is sent that somebody should answer. */
  readonly requests: number;
  /** ms after which nobody answers any more. */
  readonly silenceMs: number;
}

/** What is explained of a node of the lab, beside what its kernel does to packets. */
export class ExplainComparison {
  readonly cases: readonly Case[];
  /** How many packets there were of each sort. */
  readonly seen = new Map<string, number>();
  readonly #lab: Lab;
  readonly #settings: Settings;
  readonly #cluster: KnownCluster;
  readonly #live: RuleSource;
  readonly #options: ComparisonOptions;
  readonly #routes = new Map<Address, Promise<Route | undefined>>();

  /**
   * Reads the rules of the lab's node as they are now, and has the second node send what is for Services there.
   * @param flags those that Fairlead was started with there
   */
  static async create(
    lab: Lab,
    flags: readonly string[],
    options: ComparisonOptions,
  ): Promise<ExplainComparison> {
    await routeThroughNode(lab);
    const settings = settingsOf([...flags, '--local-addresses', localAddresses().join()]);
    const cluster = await readKnownCluster(settings, () => {});
    const live = await liveRules(settings, FAMILIES, execIn(lab.node), new AbortController().signal);
    return new ExplainComparison({ lab, settings, cluster, live, options });
  }

  private constructor(parts: {
    lab: Lab;
    settings: Settings;
    cluster: KnownCluster;
    live: RuleSource;
    options: ComparisonOptions;
  }) {
    this.#lab = parts.lab;
    this.#settings = parts.settings;
    this.#cluster = parts.cluster;
    this.#live = parts.live;
    this.#options = parts.options;
    this.cases = randomCases(parts.lab, new Random(parts.options.seed), parts.options.cases);
  }

  /** Sends all packets. @returns where something else happened than the rules in the kernel explain */
  async withPackets(): Promise<readonly string[]> {
    const wrong: string[] = [];
    const { batch } = this.#options;
    for (let i = 0; i < this.cases.length; i += batch) {
      await Promise.all(
        this.cases.slice(i, i + batch).map(async (one) => {
          const explanation = await this.#explain(one, this.#live);
          for (const sort of sortsOf(explanation)) this.seen.set(sort, (this.seen.get(sort) ?? 0) + 1);
          const complaint = await this.#send(one, explanation);
          if (complaint !== undefined)
            wrong.push(`${caseText(one)}: ${complaint}; explained: ${explanation.summary}`);
        }),
      );
    }
    return wrong;
  }

  /** @returns where the rules that the node should have explain something else, but for what others have added */
  async withDesired(): Promise<readonly string[]> {
    const desired = desiredRules(this.#settings, this.#cluster);
    const differing: string[] = [];
    for (const one of this.cases) {
      const [a, b] = await Promise.all([this.#explain(one, desired), this.#explain(one, this.#live)]);
      const [should, does] = [a, b].map(({ trace }) =>
        JSON.stringify(trace.map(({ outcome }) => fateOf(outcome))),
      );
      if (!isForeign(b) && should !== does) differing.push(`${caseText(one)}: ${should} but ${does}`);
    }
    return differing;
  }

  #explain(one: Case, rules: RuleSource): Promise<Explanation> {
    const investigation = new Investigation({
      settings: this.#settings,
      cluster: this.#cluster,
      rules,
      from: one.sender.from,
      pod: undefined,
      interface: '',
      route: rules.kind === 'live' ? (to) => this.#route(to) : undefined,
    });
    return investigation.answer({ ...one.to, family: one.family, servicePort: undefined });
  }

  #route(to: Address): Promise<Route | undefined> {
    const known = this.#routes.get(to) ?? readRoute(to, execIn(this.#lab.node), new AbortController().signal);
    this.#routes.set(to, known);
    return known;
  }

  /** @returns what is different from what was explained; undefined: nothing */
  async #send(one: Case, { trace, packet }: Explanation): Promise<string | undefined> {
    const [likeliest] = trace;
    if (!likeliest) return 'nothing was explained';
    const { verdict } = likeliest.outcome;
    const isAnswered = verdict === 'endpoint' || isPod(one);
    const isSilent =
      trace.some(({ outcome }) => outcome.verdict === 'drop') || (verdict === 'pass' && !isAnswered);
    const { source } = one.sender;
    const answers = await this.#lab.from(one.sender.namespace).request(
      { ...one.to, ...(source === undefined ? {} : { from: source }) },
      {
        count: isAnswered ? this.#options.requests : 2,
        parallel: 4,
        // In IPv6 over veth only the refusal of the second SYN counts, a second later.
        timeoutMs: isSilent ? this.#options.silenceMs : 6 * this.#options.silenceMs,
      },
    );
    if (isAnsweredElsewhere(one, likeliest.outcome)) return undefined;
    const complaints = answers.map((answer) =>
      complaintOf(
        answer,
        one,
        trace.map(({ outcome }) => outcome),
        packet.source,
      ),
    );
    return complaints.find((complaint) => complaint !== undefined);
  }
}

function complaintOf(
  answer: Answer,
  one: Case,
  outcomes: readonly Outcome[],
  source: string,
): string | undefined {
  const verdicts = new Set(outcomes.map(({ verdict }) => verdict));
  if ('error' in answer) {
    if (answer.error === 'timeout' && verdicts.has('drop')) return undefined;
    if (answer.error === 'refused' && verdicts.has('reject')) return undefined;
    return verdicts.has('pass') && !isPod(one) ? undefined : `the sender sees ${answer.error}`;
  }
  const { pods, node, bridge } = ADDRESSES[one.family];
  const pod = pods[answer.pod as PodName];
  const outcome = outcomes.find(
    ({ verdict, destination, port }) =>
      (verdict === 'endpoint' || verdict === 'pass') && destination === pod && port === POD_PORT,
  );
  if (!outcome) return `${answer.pod} answers`;
  const isRight = outcome.masqueraded ? [node, bridge].includes(answer.client) : answer.client === source;
  return isRight ? undefined : `${answer.pod} sees ${answer.client}`;
}

function sortsOf(explanation: Explanation): ReadonlySet<string> {
  const outcomes = explanation.trace.map(({ outcome }) => outcome);
  const masqueraded = new Set(outcomes.map((outcome) => outcome.masqueraded));
  return new Set([
    ...outcomes.map(({ verdict }) => verdict),
    ...(masqueraded.size > 1
      ? ['now and then masqueraded']
      : masqueraded.has(true)
        ? ['masqueraded']
        : ['as itself']),
    ...(isForeign(explanation) ? ['foreign'] : []),
  ]);
}

/** What answers from another node with the sender's address in hand: no answer comes back as it should. */
function isAnsweredElsewhere(
  { family, sender }: Case,
  { verdict, masqueraded, destination }: Outcome,
): boolean {
  const isElsewhere = destination === ADDRESSES[family].pods[REMOTE_POD];
  return verdict === 'endpoint' && isElsewhere && !masqueraded && !isOnNode(sender.name);
}

function isOnNode(name: string): boolean {
  return name === NODE_NAME || (LOCAL_PODS as readonly string[]).includes(name);
}

function isPod({ family, to }: Case): boolean {
  return Object.values(ADDRESSES[family].pods).some((pod) => pod === to.address);
}

function isForeign({ trace }: Explanation): boolean {
  return trace.some(({ outcome }) => outcome.steps.some(({ rule }) => rule.includes('--comment foreign')));
}

function fateOf({ share, verdict, destination, port, masqueraded, affinitySeconds }: Outcome): object {
  return { share, verdict, destination, port, masqueraded, affinitySeconds };
}

function settingsOf(argv: readonly string[]): Settings {
  const ports = { readFile: (path: string) => readFileSync(path, 'utf8'), hostname: () => 'node-1' };
  const loaded = loadCommand(EXPLAIN, argv, ports);
  if (loaded.kind === 'print') throw new Error('help is printed');
  return loaded.settings;
}

/** Those of the lab's node. */
function localAddresses(): readonly string[] {
  return FAMILIES.flatMap((family) => [ADDRESSES[family].node, ADDRESSES[family].bridge]);
}

/** The second node sends what is for Services to the node under test. */
async function routeThroughNode({ otherNode }: Lab): Promise<void> {
  const lines = FAMILIES.flatMap((family) => {
    const { node, serviceCIDR, externalCIDR, balancerCIDR } = ADDRESSES[family];
    return [serviceCIDR, externalCIDR, balancerCIDR].map((network) => `route add ${network} via ${node}`);
  });
  await otherNode.ip(lines);
}
