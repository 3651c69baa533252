import { CORE_SCHEMA, load, YAMLException } from 'js-yaml';
import { parseDuration } from './duration.ts';
import { yamlLines } from './positions.ts';
import { type Field, isField, SCHEMA } from './schema.ts';
import type { Note } from './settings.ts';
import { nearest, Refused, refusalText, UsageError } from './usage.ts';

/** What a configuration file says. */
export interface ConfigFile {
  readonly name: string;
  /** The fields that are set, by dotted path. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly notes: readonly Note[];
  /** `FILE:LINE` of a field, or the file alone where that is not known. */
  readonly place: (path: string) => string;
}

export const API_VERSION = 'kubeproxy.config.k8s.io/v1alpha1';
export const KIND = 'KubeProxyConfiguration';

/** Fields that kube-proxy has on Windows, or had once, with what became of them. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  ['winkernel', 'is for Windows'],
  ['windowsRunAsService', 'is for Windows'],
  ['udpIdleTimeout', 'went with the userspace mode'],
  ['resourceContainer', 'is no longer a field of kube-proxy'],
  ['conntrack.max', 'is no longer a field of kube-proxy, conntrack.maxPerCore is'],
]);

/**
 * Reads a KubeProxyConfiguration from YAML or JSON.
 * @throws UsageError for text that does not parse, an unknown field, or a value that cannot be
 */
export function parseConfigFile(text: string, name: string): ConfigFile {
  const document = parseYaml(text, name);
  const lines = yamlLines(text);
  const place = (path: string) => {
    const line = lines.get(path) ?? lines.get(path.replace(/\[\d+\]$/, ''));
    return line === undefined ? name : `${name}:${line}`;
  };
  const refuse = (path: string, refused: Refused): never => {
    throw new UsageError(`${refusalText(path, refused)} (${place(path + refused.at)})`);
  };
  if (!isMapping(document)) return refuse(name, new Refused(document, `a mapping with kind: ${KIND}`));
  for (const [field, expected] of [
    ['apiVersion', API_VERSION],
    ['kind', KIND],
  ] as const) {
    if (document[field] !== expected) refuse(field, new Refused(document[field], expected));
  }

  const values = new Map<string, unknown>();
  const notes: Note[] = [];
  const readSection = (schema: object, section: Record<string, unknown>, above: string) => {
    const nodes = new Map<string, object>(Object.entries(schema));
    for (const [key, value] of Object.entries(section)) {
      const path = above + key;
      const node = nodes.get(key);
      const foreign = FOREIGN.get(path);
      if (foreign !== undefined) {
        if (!isZero(value))
          notes.push({ level: 'info', message: `${path} ${foreign}: ignored (${place(path)})` });
      } else if (node === undefined) {
        throw new UsageError(`${unknownField(path, key, nodes.keys())} (${place(path)})`);
      } else if (value === null) {
        // Written but empty: kubeadm does so with what it leaves to the default.
      } else if (!isField(node)) {
        if (isMapping(value)) readSection(node, value, `${path}.`);
        else refuse(path, new Refused(value, 'a mapping'));
      } else if (!(node.zeroIsDefault && isZeroOf(node, value))) {
        const result = node.kind.decode(value);
        if (result instanceof Refused) refuse(path, result);
        values.set(path, result);
      }
    }
  };
  const { apiVersion, kind, ...fields } = document;
  readSection(SCHEMA, fields, '');
  return { name, values, notes, place };
}

function parseYaml(text: string, name: string): unknown {
  try {
    return load(text, { schema: CORE_SCHEMA });
  } catch (error) {
    const { mark, reason } = error instanceof YAMLException ? error : { reason: String(error) };
    const line = mark === undefined ? '' : `:${mark.line + 1}`;
    throw new UsageError(`${name}${line} must be YAML or JSON: ${reason}`, { cause: error });
  }
}

function unknownField(path: string, key: string, known: Iterable<string>): string {
  const meant = nearest(key, known);
  const hint = meant === undefined ? '' : `, did you mean ${path.slice(0, -key.length)}${meant}?`;
  return `${path} is no field of a ${KIND}${hint}`;
}

/** The zero value of the field's type in Go. */
function isZeroOf(field: Field<unknown>, value: unknown): boolean {
  if (typeof field.default !== 'number') return value === '';
  return value === 0 || (typeof value === 'string' && parseDuration(value) === 0);
}

function isZero(value: unknown): boolean {
  if (isMapping(value)) return Object.values(value).every(isZero);
  return value === null || value === '' || value === 0 || value === '0s' || value === false;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
