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
      if (!/^ip6?tables.*-restore$|^nft$/.test(name)) await symlink(tool, link);
      else {
        await writeFile(link, script(tool, `${record}/$(date +%s%N).$$.${name}`));
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
    const files = (await readdir(this.#record)).filter((file) => /restore$|nft$/.test(file)).sort();
    const payloads: Payload[] = [];
    for (const file of files) {
      const path = join(this.#record, file);
      const text = await readFile(path, 'utf8');
      await rm(path);
      if (!/FAIRLEAD-PROBE/.test(text)) payloads.push({ tool: basename(file).split('.')[2] ?? '', text });
    }
    return payloads;
  }
}

/**
 * A tool that keeps what it is given. It cannot be talked to: a proxy that would do so has to give each transaction to
 * one of its own. What nft is only to check, or to list, is nobody's payload.
 */
function script(tool: string, file: string): string {
  return `#!/bin/sh
case "$1 $2" in
  -i* | *" --verbose") exit 1 ;;
  -f* | --noflush*) ;;
  *) exec ${tool} "$@" ;;
esac
file="${file}"
cat >"$file.part"
mv "$file.part" "$file"
exec ${tool} "$@" <"$file"
`;
}
