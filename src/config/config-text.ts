import { dump } from 'js-yaml';
import { API_VERSION, KIND } from './config-file.ts';
import { isField, SCHEMA, type Schema } from './schema.ts';
import type { KubeProxyConfiguration } from './settings.ts';

/**
 * The configuration as YAML that --config reads: every field, defaults too. One thing is lost, because the file
 * has no words for it: an empty healthzBindAddress or metricsBindAddress means the default there.
 */
export function configText(config: KubeProxyConfiguration): string {
  return dump(configObject(config), { lineWidth: -1, seqNoIndent: true });
}

/** The configuration as a v1alpha1 object, durations and the like spelled as the API has them. */
export function configObject(config: KubeProxyConfiguration): Record<string, unknown> {
  return { apiVersion: API_VERSION, kind: KIND, ...encoded(SCHEMA, config) };
}

function encoded<T extends object>(schema: Schema<T>, values: T): Record<string, unknown> {
  const entries = Object.entries<object>(schema).map(([name, node]) => {
    const value: unknown = values[name as keyof T];
    return [name, isField(node) ? node.kind.encode(value) : encoded(node as Schema<object>, value as object)];
  });
  return Object.fromEntries(entries);
}
