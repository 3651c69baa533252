import type { Address, Family } from '../../../rules/model.ts';
import type { Mode, Settings } from '../../config/settings.ts';
import { UsageError } from '../../config/usage.ts';
import { readLocalAddresses } from '../../dataplane/addresses.ts';
import type { Exec } from '../../dataplane/exec.ts';
import { gatherRules, type RuleTexts } from '../diff/rule-texts.ts';
import { readInput } from '../input.ts';
import type { KnownCluster } from './cluster.ts';
import { readLiveRules } from './live-rules.ts';
import { desiredTexts, modesIn, type Tracer, tracerOf } from './rules.ts';

/** Which rules packets are sent through. */
export interface RuleSource {
  readonly kind: 'desired' | 'live' | 'files';
  /** For people: `rules that node-1 should have`. */
  readonly text: string;
  /** @throws UsageError where there are no rules of the family */
  tracer(family: Family): Tracer;
  /** Of the node's interfaces, where the rules are its kernel's. */
  readonly localAddresses: readonly Address[] | undefined;
}

/** What the node of the cluster should have. */
export function desiredRules({ mode, nodeName }: Settings, cluster: KnownCluster): RuleSource {
  const rulesets = new Map([...cluster.families].map(([family, { desired }]) => [family, desired.ruleset]));
  return {
    kind: 'desired',
    text: `rules that ${nodeName} should have`,
    localAddresses: undefined,
    tracer: (family) => {
      const ruleset = rulesets.get(family);
      return tracerOf(mode, family, desiredTexts(mode, new Map(ruleset ? [[family, ruleset]] : [])));
    },
  };
}

/** What this node's kernel has. @throws DataplaneError, ExecError */
export async function liveRules(
  settings: Settings,
  families: readonly Family[],
  exec: Exec,
  signal: AbortSignal,
): Promise<RuleSource> {
  const texts = await readLiveRules(settings, families, exec, signal);
  return {
    kind: 'live',
    text: `rules in the kernel of ${settings.nodeName}`,
    localAddresses: await readLocalAddresses(exec, signal),
    tracer: (family) => tracerOf(settings.mode, family, texts),
  };
}

/** What somebody has written down. @throws UsageError where a file cannot be read */
export function fileRules(settings: Settings, files: readonly string[]): RuleSource {
  const texts = gatherRules(files.map((file) => readInput('--rules', file).text));
  return {
    kind: 'files',
    text: `rules in ${files.map((file) => (file === '-' ? 'standard input' : file)).join(', ')}`,
    localAddresses: undefined,
    tracer: (family) => tracerOf(modeOf(texts, family, settings, files), family, texts),
  };
}

function modeOf(texts: RuleTexts, family: Family, settings: Settings, files: readonly string[]): Mode {
  const modes = modesIn(texts, family);
  const [mode] = modes;
  if (modes.includes(settings.mode)) return settings.mode;
  if (mode !== undefined) return mode;
  const what = 'no rules of a proxy or of iptables';
  throw new UsageError(`--rules ${files.join(', ')}: ${what} for ${family === 'ipv6' ? 'IPv6' : 'IPv4'}`);
}
