import { compareText } from '../../rules/topology.ts';
import type { Slice } from './slice.ts';

/** All slices, by their own keys and by Service. */
export class SliceIndex {
  readonly #slices = new Map<string, Slice>();
  /** One slice, or several in the order of their keys: nearly all Services have one. */
  readonly #byService = new Map<string, Slice | readonly Slice[]>();

  get(key: string): Slice | undefined {
    return this.#slices.get(key);
  }

  /** The Service's slices, in the order of their keys. */
  of(service: string): readonly Slice[] {
    const found = this.#byService.get(service);
    if (found === undefined) return [];
    return isOne(found) ? [found] : found;
  }

  /** Puts a slice in place of the one with this key; undefined takes that away. */
  set(key: string, slice: Slice | undefined): void {
    const before = this.#slices.get(key);
    if (slice) this.#slices.set(key, slice);
    else this.#slices.delete(key);
    if (before && before.service !== slice?.service) this.#place(before.service, key, undefined);
    if (slice) this.#place(slice.service, key, slice);
  }

  #place(service: string, key: string, slice: Slice | undefined): void {
    const before = this.of(service);
    const at = before.findIndex((other) => other.key === key);
    if (slice && at >= 0) {
      this.#byService.set(service, before.length === 1 ? slice : before.with(at, slice));
      return;
    }
    const others = before.filter((other) => other.key !== key);
    const slices = slice ? [...others, slice].sort((a, b) => compareText(a.key, b.key)) : others;
    const [only] = slices;
    if (!only) this.#byService.delete(service);
    else this.#byService.set(service, slices.length === 1 ? only : slices);
  }
}

function isOne(found: Slice | readonly Slice[]): found is Slice {
  return !Array.isArray(found);
}
