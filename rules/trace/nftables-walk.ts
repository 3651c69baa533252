import { endpointText } from '../model.ts';
import { fieldValue, UNKNOWN } from './nftables-fields.ts';
import {
  type Choice,
  type Field,
  parseRule,
  parseTarget,
  type Statement,
  type Target,
} from './nftables-statements.ts';
import type { BaseChain, NftablesTable } from './nftables-tables.ts';
import { lookUp, type Values } from './nftables-values.ts';
import type { Host, Packet } from './packet.ts';
import { Share } from './share.ts';
import type { Hook } from './trace.ts';
import { type Way, withStep } from './way.ts';

/** Where a way through a chain, or a rule, ends. `continue`: nothing has decided. */
export interface End {
  readonly verdict: 'continue' | 'accept' | 'drop' | 'reject' | 'return';
  readonly way: Way;
}

/** The place where a packet meets a table. */
export interface Place {
  readonly table: NftablesTable;
  readonly hook: Hook;
  readonly packet: Packet;
  readonly host: Host;
}

/** Deeper than the kernel allows (NFT_JUMP_STACK_SIZE) it is a circle. */
const MAX_DEPTH = 16;

/** Every way through a chain that the kernel calls. */
export function walkBaseChain(place: Place, { name, policy }: BaseChain, way: Way): readonly End[] {
  return walkChain(place, name, 0, way).map((end) => {
    if (end.verdict !== 'continue' && end.verdict !== 'return') return end;
    if (policy === 'accept') return { verdict: 'accept', way: end.way };
    const { hook, table } = place;
    const step = { hook, table: table.name, chain: name, depth: 0, rule: 'policy drop', effect: 'dropped' };
    return { verdict: 'drop', way: withStep(end.way, step) };
  });
}

function walkChain(place: Place, name: string, depth: number, start: Way): readonly End[] {
  const ends: End[] = [];
  let ways: readonly Way[] = [start];
  for (const rule of place.table.chains.get(name)?.split('\n') ?? []) {
    if (rule === '' || ways.length === 0) break;
    const statements = parseRule(rule);
    const walk = new RuleWalk(place, name, depth, rule);
    const next: Way[] = [];
    for (const end of ways.flatMap((way) => walk.ends(statements, way))) {
      if (end.verdict === 'continue') next.push(end.way);
      else ends.push(end);
    }
    ways = next;
  }
  return [...ends, ...ways.map(unmatched)];
}

/** A way within a rule, and what has been done to it there, in words. */
interface Progress {
  readonly way: Way;
  /** What chance has to do with it; empty: nothing. */
  readonly chance: string;
  readonly effects: readonly string[];
}

/** One rule's work on packets. */
class RuleWalk {
  readonly #place: Place;
  readonly #chain: string;
  readonly #depth: number;
  readonly #rule: string;

  constructor(place: Place, chain: string, depth: number, rule: string) {
    this.#place = place;
    this.#chain = chain;
    this.#depth = depth;
    this.#rule = rule;
  }

  /** All ends of the rule: its statements come one after the other, until one does not match or decides. */
  ends(statements: readonly Statement[], before: Way): readonly End[] {
    let at: Progress = { way: before, chance: '', effects: [] };
    for (const statement of statements) {
      switch (statement.kind) {
        case 'nothing':
          break;
        case 'match': {
          const found = this.#lookUp(statement.in, statement.fields, at.way);
          if (found === UNKNOWN) return this.#unknown(at, statement.fields.join(' . '));
          if (found === NO_FIELD || (found !== undefined) === statement.not) return this.#left(at);
          break;
        }
        case 'marked': {
          const isMarked = (at.way.mark & statement.mask) >>> 0 === statement.value;
          if (isMarked === statement.not) return this.#left(at);
          break;
        }
        case 'mark': {
          const mark = changedMark(at.way.mark, statement);
          at = then(at, { mark }, `mark 0x${mark.toString(16)}`);
          break;
        }
        case 'remember': {
          const affinitySeconds = this.#place.table.sets.get(statement.set)?.timeoutSeconds ?? 0;
          at = then(at, { affinitySeconds }, `the client is remembered for ${affinitySeconds} s`);
          break;
        }
        case 'masquerade':
          return [this.#end('accept', then(at, { masqueraded: true }, statement.effect))];
        case 'dnat':
          return [this.#translated(at, statement.to)];
        case 'dnat map':
          return this.#chosen(statement, at, (text, each) => {
            const target = parseTarget(text);
            return target ? [this.#translated(each, target)] : this.#unknown(each, text);
          });
        case 'verdict map':
          return this.#chosen(statement, at, (text, each) => this.#decided(text, each));
        case 'verdict':
          return this.#decided(statement.verdict, at);
        case 'unknown':
          return this.#unknown(at, statement.text);
      }
    }
    return [this.#end('continue', at.effects.length > 0 ? at : then(at, {}, 'on with the next rule'))];
  }

  /** Every way by which a map leads on; what it does not know is not matched. */
  #chosen(
    { by, in: values }: { readonly by: Choice; readonly in: Values },
    at: Progress,
    follow: (text: string, at: Progress) => readonly End[],
  ): readonly End[] {
    if ('fields' in by) {
      const text = this.#lookUp(values, by.fields, at.way);
      if (text === UNKNOWN) return this.#unknown(at, by.fields.join(' . '));
      return text === undefined || text === NO_FIELD ? this.#left(at) : follow(text, at);
    }
    const { chances } = by;
    const part = (count: number) => ({ share: at.way.share.times(Share.of(count, chances)) });
    const ends: End[] = [];
    let left = chances;
    for (const { key, text } of values.kind === 'listed' ? values.entries : []) {
      const [first = 0, last = first] = key.split('-').map(Number);
      const count = last - first + 1;
      left -= count;
      const chance = chances === 1 ? '' : `${count} of ${chances} by chance: `;
      ends.push(...follow(text, { ...then(at, part(count)), chance }));
    }
    return left > 0 ? [...ends, ...this.#left({ ...at, way: { ...at.way, ...part(left) } })] : ends;
  }

  #decided(verdict: string, at: Progress): readonly End[] {
    const [word, chain] = verdict.split(' ');
    if (chain === undefined) {
      return [this.#end(verdict as End['verdict'], then(at, {}, VERDICTS[verdict] ?? verdict))];
    }
    if (!this.#place.table.chains.has(chain) || this.#depth >= MAX_DEPTH) return this.#unknown(at, verdict);
    const { way } = this.#end('continue', then(at, {}, `goes on in ${chain}`));
    return walkChain(this.#place, chain, this.#depth + 1, way).map((end) => {
      if (end.verdict !== 'continue' && end.verdict !== 'return') return end;
      return { verdict: word === 'goto' ? 'return' : 'continue', way: end.way };
    });
  }

  #translated(at: Progress, { address, port = at.way.port }: Target): End {
    const to = endpointText({ address, port });
    const changes = { destination: address, port, translated: true };
    return this.#end('accept', then(at, changes, `the destination becomes ${to}`));
  }

  /** Rather no match than a guess, and said so. */
  #unknown(at: Progress, doubt: string): readonly End[] {
    return [this.#end('continue', then(at, {}, 'taken not to match'), doubt)];
  }

  /** What has been done until something does not match stays done. */
  #left(at: Progress): readonly End[] {
    return at.effects.length > 0 ? [this.#end('continue', at)] : [unmatched(at.way)];
  }

  #end(verdict: End['verdict'], { way, chance, effects }: Progress, doubt?: string): End {
    const { hook, table } = this.#place;
    const step = {
      ...{ hook, table: table.name, chain: this.#chain, depth: this.#depth, rule: this.#rule },
      effect: `${chance}${effects.join(', ')}`,
      ...(doubt !== undefined && { doubt }),
    };
    return { verdict, way: withStep(way, step) };
  }

  #lookUp(values: Values, fields: readonly Field[], way: Way) {
    const parts: string[] = [];
    for (const field of fields) {
      const value = fieldValue(field, this.#place, way);
      if (value === UNKNOWN) return UNKNOWN;
      if (value === undefined) return NO_FIELD;
      parts.push(value);
    }
    return lookUp(values, parts, this.#place.table.sets);
  }
}

const NO_FIELD = Symbol('packets of this kind have no such field');

const VERDICTS: Readonly<Record<string, string>> = {
  accept: 'accepted',
  drop: 'dropped',
  reject: 'rejected',
  return: 'nothing more in this chain',
  continue: 'on with the next rule',
};

function unmatched(way: Way): End {
  return { verdict: 'continue', way };
}

function then(at: Progress, changes: Partial<Way>, ...effects: readonly string[]): Progress {
  return { ...at, way: { ...at.way, ...changes }, effects: [...at.effects, ...effects] };
}

function changedMark(mark: number, { operator, value }: Extract<Statement, { kind: 'mark' }>): number {
  switch (operator) {
    case '|':
      return (mark | value) >>> 0;
    case '^':
      return (mark ^ value) >>> 0;
    case '&':
      return (mark & value) >>> 0;
    case '=':
      return value;
  }
}
