import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { searchPath } from '../command.ts';
import { addNamespaces, newPrefix, removeNamespacesSync } from '../namespaces.ts';
import { cacheFolder } from './machine.ts';

/** Where the trials can run, or why they cannot run at all. */
export type Place =
  | { readonly kind: 'this kernel' }
  | { readonly kind: 'virtual machine' }
  | { readonly kind: 'nowhere'; readonly reason: string };

/** On this kernel where it can do ipvs mode, else in a virtual machine. */
export async function placeOfTrials(): Promise<Place> {
  if (process.platform !== 'linux') return nowhere(`this is ${process.platform}`);
  if (process.getuid?.() !== 0) return nowhere('they need root');
  if (await kernelHasIpvs()) return { kind: 'this kernel' };
  if (process.arch !== 'x64')
    return nowhere(`this kernel has no ip_vs, and there is no other for ${process.arch}`);
  const release = await readFile(join(cacheFolder(), 'release'), 'utf8').catch(() => '');
  if (release === '') return nowhere('no kernel with ip_vs (test/lab/vm/setup.sh fetches one)');
  for (const command of ['qemu-system-x86_64', 'busybox', 'cpio', 'modprobe', 'ipvsadm', 'ipset']) {
    if (!(await isInstalled(command)))
      return nowhere(`${command} is not installed (see test/lab/vm/setup.sh)`);
  }
  return { kind: 'virtual machine' };
}

function nowhere(reason: string): Place {
  return { kind: 'nowhere', reason };
}

/** Whether ipvs mode could run here. Found out by doing, in a namespace of its own. */
export async function kernelHasIpvs(): Promise<boolean> {
  if (!(await isInstalled('ipvsadm')) || !(await isInstalled('ipset'))) return false;
  const prefix = newPrefix();
  try {
    const [namespace] = await addNamespaces([`${prefix}-try`]);
    await namespace?.ip(['link add kube-ipvs0 type dummy']);
    await namespace?.run(['ipset', 'create', 'try', 'hash:ip']);
    const { exitCode, stderr } = await execa('ip', ['netns', 'exec', `${prefix}-try`, 'ipvsadm', '-Ln'], {
      env: { PATH: searchPath() },
      reject: false,
    });
    return exitCode === 0 && stderr === '';
  } catch {
    return false;
  } finally {
    removeNamespacesSync(prefix);
  }
}

async function isInstalled(command: string): Promise<boolean> {
  for (const folder of searchPath().split(':')) {
    const found = await access(join(folder, command)).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
