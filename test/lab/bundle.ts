import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Bundles what is in src now, without touching dist. Where a processor is emulated, the bundle starts in a fifth of
 * the time that the sources take.
 */
export async function bundleFairlead(target: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-bundle-'));
  try {
    await symlink(join(REPOSITORY, 'src'), join(folder, 'src'));
    await execa(process.execPath, [join(REPOSITORY, 'deploy/bundle.ts')], { cwd: folder });
    await copyFile(join(folder, 'dist/fairlead.js'), target);
  } finally {
    await rm(folder, { recursive: true });
  }
}
