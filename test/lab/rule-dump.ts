import type { Family } from '../../rules/model.ts';
import type { Namespace } from './namespaces.ts';
import type { Backend } from './suite.ts';

/** The name of one of iptables' programs for a backend and family: `tool('legacy', 'ipv6', '-save')`. */
export function tool(backend: Backend, family: Family, suffix: '' | '-save' | '-restore' = ''): string {
  return `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}${suffix}`;
}

/** All rules of a family as the backend's own iptables-save prints them, without counters and comment lines. */
export async function dumpRules(namespace: Namespace, backend: Backend, family: Family): Promise<string> {
  const text = await namespace.run([tool(backend, family, '-save')]);
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
    .join('\n');
}
