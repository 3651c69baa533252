import { BASE } from '../rules/fragment.ts';
import type { ServicePortKey } from '../rules/model.ts';
import {
  type Dataplane,
  DataplaneError,
  type Ledger,
  type Plan,
  replaceLedger,
  takeDown,
} from './dataplane/dataplane.ts';
import type { DesiredState } from './desired-state.ts';

/** A ServicePort whose rules the kernel refuses. Its last good fragment stays. */
export interface Quarantined {
  readonly servicePort: ServicePortKey;
  readonly error: DataplaneError;
  /** Tries so far. */
  readonly attempts: number;
  /** ms since the epoch at which it is tried again. */
  readonly retryAt: number;
}

const RETRY_MIN_MS = 30_000;
const RETRY_MAX_MS = 1_800_000;
/** So many at once, and nothing that works, are not the fault of Services. */
const TOO_MANY = 20;

/** Objects that should go, and that the kernel keeps because somebody else uses them. */
interface Stuck {
  readonly keys: readonly string[];
  readonly attempts: number;
  readonly retryAt: number;
}

/** Is told what `isolate` finds. */
export interface Findings {
  quarantined(servicePort: ServicePortKey, error: DataplaneError): void;
  /** So many objects cannot be removed. */
  stuck(objects: number, error: DataplaneError): void;
}

/** Keeps what the kernel refuses from holding up all else. */
export class Quarantine {
  readonly #dataplane: Dataplane;
  readonly #desired: DesiredState;
  readonly #entries = new Map<ServicePortKey, Quarantined>();
  #stuck: Stuck | undefined;

  constructor(dataplane: Dataplane, desired: DesiredState) {
    this.#dataplane = dataplane;
    this.#desired = desired;
  }

  get entries(): readonly Quarantined[] {
    return [...this.#entries.values()];
  }

  /** Keys of objects that should go, and could not be removed. */
  get stuck(): readonly string[] {
    return this.#stuck?.keys ?? [];
  }

  /** ms until something is tried again; undefined where nothing is refused. */
  nextRetry(now: number): number | undefined {
    const times = [...this.entries, ...(this.#stuck ? [this.#stuck] : [])].map(({ retryAt }) => retryAt);
    return times.length === 0 ? undefined : Math.max(0, Math.min(...times) - now);
  }

  /**
   * Lets out whoever has changed, and gives those whose time has come another try.
   * @returns keys of the objects that are to be applied again.
   */
  review(changed: readonly ServicePortKey[], now: number): readonly string[] {
    for (const key of this.#entries.size === 0 ? [] : changed) this.#entries.delete(key);
    const due = this.entries.filter(({ retryAt }) => retryAt <= now);
    const stuck = this.#stuck && this.#stuck.retryAt <= now ? this.#stuck.keys : [];
    return [...stuck, ...due.flatMap(({ servicePort }) => this.#desired.recompile(servicePort))];
  }

  /** Those that `review` gave another try at this time, and that have not been refused again, are well. */
  release(now: number): void {
    for (const { servicePort, retryAt } of this.entries)
      if (retryAt <= now) this.#entries.delete(servicePort);
    if (this.#stuck && this.#stuck.retryAt <= now) this.#stuck = undefined;
  }

  /**
   * Applies a refused plan without the ServicePorts that are at fault, found by the refused line where the tool
   * names it, and by halving where it does not.
   * @param ledger just read from the kernel; kept up to date
   * @returns lines applied
   * @throws DataplaneError where no ServicePort is at fault
   */
  async isolate(
    refused: { readonly plan: Plan; readonly ledger: Ledger },
    now: number,
    findings: Findings,
    signal: AbortSignal,
  ): Promise<number> {
    const { plan, ledger } = refused;
    const groups = this.#groupByOwner(plan);
    const base = groups.get(BASE) ?? [];
    const leftovers = groups.get(undefined) ?? [];
    const owners = [...groups.keys()].filter((owner): owner is ServicePortKey => !!owner && owner !== BASE);
    const found: { servicePort: ServicePortKey; error: DataplaneError }[] = [];
    let lines = 0;

    const attempt = async (keys: readonly string[]): Promise<DataplaneError | undefined> => {
      const part = this.#dataplane.plan(this.#desired.ruleset, ledger, keys);
      if (part.lines === 0) return undefined;
      try {
        await this.#dataplane.apply(part, signal);
      } catch (failure) {
        if (!(failure instanceof DataplaneError) || !isRefusal(failure)) throw failure;
        // Sections before the refused one have been applied.
        replaceLedger(ledger, await this.#dataplane.adopt(signal));
        return failure;
      }
      takeDown(part, ledger);
      lines += part.lines;
      return undefined;
    };
    const narrow = async (suspects: readonly ServicePortKey[]): Promise<void> => {
      const error = await attempt(suspects.flatMap((owner) => groups.get(owner) ?? []));
      const [first] = suspects;
      if (!error || first === undefined) return;
      if (suspects.length === 1) {
        found.push({ servicePort: first, error });
        if (found.length > TOO_MANY && lines === linesOfBase) throw asEnvironment(error);
        return;
      }
      const named = suspects.find((owner) => this.#isNamed(error, groups.get(owner) ?? []));
      const parts =
        named === undefined
          ? [suspects.slice(0, suspects.length >> 1), suspects.slice(suspects.length >> 1)]
          : [suspects.filter((owner) => owner !== named), [named]];
      for (const part of parts) await narrow(part);
    };

    // What every Service needs is nobody's fault.
    const broken = await attempt(base);
    if (broken) throw asEnvironment(broken);
    const linesOfBase = lines;
    await narrow(owners);
    const unwanted = [...leftovers];
    for (const { servicePort, error } of found) {
      // Some of what is refused may have been applied, before the refused line.
      for (const { key } of this.#desired.ruleset.fragment(servicePort) ?? []) unwanted.push(key);
      this.#add(servicePort, error, ledger, now);
      findings.quarantined(servicePort, error);
    }
    // Their new fragments are out of the way: what is left over may go, but for what the old ones need.
    const stuck: string[] = [];
    let reason: DataplaneError | undefined;
    // In the plan's order, in which nothing goes before what leads to it.
    const remove = async (keys: readonly string[]): Promise<void> => {
      const error = await attempt(keys);
      if (!error) return;
      if (keys.length > 1) {
        await remove(keys.slice(0, keys.length >> 1));
        await remove(keys.slice(keys.length >> 1));
        return;
      }
      stuck.push(...keys);
      reason ??= error;
    };
    await remove(unwanted.filter((key) => this.#desired.ruleset.text(key) === undefined));
    if (reason) {
      const attempts = (this.#stuck?.attempts ?? 0) + 1;
      this.#stuck = { keys: stuck, attempts, retryAt: retryTime(now, attempts) };
      findings.stuck(stuck.length, reason);
    }
    return lines;
  }

  #add(servicePort: ServicePortKey, error: DataplaneError, ledger: Ledger, now: number): void {
    const attempts = (this.#entries.get(servicePort)?.attempts ?? 0) + 1;
    const retryAt = retryTime(now, attempts);
    this.#entries.set(servicePort, { servicePort, error, attempts, retryAt });
    this.#desired.revert(servicePort, (fragment) => this.#dataplane.programmed(fragment, ledger));
  }

  #groupByOwner(plan: Plan): Map<ServicePortKey | undefined, string[]> {
    const groups = new Map<ServicePortKey | undefined, string[]>();
    for (const { changes } of plan.sections) {
      for (const key of changes.keys()) {
        const owner = this.#desired.ruleset.owner(key);
        const keys = groups.get(owner);
        if (keys) keys.push(key);
        else groups.set(owner, [key]);
      }
    }
    return groups;
  }

  #isNamed({ refusedKey, refusedLine }: DataplaneError, keys: readonly string[]): boolean {
    if (refusedKey !== undefined) return keys.includes(refusedKey);
    if (refusedLine === undefined) return false;
    // The last part of a key is what stands in a payload: a chain's name, a rule, an element.
    return keys.some((key) => {
      const space = key.indexOf(' ');
      return refusedLine.includes(key.slice(key.lastIndexOf(':', space < 0 ? key.length : space) + 1));
    });
  }
}

function retryTime(now: number, attempts: number): number {
  return now + Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (attempts - 1));
}

function isRefusal({ code }: DataplaneError): boolean {
  return code === 'refused' || code === 'drift' || code === 'environment';
}

function asEnvironment(error: DataplaneError): DataplaneError {
  return new DataplaneError('environment', error.message, {
    line: error.line,
    refusedLine: error.refusedLine,
    refusedKey: error.refusedKey,
    excerpt: error.excerpt,
    cause: error,
  });
}
