import { loadSettings } from '../../../src/config/load.ts';
import type { Note, Settings } from '../../../src/config/settings.ts';
import { UsageError } from '../../../src/config/usage.ts';

/** The name under which the tests' configuration file is given. */
export const FILE = 'kube-proxy.yaml';

const HEAD = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';

/** The settings of a command line, and of a configuration file where `yaml` has its fields. */
export function settled(
  argv: readonly string[],
  yaml?: string,
): { settings: Settings; notes: readonly Note[] } {
  const loaded = load(argv, yaml === undefined ? undefined : HEAD + yaml);
  if (loaded.kind !== 'settings') throw new Error(`printed ${loaded.text}`);
  return loaded;
}

/** The messages alone of what a person is told. */
export function told(argv: readonly string[], yaml?: string): string[] {
  return settled(argv, yaml).notes.map(({ message }) => message);
}

/** The one line that refuses a command line, or the fields of a configuration file (which begin in line 3). */
export function refusal(argv: readonly string[], yaml?: string): string {
  return refusalOfText(argv, yaml === undefined ? undefined : HEAD + yaml);
}

/** The same, with the whole text of the file. */
export function refusalOfText(argv: readonly string[], text?: string): string {
  try {
    load(argv, text);
  } catch (error) {
    if (error instanceof UsageError && error.code === 'usage' && error.exitCode === 2) return error.message;
    throw error;
  }
  return 'accepted';
}

/** What --help and --version print. */
export function printed(argv: readonly string[]): string {
  const loaded = load(argv);
  return loaded.kind === 'print' ? loaded.text : 'nothing';
}

function load(argv: readonly string[], text?: string) {
  const readFile = (path: string) => {
    if (path === FILE && text !== undefined) return text;
    throw new Error(`ENOENT: no such file or directory, open '${path}'`);
  };
  const all = text === undefined ? argv : [`--config=${FILE}`, ...argv];
  return loadSettings(all, { readFile, hostname: () => ' Host-1\n' });
}
