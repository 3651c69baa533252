import { BASE, type Ruleset } from '../fragment.ts';
import type { Family } from '../model.ts';
import { chainBody } from './equality.ts';
import { TABLE } from './names.ts';
import { parseKey } from './objects.ts';

/**
 * A transaction that the kernel would take only if it has these objects: chains with as many rules as they should
 * have, or more, and elements. Listing a single chain would cost nft as much as listing all of them.
 * @param keys each once; sets and maps are left out
 */
export function lookText(family: Family, ruleset: Ruleset, keys: Iterable<string>): string {
  const table = `${family === 'ipv6' ? 'ip6' : 'ip'} ${TABLE}`;
  const commands: string[] = [];
  for (const key of keys) {
    const { kind, name, element } = parseKey(key);
    if (element !== undefined) {
      commands.push(`delete element ${table} ${name} { ${element} }`);
    } else if (kind === 'chain') {
      const count = chainBody(ruleset.text(key) ?? '').rules.length;
      // Can be added behind the last rule, if there is one.
      commands.push(`add rule ${table} ${name}${count === 0 ? '' : ` index ${count - 1}`} continue`);
    }
  }
  return commands.map((command) => `${command}\n`).join('');
}

/** Goes round all objects of a ruleset, some at each look. */
export class LookRound {
  readonly ruleset: Ruleset;
  #rest: Iterator<string>;
  /** The last element that was met of each set and map. */
  readonly #canaries = new Map<string, string>();

  constructor(ruleset: Ruleset) {
    this.ruleset = ruleset;
    this.#rest = ruleset.keys()[Symbol.iterator]();
  }

  /** Static objects, an element of each set and map that was met so far, and so many others, where the last look ended. */
  next(count: number): ReadonlySet<string> {
    const { ruleset } = this;
    const keys = new Set((ruleset.fragment(BASE) ?? []).map(({ key }) => key));
    for (let i = 0; i < count; i++) {
      const { done, value: key } = this.#rest.next();
      if (done) {
        this.#rest = ruleset.keys()[Symbol.iterator]();
        break;
      }
      keys.add(key);
      const { name, element } = parseKey(key);
      if (element !== undefined) this.#canaries.set(name, key);
    }
    for (const [name, key] of this.#canaries) {
      if (ruleset.text(key) === undefined) this.#canaries.delete(name);
      else keys.add(key);
    }
    return keys;
  }
}
