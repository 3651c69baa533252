import { readFileSync } from 'node:fs';
import { FAMILIES, type Family } from '../../../rules/model.ts';
import { readFilesInto } from '../../../src/cli/objects.ts';
import type { Clock } from '../../../src/cluster/clock.ts';
import { loadSettings } from '../../../src/config/load.ts';
import { Daemon } from '../../../src/daemon.ts';
import type { Exec } from '../../../src/dataplane/exec.ts';
import { Tracker } from '../../../src/tracker/tracker.ts';
import { eventually } from '../deadline.ts';
import type { ApiObject } from '../manifest.ts';
import type { Namespace } from '../namespaces.ts';
import { execIn } from './namespace-exec.ts';

/** A program that ran to its end. */
export interface ProgramRun {
  /** `ipvsadm --restore` */
  readonly command: string;
  readonly input: string;
}

/** Fairlead's daemon in this process: it programs a namespace, and each program that it starts is seen. */
export class RunningDaemon implements AsyncDisposable {
  readonly runs: ProgramRun[] = [];
  readonly #daemon: Daemon;
  readonly #tracker: Tracker;
  readonly #stop = new AbortController();
  readonly #end: Promise<void>;
  readonly #waiting = new Map<Family, (() => void)[]>(FAMILIES.map((family) => [family, []]));
  #syncs = 0;
  #underWay = 0;

  /** @param flags --config, --from and the like */
  constructor(namespace: Namespace, flags: readonly string[], clock: Clock) {
    const loaded = loadSettings(flags, {
      readFile: (path) => readFileSync(path, 'utf8'),
      hostname: () => 'host.example',
    });
    if (loaded.kind !== 'settings') throw new Error('the flags ask for something to print');
    const { settings } = loaded;
    this.#tracker = new Tracker({ nodeName: settings.nodeName, report: () => {} });
    const exec = execIn(namespace);
    this.#daemon = new Daemon({
      settings,
      tracker: this.#tracker,
      logger: { info: () => {}, warn: () => {}, debug: () => {} },
      exec: { ...exec, run: (...args) => this.#run(exec, ...args) },
      // Kernel settings are the namespace's, and this process is elsewhere.
      sysctl: { read: () => undefined, write: () => {} },
      clock,
      random: () => 0.5,
      observer: {
        synced: ({ family }) => {
          this.#syncs++;
          for (const heard of this.#waiting.get(family)?.splice(0) ?? []) heard();
        },
      },
    });
    readFilesInto(this.#tracker, settings.from);
    this.#end = this.#daemon.run(this.#stop.signal);
  }

  /** Waits until all families have been synced, and nothing more is started. */
  async settled(timeoutMs: number): Promise<void> {
    let [started, since] = [this.runs.length, performance.now()];
    const quiet = async (): Promise<true | undefined> => {
      if (this.runs.length !== started || this.#underWay > 0) {
        [started, since] = [this.runs.length, performance.now()];
      }
      const isQuiet = this.#syncs >= FAMILIES.length && performance.now() - since > QUIET_MS;
      return isQuiet || undefined;
    };
    await Promise.race([
      eventually('the daemon is done', quiet, { timeoutMs }),
      this.#end.then(() => Promise.reject(new Error('the daemon has ended'))),
    ]);
  }

  /** Resolves at the end of the family's next sync. */
  synced(family: Family): Promise<void> {
    return new Promise((resolve) => this.#waiting.get(family)?.push(resolve));
  }

  /** The API server has a new version of this. */
  put(object: ApiObject): void {
    const { kind } = object;
    if (kind !== 'Service' && kind !== 'EndpointSlice' && kind !== 'Node')
      throw new Error(`what is a ${kind}?`);
    this.#tracker.upsert(kind, object);
    this.#daemon.changed();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#end;
  }

  async #run(exec: Exec, ...[program, args, options]: Parameters<Exec['run']>): ReturnType<Exec['run']> {
    this.runs.push({ command: [program, ...args].join(' '), input: options?.input ?? '' });
    this.#underWay++;
    try {
      return await exec.run(program, args, options);
    } finally {
      this.#underWay--;
    }
  }
}

/** ms without any program that tell that nothing more comes: longer than all that is put off on purpose. */
const QUIET_MS = 2_000;
