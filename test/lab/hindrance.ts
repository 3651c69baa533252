import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { ExecaError } from 'execa';
import { searchPath } from './command.ts';
import { addNamespaces, newPrefix, removeNamespacesSync } from './namespaces.ts';

const COMMANDS = [
  'ip',
  'sysctl',
  'iptables-nft',
  'ip6tables-nft',
  'iptables-legacy',
  'ip6tables-legacy',
  'nfacct',
  'openssl',
  'nginx',
];

/** Why no lab can be built on this machine, as half a sentence, or undefined where one can. */
export async function labHindrance(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `this is ${process.platform}, and the lab needs Linux`;
  if (process.getuid?.() !== 0) return 'the lab needs root, for network namespaces';
  const missing: string[] = [];
  for (const command of COMMANDS) if (!(await isInstalled(command))) missing.push(command);
  if (missing.length > 0)
    return `${missing.join(', ')} not installed (test/lab/setup.sh installs what the lab needs)`;
  return await kernelHindrance();
}

/** Found out by doing: containers may have root without the right to any of this. */
async function kernelHindrance(): Promise<string | undefined> {
  const prefix = newPrefix();
  try {
    const [namespace] = await addNamespaces([`${prefix}-try`]);
    await namespace?.ip(['link add br0 type bridge', 'link add v0 type veth peer name v1']);
    for (const tool of ['iptables-nft', 'iptables-legacy', 'ip6tables-nft', 'ip6tables-legacy']) {
      await namespace?.run([tool, '-w', '-t', 'nat', '-S']);
    }
    return undefined;
  } catch (error) {
    return `this kernel or container does not allow it: ${reason(error)}`;
  } finally {
    removeNamespacesSync(prefix);
  }
}

/** The first line that the tool itself had to say. */
function reason(error: unknown): string {
  const text = error instanceof ExecaError && typeof error.stderr === 'string' ? error.stderr : String(error);
  return text.trim().split('\n', 1)[0] ?? '';
}

async function isInstalled(command: string): Promise<boolean> {
  for (const folder of searchPath().split(':')) {
    try {
      await access(join(folder, command), constants.X_OK);
      return true;
    } catch {
      // Not in this folder.
    }
  }
  return false;
}
