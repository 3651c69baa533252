import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { run, searchPath } from '../command.ts';

/** What the kernel needs before it can see the host's file system; in this order, with what they depend on. */
const BOOT_MODULES = ['virtio_pci', 'crc32c_generic', '9p', '9pnet_virtio'];

export interface InitrdOptions {
  /** Where its files are collected; does not exist yet. */
  readonly folder: string;
  readonly target: string;
  /** Of the kernel, whose modules are in this file system. */
  readonly release: string;
  readonly modules: string;
}

/** Packs a root file system that can do one thing: mount the host's, and hand over to guest.sh there. */
export async function packInitrd({ folder, target, release, modules }: InitrdOptions): Promise<void> {
  for (const name of ['bin', 'modules']) await mkdir(join(folder, name), { recursive: true });
  const which = await run(['sh', '-c', 'command -v busybox']);
  await copyFile(which.trim(), join(folder, 'bin/busybox'));
  await copyFile(fileURLToPath(new URL('init.sh', import.meta.url)), join(folder, 'init'));
  const order: string[] = [];
  for (const module of BOOT_MODULES) {
    const needs = await run(['modprobe', '-d', modules, '-S', release, '--show-depends', module]);
    for (const [, path = ''] of needs.matchAll(/^insmod (\S+)/gm)) {
      const name = `/modules/${basename(path)}`;
      if (order.includes(name)) continue;
      order.push(name);
      await copyFile(path, join(folder, name));
    }
  }
  await writeFile(join(folder, 'modules/order'), order.map((name) => `${name}\n`).join(''));
  const options = { cwd: folder, env: { PATH: searchPath() }, encoding: 'buffer' } as const;
  const files = await execa('find', ['.', '-print0'], options);
  const archive = await execa('cpio', ['--null', '--create', '--format=newc', '--quiet', '--owner=0:0'], {
    ...options,
    input: files.stdout,
  });
  await writeFile(target, archive.stdout);
}
