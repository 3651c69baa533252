import { once } from 'node:events';
import { createReadStream, type ReadStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { run, searchPath } from '../lab/command.ts';
import { tool } from '../lab/rule-dump.ts';
import { now } from './clock.ts';
import { KernelWatch } from './kernel-watch.ts';
import type { Payload } from './recorder.ts';
import type { Toolset } from './toolset.ts';
import { cpuTime } from './usage.ts';

/** ms of wall time and of CPU time that the bare tool took. */
export interface ToolRun {
  readonly ms: number;
  readonly cpu: number;
}

/** ms without a change after which the kernel is taken to be at rest. */
const REST_MS = 200;

/** The rules of the network namespace that this process is in, and the bare tools that write them. */
export class BenchNode implements AsyncDisposable {
  readonly tools: Toolset;
  readonly watch: KernelWatch;
  readonly folder: string;
  #files = 0;

  /** @param folder that it may fill with files */
  static async open(tools: Toolset, folder: string): Promise<BenchNode> {
    // The tables come into being when somebody asks for them.
    const { backend, table } = tools;
    if (backend === 'legacy') await run([tool(backend, 'ipv4'), '-w', '-t', 'nat', '-S']);
    return new BenchNode(tools, await KernelWatch.start(backend, table), folder);
  }

  private constructor(tools: Toolset, watch: KernelWatch, folder: string) {
    this.tools = tools;
    this.watch = watch;
    this.folder = folder;
  }

  /** A file of a name that nobody else has. */
  file(name: string): string {
    return join(this.folder, `${++this.#files}-${name}`);
  }

  /** Removes all rules. */
  async flush(): Promise<void> {
    if (this.tools.backend === 'nft') await run(['nft', 'flush', 'ruleset']);
    else
      for (const family of ['ipv4', 'ipv6'] as const)
        await run([tool('legacy', family, '-restore'), '-w'], { input: EMPTY_TABLES });
    await this.watch.quiet(REST_MS);
  }

  /** All IPv4 rules, as the mode's tool prints them. */
  async save(): Promise<string> {
    return await run(this.tools.list);
  }

  async timeSave(): Promise<ToolRun> {
    const { started, ended, cpu } = await this.#run(this.tools.list, 'ignore');
    return { ms: ended - started, cpu };
  }

  /**
   * Gives the payload to the tool, from a file, as fast as it can read. The time ends when the rules are in the
   * kernel, as it does for proxies, and not when the tool has cleaned up.
   */
  async restore(payload: Payload): Promise<ToolRun> {
    const path = this.file('payload');
    await writeFile(path, payload.text);
    const input = createReadStream(path);
    await once(input, 'open');
    try {
      const { started, ended, cpu } = await this.#run(this.tools.apply(payload.tool), input);
      await this.watch.catchUp();
      const { last } = this.watch;
      return { ms: (last > started ? last : ended) - started, cpu };
    } finally {
      input.destroy();
      await rm(path);
    }
  }

  /** A payload for IPv4's tool. */
  payload(text: string): Payload {
    return { tool: this.tools.restore, text };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch[Symbol.asyncDispose]();
  }

  async #run([file = '', ...args]: readonly string[], stdin: 'ignore' | ReadStream) {
    const before = cpuTime(process.pid).children;
    const started = now();
    await execa(file, args, { stdin, stdout: 'ignore', env: { PATH: searchPath() } });
    return { started, ended: now(), cpu: cpuTime(process.pid).children - before };
  }
}

const EMPTY_TABLES = ['mangle', 'filter', 'nat'].map((table) => `*${table}\nCOMMIT\n`).join('');
