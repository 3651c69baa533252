import type { Given } from './command-line.ts';
import type { ConfigFile } from './config-file.ts';
import { idleFieldReason, idleFlagReason } from './idle.ts';
import type { Outside } from './outside.ts';
import { leaves, SCHEMA } from './schema.ts';
import type { Note } from './settings.ts';

/** What a person should know about what the configuration file says. */
export function fileNotes(file: ConfigFile | undefined): Note[] {
  if (file === undefined) return [];
  const notes: Note[] = [...file.notes];
  for (const [path, field] of leaves(SCHEMA)) {
    const reason = idleFieldReason(path);
    if (reason === undefined || !file.values.has(path)) continue;
    // Files that kubeadm or --write-config-to wrote name every default: nobody asked for that.
    const value = file.values.get(path);
    if (same(value, field.default)) continue;
    notes.push({ level: 'info', message: `${path} has no effect: ${reason} (${file.place(path)})` });
  }
  return notes;
}

/** What a person should know about what the command line says. */
export function flagNotes(flags: readonly Given[], file: ConfigFile | undefined): Note[] {
  return flags.flatMap((given) => {
    const notes: Note[] = [];
    const { flag, typed } = given;
    const reason = idleFlagReason(flag);
    if (reason !== undefined) notes.push({ level: 'info', message: `${typed} has no effect: ${reason}` });
    if (flag.deprecated !== undefined) {
      notes.push({ level: 'warn', message: `${typed} is deprecated: use ${flag.deprecated}` });
    }
    const overriding = file && reason === undefined ? overridingNote(given, file) : undefined;
    if (overriding !== undefined) notes.push(overriding);
    return notes;
  });
}

/** Files as the source leave nothing to ask an API server. */
export function sourceNotes(flags: readonly Given[], outside: Outside): Note[] {
  if (outside.from.length === 0) return [];
  const unused = flags.filter(({ flag }) => ['kubeconfig', 'master'].includes(flag.name));
  return unused.map(({ typed }) => ({
    level: 'warn',
    message: `${typed} is ignored: objects come from --from`,
  }));
}

/** A flag wins over the file. kube-proxy would ignore most of them without a word, so there is one here. */
function overridingNote({ flag, text, value }: Given, file: ConfigFile): Note | undefined {
  if (flag.target.in !== 'config') return undefined;
  const { paths } = flag.target;
  const overridden = paths.filter((path) => file.values.has(path) && !same(file.values.get(path), value));
  if (overridden.length > 0) {
    const fields = overridden.map((path) => `${path}: ${valueText(flag.kind.encode(file.values.get(path)))}`);
    return { level: 'info', message: `${text} overrides ${fields.join(' and ')} of the configuration file` };
  }
  const unset = paths.every((path) => !file.values.has(path));
  if (flag.alwaysWins || !unset || same(value, flag.default)) return undefined;
  return {
    level: 'info',
    message: `${text} is used beside the configuration file, which does not set ${paths[0]}`,
  };
}

function valueText(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
