import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { searchPath } from './command.ts';
import { newPrefix } from './namespaces.ts';

const RESTORES = ['nft', 'legacy'].flatMap((backend) =>
  ['iptables', 'ip6tables'].map((name) => `${name}-${backend}-restore`),
);

/** What a restore program says in place of doing its work. */
export interface Fault {
  /** The program: `iptables-nft-restore`. */
  readonly program: string;
  /**
   * Only payloads with this text. In the message the number of its first line stands for `%d`, and that of the
   * COMMIT after it for `%c`. @default all
   */
  readonly payload?: string;
  readonly stderr: string;
  readonly exitCode: number;
  /** Instead of failing it hangs for so long, and has done nothing then. */
  readonly hangSeconds?: number;
  /** How often; then it is over. @default until it is taken away */
  readonly times?: number;
}

/**
 * A folder for PATH in which the restore programs have faults that can be turned on and off. What has no fault goes
 * to the real one.
 */
export class FaultyTools implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;

  static async create(): Promise<FaultyTools> {
    const folder = await mkdtemp(join(tmpdir(), `${newPrefix()}-faults-`));
    await mkdir(join(folder, 'bin'));
    for (const program of RESTORES) {
      await mkdir(join(folder, program));
      const path = join(folder, 'bin', program);
      await writeFile(path, wrapper(join(folder, program), `/usr/sbin/${program}`));
      await chmod(path, 0o755);
    }
    return new FaultyTools(folder);
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = `${join(folder, 'bin')}:${searchPath()}`;
  }

  /** One fault for each program: the last that was given. */
  async give(fault: Fault): Promise<void> {
    const folder = join(this.#folder, fault.program);
    await writeFile(join(folder, 'payload'), fault.payload ?? '');
    await writeFile(join(folder, 'stderr'), `${fault.stderr}\n`);
    await writeFile(join(folder, 'exit-code'), String(fault.exitCode));
    await writeFile(join(folder, 'hang'), String(fault.hangSeconds ?? ''));
    for (let i = 0; i < (fault.times ?? 0); i++) await writeFile(join(folder, `left-${i}`), '');
    await writeFile(join(folder, fault.times === undefined ? 'on' : 'limited'), '');
  }

  async take(program: string): Promise<void> {
    const folder = join(this.#folder, program);
    for (const name of ['on', 'limited']) await rm(join(folder, name), { force: true });
  }

  /** How often the program had its fault. */
  async count(program: string): Promise<number> {
    const text = await readFile(join(this.#folder, program, 'failures'), 'utf8').catch(() => '');
    return text.length;
  }

  /** How many failures are still to come. */
  async left(program: string): Promise<number> {
    const names = await readdir(join(this.#folder, program));
    return names.filter((name) => name.startsWith('left-')).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function wrapper(folder: string, real: string): string {
  return `#!/bin/sh
cd ${folder}
# It cannot be talked to: each payload is one of its own.
[ "$2" != --verbose ] || exit 1
[ -e on ] || [ -e limited ] || exec ${real} "$@"
text=$(mktemp ./text.XXXXXX)
cat >"$text"
line=$(grep -n -F -m 1 -e "$(cat payload)" "$text" | cut -d: -f1)
if [ -n "$line" ]; then
  commit=$(grep -n '^COMMIT' "$text" | cut -d: -f1 | awk -v line="$line" '$1 >= line { print; exit }')
  left=$(ls | grep -m 1 '^left-')
  if [ -e on ] || { [ -n "$left" ] && rm "$left"; }; then
    printf x >>failures
    hang=$(cat hang)
    [ -z "$hang" ] || exec sleep "$hang"
    rm "$text"
    sed "s/%d/$line/; s/%c/$commit/" stderr >&2
    exit "$(cat exit-code)"
  fi
fi
${real} "$@" <"$text"
code=$?
rm "$text"
exit $code
`;
}
