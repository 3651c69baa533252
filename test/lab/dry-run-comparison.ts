import { fileURLToPath } from 'node:url';
import type { Family } from '../../rules/model.ts';
import { FAMILIES } from '../../rules/model.ts';
import { differences } from '../conformance/compare/dump.ts';
import { readIptablesSave } from '../conformance/compare/iptables-save.ts';
import { COMPILE_CACHE } from './compile-cache.ts';
import type { Namespace } from './namespaces.ts';
import { dumpRules } from './rule-dump.ts';
import type { Backend } from './suite.ts';

const SOURCE = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** What a dry run prints, by family. */
export async function dryRun(
  node: Namespace,
  flags: readonly string[],
): Promise<Readonly<Record<Family, string>>> {
  const main = process.env['FAIRLEAD_MAIN'] ?? SOURCE;
  return sections(await node.run([process.execPath, main, '--dry-run', ...flags], { env: COMPILE_CACHE }));
}

/** Splits a dry run's output, or that of /debug/rules. */
export function sections(text: string): Readonly<Record<Family, string>> {
  const [ipv4 = '', ipv6 = ''] = text.split('# ip6tables-save\n');
  return { ipv4, ipv6 };
}

/** What differs between rules that should be there and those in the kernel, a line each, other people's left out. */
export async function kernelDifferences(
  node: Namespace,
  backend: Backend,
  expected: Readonly<Record<Family, string>>,
): Promise<readonly string[]> {
  const found = await Promise.all(
    FAMILIES.map(async (family) => {
      const dump = await dumpRules(node, backend, family);
      return ruleDifferences(expected[family], dump).map((line) => `${family} ${line}`);
    }),
  );
  return found.flat();
}

/** As `kernelDifferences`, of two texts. */
export function ruleDifferences(expected: string, actual: string): readonly string[] {
  return differences(readIptablesSave(ours(expected)), readIptablesSave(ours(actual)));
}

/** KUBE chains, and the jumps to them from the kernel's. */
function ours(text: string): string {
  const lines = text.split('\n').filter((line) => /^(\*|:KUBE-|-A KUBE-|-A \S+ .*-j KUBE-)/.test(line));
  return lines.join('\n');
}
