import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newPrefix } from './namespaces.ts';

const TOOLS = '/usr/sbin';
const NFT = join(TOOLS, 'nft');

/** A folder for PATH with this machine's tools, in which nft records how it was called and what it was told. */
export class NftToolbox implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;

  /** @param nft a shell script in place of nft; `missing`: there is none. */
  static async create(nft?: string): Promise<NftToolbox> {
    const folder = await mkdtemp(join(tmpdir(), `${newPrefix()}-nft-`));
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'record'));
    const names = (await readdir(TOOLS)).filter((name) => name !== 'nft');
    await Promise.all(names.map((name) => symlink(join(TOOLS, name), join(folder, 'bin', name))));
    if (nft !== 'missing') {
      const record = join(folder, 'record');
      // What nft reads goes through tee; lines that it is told one by one, too.
      const recording = `printf '%s\\n' "$*" >"${record}/$$.args"\ncase "$*" in\n-f*|-i*) tee -a "${record}/$$.input" | ${NFT} "$@" ;;\n*) exec ${NFT} "$@" ;;\nesac\n`;
      const path = join(folder, 'bin', 'nft');
      await writeFile(path, `#!/bin/sh\n${nft ?? recording}`);
      await chmod(path, 0o755);
    }
    return new NftToolbox(folder);
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = `${join(folder, 'bin')}:/usr/bin:/bin`;
  }

  /** Commands that nft was told to apply since the record began. */
  async writes(): Promise<readonly string[]> {
    const texts = await this.#read('.input');
    return texts
      .flatMap((text) => text.split('\n'))
      .flatMap((line) => line.split('; '))
      .filter((line) => /^(add|delete|flush|create|destroy|insert|replace) /.test(line));
  }

  /** How nft was called to list something. */
  async listings(): Promise<readonly string[]> {
    return (await this.#read('.args')).filter((args) => args.includes('list'));
  }

  /** Starts a new record. A process that goes on is recorded from its beginning. */
  async forget(): Promise<void> {
    const record = join(this.#folder, 'record');
    for (const file of await readdir(record)) await writeFile(join(record, file), '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #read(suffix: string): Promise<readonly string[]> {
    const record = join(this.#folder, 'record');
    const files = (await readdir(record)).filter((file) => file.endsWith(suffix));
    return await Promise.all(files.sort().map((file) => readFile(join(record, file), 'utf8')));
  }
}
