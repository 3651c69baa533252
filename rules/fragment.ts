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

interface Claim {
  readonly owner: ServicePortKey;
  text: string;
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
  readonly #fragments = new Map<ServicePortKey, Fragment>();

  /**
   * Replaces what the owner contributes; undefined takes all of it away.
   * @returns keys of the objects that are new, gone or different now.
   */
  set(owner: ServicePortKey, fragment: Fragment | undefined): readonly string[] {
    const before = this.#fragments.get(owner);
    const changed = new Set<string>();
    const kept = new Set<string>();
    for (const { key, text } of fragment ?? []) {
      kept.add(key);
      if (this.#claim(key, owner, text)) changed.add(key);
    }
    for (const { key } of before ?? []) {
      if (!kept.has(key) && this.#release(key, owner)) changed.add(key);
    }
    if (fragment) this.#fragments.set(owner, fragment);
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

  #claim(key: string, owner: ServicePortKey, text: string): boolean {
    const first = this.#objects.get(key);
    if (!first) {
      this.#objects.set(key, { owner, text, next: undefined });
      return true;
    }
    let claim = first;
    while (claim.owner !== owner && claim.next) claim = claim.next;
    if (claim.owner !== owner) {
      claim.next = { owner, text, next: undefined };
      return false;
    }
    const changed = claim === first && claim.text !== text;
    claim.text = text;
    return changed;
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
