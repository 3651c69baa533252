import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { searchPath } from '../lab/command.ts';

const TOOLS = '/usr/sbin';

/** What one call of a restore tool was given. */
export interface Payload {
  /** Such as `iptables-nft-restore`. */
  readonly tool: string;
  readonly text: string;
}

/** Lines that change something: all but table names, COMMIT and comments. */
export function payloadLines({ text }: Payload): number {
  return text.split('\n').filter((line) => line !== '' && line !== 'COMMIT' && !/^[#*]/.test(line)).length;
}

/** Tools that keep a copy of what they are given, for a proxy that finds them in PATH. */
export class Recorder {
  /** For PATH. */
  readonly path: string;
  readonly #record: string;

  /** @param folder that it may fill */
  static async create(folder: string): Promise<Recorder> {
    const bin = join(folder, 'bin');
    const record = join(folder, 'record');
    await Promise.all([bin, record].map((path) => mkdir(path, { recursive: true })));
    for (const name of await readdir(TOOLS)) {
      const link = join(bin, name);
      const tool = join(TOOLS, name);
      if (!/^ip6?tables.*-restore$/.test(name)) await symlink(tool, link);
      else {
        const file = `"${record}/$(date +%s%N).$$.${name}"`;
        await writeFile(
          link,
          `#!/bin/sh\nfile=${file}\ncat >"$file.part"\nmv "$file.part" "$file"\nexec ${tool} "$@" <"$file"\n`,
        );
        await chmod(link, 0o755);
      }
    }
    return new Recorder(`${bin}:${searchPath()}`, record);
  }

  private constructor(path: string, record: string) {
    this.path = path;
    this.#record = record;
  }

  /** Payloads since the last call, in the order in which they were given. Tries that were taken back are left out. */
  async take(): Promise<readonly Payload[]> {
    const files = (await readdir(this.#record)).filter((file) => file.endsWith('-restore')).sort();
    const payloads: Payload[] = [];
    for (const file of files) {
      const path = join(this.#record, file);
      const text = await readFile(path, 'utf8');
      await rm(path);
      if (!text.includes('FAIRLEAD-PROBE')) payloads.push({ tool: basename(file).split('.')[2] ?? '', text });
    }
    return payloads;
  }
}
