import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { bundleFairlead } from '../lab/bundle.ts';
import { newPrefix } from '../lab/namespaces.ts';
import { Debian } from './debian.ts';
import { type Copy, copies, type Dockerfile, ROOT, readDockerfile, readPackages } from './dockerfile.ts';
import { PATH } from './path.ts';

const ENTER = join(ROOT, 'test/deploy/enter-image.sh');

export interface ContainerOptions {
  /** The network namespace, by name; the machine's own when left out. */
  readonly network?: string;
  /** The only capabilities, as setpriv names them (`net_admin`); all of them when left out. */
  readonly capabilities?: readonly string[];
}

/** What `docker build` makes of deploy/Dockerfile, as a folder: Debian, the packages, Node and the bundle. */
export class Image implements AsyncDisposable {
  readonly entrypoint: readonly string[];
  readonly #root: string;
  readonly #volumes: string;

  /** Why there cannot be one on this machine, as half a sentence, or undefined where there can. */
  static async hindrance(): Promise<string | undefined> {
    if (process.platform !== 'linux') return `this is ${process.platform}, and a chroot needs Linux`;
    if (process.getuid?.() !== 0) return 'a chroot needs root';
    const { exitCode, stderr } = await execa('unshare', ['--mount', '--propagation', 'private', 'true'], {
      reject: false,
    });
    if (exitCode !== 0) return `this kernel or container does not allow it: ${stderr}`;
    return (await debian(await readDockerfile())).hindrance();
  }

  /**
   * @param files what the ConfigMap's volume has, by name.
   * @throws {ExecaError} debootstrap or the bundler fails.
   */
  static async assemble(files: Readonly<Record<string, string>>): Promise<Image> {
    const dockerfile = await readDockerfile();
    const volumes = await mkdtemp(join(tmpdir(), `${newPrefix()}-volumes-`));
    await mkdir(join(volumes, 'config'));
    await writeFile(join(volumes, 'xtables.lock'), '');
    for (const [name, text] of Object.entries(files)) await writeFile(join(volumes, 'config', name), text);
    const image = new Image(dockerfile, await (await debian(dockerfile)).copy(), volumes);
    try {
      await image.#fill(dockerfile);
      return image;
    } catch (error) {
      await image[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor({ final }: Dockerfile, root: string, volumes: string) {
    const entrypoint = final.instructions.find(({ name }) => name === 'ENTRYPOINT');
    this.entrypoint = JSON.parse(entrypoint?.text ?? '[]') as string[];
    this.#root = root;
    this.#volumes = volumes;
  }

  /** The command that starts a command in a container of this image. */
  command(command: readonly string[], { network, capabilities }: ContainerOptions = {}): readonly string[] {
    const bounded = capabilities && [
      'setpriv',
      '--no-new-privs',
      '--inh-caps=-all',
      `--bounding-set=${['-all', ...capabilities.map((name) => `+${name}`)].join(',')}`,
    ];
    return [
      ...(network === undefined ? [] : ['ip', 'netns', 'exec', network]),
      ...['unshare', '--mount', '--propagation', 'private'],
      ...[ENTER, this.#root, this.#volumes],
      ...(bounded ?? []),
      ...command,
    ];
  }

  /** Starts a command in a container, with nothing on stdin, and with nothing of this process's environment. */
  start(command: readonly string[], options?: ContainerOptions) {
    const [file = '', ...args] = this.command(command, options);
    return execa(file, args, {
      env: { PATH },
      extendEnv: false,
      stdin: 'ignore',
      reject: false,
      timeout: 60_000,
      stripFinalNewline: false,
    });
  }

  /** What a command printed on stdout. @throws {Error} it ended with another code than 0 */
  async run(command: readonly string[], options?: ContainerOptions): Promise<string> {
    const { exitCode, stdout, stderr } = await this.start(command, options);
    if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr || stdout}`);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#volumes, { recursive: true, force: true });
    await rm(this.#root, { recursive: true, force: true });
  }

  async #fill({ final }: Dockerfile): Promise<void> {
    for (const copy of copies(final)) await this.#copy(copy);
    // What a container runtime makes for the volumes.
    await mkdir(join(this.#root, 'var/lib/kube-proxy'));
    await mkdir(join(this.#root, 'lib/modules'), { recursive: true });
    await writeFile(join(this.#root, 'run/xtables.lock'), '');
    for (const { name, text } of final.instructions) {
      // The packages are there.
      if (name !== 'RUN' || text.includes('apt-get install')) continue;
      await execa('chroot', [this.#root, '/bin/sh', '-c', text], { env: { PATH }, extendEnv: false });
    }
  }

  async #copy({ stage, sources, target }: Copy): Promise<void> {
    const path = join(this.#root, target);
    await mkdir(dirname(path), { recursive: true });
    if (stage === 'bundle') return bundleFairlead(path);
    if (stage === 'node') return cp(join(ROOT, 'node_modules/node/bin/node'), path, { dereference: true });
    for (const source of sources) await cp(join(ROOT, source), path);
  }
}

async function debian({ args }: Dockerfile): Promise<Debian> {
  return new Debian(args.get('DEBIAN') ?? '', await readPackages());
}
