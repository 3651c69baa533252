import { once } from 'node:events';
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { searchPath } from '../lab/command.ts';
import { now } from './clock.ts';
import { type CpuTime, cpuTime, descendants, isRunnable, type Memory, memory, totalCpu } from './usage.ts';

/** How often memory of what the proxy starts is looked at, in ms. */
const SAMPLE_MS = 10;
/** A process that does next to nothing for so long is at rest, in ms. */
const IDLE_MS = 400;
const IDLE_STEP_MS = 20;
/** CPU time that a timer of its own may take meanwhile, in ms: the least that the kernel tells. */
const TICK_MS = 10;
const REST_DEADLINE_MS = 120_000;

/** A service proxy as a process, looked at from outside only. */
export class ProxyProcess implements AsyncDisposable {
  /** When it was started, in ms on the monotonic clock. */
  readonly started: number;
  readonly #process: ReturnType<typeof startProxy>;
  readonly #pid: number;
  readonly #log: string;
  readonly #sampler: NodeJS.Timeout;
  #ended = false;
  #peakOfChild = 0;
  #peakOfAll = 0;

  /**
   * @param command the program and its arguments
   * @param log file that gets what it prints
   * @param path where it finds its tools
   */
  static async start(command: readonly string[], log: string, path = searchPath()): Promise<ProxyProcess> {
    const output = createWriteStream(log);
    await once(output, 'open');
    try {
      return new ProxyProcess(command, output, log, path);
    } finally {
      output.close();
    }
  }

  private constructor(command: readonly string[], output: WriteStream, log: string, path: string) {
    this.#log = log;
    this.started = now();
    this.#process = startProxy(command, output, path);
    this.#pid = this.#process.pid ?? 0;
    this.#sampler = setInterval(() => this.#sample(), SAMPLE_MS);
    void this.#process.then(() => {
      this.#ended = true;
      clearInterval(this.#sampler);
    });
  }

  /** Of the process, of the children that it has waited for, and of those that still run. */
  get cpu(): CpuTime {
    const { own, children } = cpuTime(this.#pid);
    return { own, children: children + sum(descendants(this.#pid).map(totalCpuOf)) };
  }

  get memory(): Memory {
    return memory(this.#pid);
  }

  /** Most memory of one process that it started, in MB, and of all together with itself at one time. */
  get peaks(): { readonly child: number; readonly all: number } {
    return { child: this.#peakOfChild, all: Math.max(this.#peakOfAll, this.memory.peak) };
  }

  /**
   * Resolves once it is at rest, with the moment since when, in ms on the monotonic clock.
   * @throws Error when it ends, or never rests
   */
  async idle(): Promise<number> {
    const asked = now();
    let since = asked;
    let before = totalCpu(this.cpu);
    let living = String(descendants(this.#pid));
    while (now() - since < IDLE_MS) {
      await pause(IDLE_STEP_MS);
      this.check();
      if (now() - asked > REST_DEADLINE_MS) throw new Error('the proxy never rests');
      const cpu = totalCpu(this.cpu);
      const pids = descendants(this.#pid);
      // A child that only waits is one that it keeps.
      const busy = cpu - before > TICK_MS || [this.#pid, ...pids].some(isRunnable) || String(pids) !== living;
      living = String(pids);
      if (!busy) continue;
      since = now();
      before = cpu;
    }
    return since;
  }

  /** @throws Error with the end of its log where it does not run any more */
  check(): void {
    if (!this.#ended) return;
    const lines = readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-10);
    throw new Error(`the proxy has ended by itself:\n${lines.join('\n')}`);
  }

  /** Resolves with the promise's value, or rejects when the process ends before. */
  async during<T>(promise: Promise<T>): Promise<T> {
    const ended = this.#process.then(() => this.check());
    return (await Promise.race([promise, ended])) as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sampler);
    this.#process.kill('SIGTERM');
    await this.#process;
  }

  #sample(): void {
    try {
      const children = descendants(this.#pid).map((pid) => memory(pid));
      this.#peakOfChild = Math.max(this.#peakOfChild, ...children.map(({ peak }) => peak));
      const all = children.reduce((sum, child) => sum + child.now, this.memory.now);
      this.#peakOfAll = Math.max(this.#peakOfAll, all);
    } catch {
      // One of them has ended since it was listed.
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Of a process that may have ended since it was listed. */
function totalCpuOf(pid: number): number {
  try {
    return totalCpu(cpuTime(pid));
  } catch {
    return 0;
  }
}

/** @param output an open file, which the process writes to by itself */
function startProxy([file = '', ...args]: readonly string[], output: WriteStream, path: string) {
  return execa(file, args, {
    env: { PATH: path, NO_COLOR: '1' },
    stdin: 'ignore',
    stdout: output,
    stderr: output,
    reject: false,
    forceKillAfterDelay: 10_000,
  });
}
