import { type Match, parseRule, type Rule } from '../iptables/rule.ts';
import type { SavedChain, SavedTable } from '../iptables/save.ts';
import { type Fit, fits, isForAnother, type Surroundings } from './iptables-match.ts';
import { type Deed, doTarget } from './iptables-target.ts';
import { Share } from './share.ts';
import type { Hook, Step } from './trace.ts';
import { type Ended, joined, type Way, withStep } from './way.ts';

/** Chains may call chains; deeper than the kernel allows it is a circle. */
const MAX_DEPTH = 100;

/** The tables of a dump, through which packets are sent. Takes rules apart when they are first looked at. */
export class Chains {
  readonly #tables = new Map<string, ReadonlyMap<string, SavedChain>>();
  readonly #parsed = new Map<string, Rule | undefined>();

  constructor(tables: readonly SavedTable[]) {
    for (const { table, chains } of tables) this.#tables.set(table, chains);
  }

  /** Sends ways through one of the kernel's own chains, if there is one. */
  hook(table: string, hook: Hook, ways: readonly Way[], around: Surroundings): Passage {
    const chain = this.#tables.get(table)?.get(hook);
    if (!chain) return { passed: ways, ended: [] };
    const call = { table, hook, chain: hook, depth: 0 };
    const { accepted, returned, ended } = this.#chain(call, ways, around);
    if (chain.policy !== 'DROP') return { passed: joined([...accepted, ...returned]), ended };
    const step: Step = { hook, table, chain: hook, depth: 0, rule: 'policy DROP', effect: 'dropped' };
    const dropped = returned.map((way): Ended => ({ verdict: 'drop', way: withStep(way, step) }));
    return { passed: accepted, ended: [...ended, ...dropped] };
  }

  /** All of a chain, rule by rule. The ways that get here are more than one only where chance has parted them. */
  #chain(call: Call, ways: readonly Way[], around: Surroundings): Through {
    const through: Through = { accepted: [], returned: [], ended: [] };
    const rules = this.#tables.get(call.table)?.get(call.chain)?.rules ?? [];
    let live = ways;
    for (const text of rules) {
      if (live.length === 0) break;
      if (live.every((way) => isForAnother(text, way))) continue;
      const rule = this.#rule(text);
      const next: Way[] = [];
      for (const way of live) this.#meet({ rule, text }, call, way, { around, through, next });
      live = joined(next);
    }
    through.returned.push(...live);
    return through;
  }

  #meet({ rule, text }: Read, call: Call, way: Way, { around, through, next }: Meeting): void {
    const fit: Fit = rule ? fits(rule, call.hook, way, around) : { unknown: 'no rule that can be read' };
    if (fit === 'no') {
      next.push(way);
      return;
    }
    const { table, hook, chain, depth } = call;
    const noted = (to: Way, effect: string, doubt?: string): Way =>
      withStep(to, { hook, table, chain, depth, rule: text, effect, ...(doubt !== undefined && { doubt }) });
    if (fit !== 'yes' && !(fit instanceof Share)) {
      const matters = rule?.target !== undefined;
      next.push(matters ? noted(way, 'taken not to match', fit.unknown) : way);
      return;
    }
    const isChance = fit instanceof Share;
    if (isChance) next.push({ ...way, share: way.share.times(fit.rest) });
    const taken = remembering(rule, isChance ? { ...way, share: way.share.times(fit) } : way, around);
    const by = `${isChance ? `${fit} by chance: ` : ''}${isRemembering(rule) ? 'the client is remembered, ' : ''}`;
    const target = rule?.target;
    if (!target) {
      next.push(taken);
    } else if (this.#tables.get(table)?.has(target.name)) {
      const start = noted(taken, `${by}goes on in ${target.name}`);
      if (depth === MAX_DEPTH) {
        next.push(start);
        return;
      }
      const inner = this.#chain({ ...call, chain: target.name, depth: depth + 1 }, [start], around);
      through.accepted.push(...inner.accepted);
      through.ended.push(...inner.ended);
      (target.goto ? through.returned : next).push(...inner.returned);
    } else {
      const deed = doTarget(target, taken, around);
      settle(deed, noted(deed.way, by + deed.effect, deed.doubt), through, next);
    }
  }

  #rule(text: string): Rule | undefined {
    if (!this.#parsed.has(text)) this.#parsed.set(text, parseRule(text));
    return this.#parsed.get(text);
  }
}

/** Those that go on behind a hook, and those that have come to an end in it. */
export interface Passage {
  readonly passed: readonly Way[];
  readonly ended: readonly Ended[];
}

interface Call {
  readonly table: string;
  readonly hook: Hook;
  readonly chain: string;
  readonly depth: number;
}

interface Through {
  readonly accepted: Way[];
  readonly returned: Way[];
  readonly ended: Ended[];
}

interface Read {
  readonly rule: Rule | undefined;
  readonly text: string;
}

interface Meeting {
  readonly around: Surroundings;
  readonly through: Through;
  /** Ways that go on with the next rule. */
  readonly next: Way[];
}

function settle({ verdict }: Deed, way: Way, through: Through, next: Way[]): void {
  switch (verdict) {
    case 'next':
      next.push(way);
      break;
    case 'return':
      through.returned.push(way);
      break;
    case 'accept':
      through.accepted.push(way);
      break;
    default:
      through.ended.push({ verdict, way });
  }
}

/** A rule that puts the client in a list: rules that ask for it there send it the same way again. */
function remembering(rule: Rule | undefined, way: Way, { recent }: Surroundings): Way {
  const match = rule?.matches.find(isListing);
  if (!match) return way;
  const list = match.options.find(({ name }) => name === '--name')?.values[0] ?? 'DEFAULT';
  return { ...way, affinitySeconds: recent.get(list) ?? way.affinitySeconds };
}

function isRemembering(rule: Rule | undefined): boolean {
  return rule?.matches.some(isListing) ?? false;
}

function isListing({ name, options }: Match): boolean {
  return name === 'recent' && options.some((option) => option.name === '--set');
}
