import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labConfiguration } from '../fairlead-process.ts';
import { type ApiObject, manifest } from '../manifest.ts';
import { newPrefix } from '../namespaces.ts';

/** A cluster and a configuration as files, which go with this. */
export class ClusterFiles implements AsyncDisposable {
  /** That have Fairlead take them. */
  readonly flags: readonly string[];
  readonly #folder: string;

  static async write(objects: readonly ApiObject[]): Promise<ClusterFiles> {
    const folder = await mkdtemp(join(tmpdir(), `${newPrefix()}-cluster-`));
    const [cluster, config] = [join(folder, 'cluster.yaml'), join(folder, 'config.yaml')];
    await writeFile(cluster, manifest(objects));
    await writeFile(config, labConfiguration());
    return new ClusterFiles(folder, ['--config', config, '--from', cluster]);
  }

  private constructor(folder: string, flags: readonly string[]) {
    this.#folder = folder;
    this.flags = flags;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }
}
