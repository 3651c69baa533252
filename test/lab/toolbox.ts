import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { newPrefix } from './namespaces.ts';

const TOOLS = '/usr/sbin';
const WRITING =
  /^(-[AIDRNXFPEZ]|--(append|insert|delete|replace|new-chain|delete-chain|flush|policy|rename-chain))$/;

/**
 * A folder for PATH that stands for this machine's tools: some can be missing, and what is written through iptables'
 * programs is recorded, so that nobody has to believe a log.
 */
export class Toolbox implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;

  /** @param missing names that are not found. */
  static async create(missing: RegExp = /^$/): Promise<Toolbox> {
    const folder = await mkdtemp(join(tmpdir(), `${newPrefix()}-tools-`));
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'record'));
    const names = (await readdir(TOOLS)).filter((name) => !missing.test(name));
    await Promise.all(names.map((name) => place(name, folder)));
    return new Toolbox(folder);
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = `${join(folder, 'bin')}:/usr/bin:/bin`;
  }

  /** Lines that were written so far: payload lines of restores but table names and COMMIT, and commands that change. */
  async writes(): Promise<readonly string[]> {
    const files = (await readdir(join(this.#folder, 'record'))).sort();
    const lines = await Promise.all(
      files.map((file) => readFile(join(this.#folder, 'record', file), 'utf8')),
    );
    return lines.flatMap((text, i) => linesWritten(basename(files[i] ?? '').split('.')[0] ?? '', text));
  }

  /** The names of the restore programs that ran, once for each time. */
  async restores(): Promise<readonly string[]> {
    const files = await readdir(join(this.#folder, 'record'));
    return files.flatMap((file) => file.match(/^(.*-restore)\./)?.[1] ?? []).sort();
  }

  /** Starts a new record. */
  async forget(): Promise<void> {
    await rm(join(this.#folder, 'record'), { recursive: true });
    await mkdir(join(this.#folder, 'record'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function place(name: string, folder: string): Promise<void> {
  const link = join(folder, 'bin', name);
  const target = join(TOOLS, name);
  if (!/^ip6?tables/.test(name)) return symlink(target, link);
  // One record for each call, because both families write at the same time.
  const record = `${join(folder, 'record', name)}.$$`;
  const pass = name.endsWith('-restore') ? `tee -a "${record}" | ${target} "$@"` : `exec ${target} "$@"`;
  // A restore cannot be talked to: each payload is one of its own.
  const alone = name.endsWith('-restore') ? '[ "$2" != --verbose ] || exit 1\n' : '';
  await writeFile(link, `#!/bin/sh\n${alone}printf '%s\\n' "$*" >"${record}"\n${pass}\n`);
  await chmod(link, 0o755);
}

/** @param text the arguments, and then what a restore was given. */
function linesWritten(name: string, text: string): readonly string[] {
  const [args = '', ...payload] = text.split('\n');
  const words = args.split(' ');
  if (name.endsWith('-restore')) {
    if (words.includes('--test') || words.includes('-t')) return [];
    return payload.filter((line) => line !== '' && line !== 'COMMIT' && !/^[#*]/.test(line));
  }
  return words.some((word) => WRITING.test(word)) ? [`${name} ${args}`] : [];
}
