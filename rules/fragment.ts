import { compact } from './joined.ts';
import type { ServicePortKey } from './model.ts';

/** One thing in the kernel that a plan can add, replace or delete. Keys are a dataplane's own; equal text, no work. */
export interface KernelObject {
  readonly key: string;
  readonly text: string;
}

/** Everything that one owner contributes to a dataplane. */
export type Fragment = readonly KernelObject[];

/** Owns what is there without any Service. */
export const BASE = '(base)' as ServicePortKey;

/** An object as one of its owners wants it. */
interface Claim extends KernelObject {
  readonly owner: ServicePortKey;
  /** The next owner of the same object. Nearly always none: cheaper than a list for each object. */
  next: Claim | undefined;
}

/**
 * All objects that the kernel should have for one IP family: the base and the fragments of all ServicePorts, with
 * their owners. An object that several own stays until its last owner goes; where they disagree on its text, the
 * first holds.
 */
export class Ruleset {
  readonly #objects = new Map<string, Claim>();
  readonly #fragments = new Map<ServicePortKey, readonly Claim[]>();

  /**
   * Replaces what the owner contributes; undefined takes all of it away.
   * @returns keys of the objects that are new, gone or different now.
   */
  set(owner: ServicePortKey, fragment: Fragment | undefined): readonly string[] {
    const before = this.#fragments.get(owner) ?? [];
    const changed = new Set<string>();
    const kept = new Map<string, Claim>();
    for (const object of fragment ?? []) kept.set(object.key, this.#claim(object, owner, changed));
    for (const { key } of before) {
      if (!kept.has(key) && this.#release(key, owner)) changed.add(key);
    }
    if (fragment) this.#fragments.set(owner, [...kept.values()]);
    else this.#fragments.delete(owner);
    return [...changed];
  }

  text(key: string): string | undefined {
    return this.#objects.get(key)?.text;
  }

  /** The first owner: the one whose text holds. */
  owner(key: string): ServicePortKey | undefined {
    return this.#objects.get(key)?.owner;
  }

  fragment(owner: ServicePortKey): Fragment | undefined {
    return this.#fragments.get(owner);
  }

  owners(): Iterable<ServicePortKey> {
    return this.#fragments.keys();
  }

  keys(): Iterable<string> {
    return this.#objects.keys();
  }

  get size(): number {
    return this.#objects.size;
  }

  #claim(object: KernelObject, owner: ServicePortKey, changed: Set<string>): Claim {
    const { key, text } = object;
    const first = this.#objects.get(key);
    let before: Claim | undefined;
    let claim = first;
    while (claim && claim.owner !== owner) {
      before = claim;
      claim = claim.next;
    }
    if (claim?.text === text) return claim;
    // Of equal keys the oldest is kept, which others hold as well.
    const made = { key: first?.key ?? compact(key), text: compact(text), owner, next: claim?.next };
    if (before) {
      before.next = made;
    } else {
      this.#objects.set(made.key, made);
      changed.add(made.key);
    }
    return made;
  }

  #release(key: string, owner: ServicePortKey): boolean {
    const first = this.#objects.get(key);
    if (!first) return false;
    if (first.owner === owner) {
      if (!first.next) {
        this.#objects.delete(key);
        return true;
      }
      this.#objects.set(key, first.next);
      return first.next.text !== first.text;
    }
    for (let claim = first; claim.next; claim = claim.next) {
      if (claim.next.owner === owner) {
        claim.next = claim.next.next;
        return false;
      }
    }
    return false;
  }
}
