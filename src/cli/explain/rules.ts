import type { Ruleset } from '../../../rules/fragment.ts';
import type { Address, Family } from '../../../rules/model.ts';
import { readIptablesRules, traceIptables } from '../../../rules/trace/iptables.ts';
import { readIpvsRules, traceIpvs } from '../../../rules/trace/ipvs.ts';
import { readNftablesRules, traceNftables } from '../../../rules/trace/nftables.ts';
import type { Host, Packet } from '../../../rules/trace/packet.ts';
import type { Trace } from '../../../rules/trace/trace.ts';
import type { Mode } from '../../config/settings.ts';
import { printSections } from '../../sections.ts';
import { gatherRules, type RuleTexts } from '../diff/rule-texts.ts';

/** Rules of one mode and family that packets can be sent through. */
export interface Tracer {
  readonly mode: Mode;
  trace(packet: Packet, host: Host): Trace;
  /** Addresses of Services that are the node's own (ipvs mode). */
  readonly serviceAddresses: readonly Address[];
}

/** The texts that a node's tools would print of what it should have. */
export function desiredTexts(mode: Mode, rulesets: ReadonlyMap<Family, Ruleset>): RuleTexts {
  return gatherRules(printSections(mode, rulesets).map(({ tool, text }) => `# ${tool}\n${text}`));
}

/** The modes that texts have rules of, for one family. ipvs mode has rules of iptables besides. */
export function modesIn(texts: RuleTexts, family: Family): readonly Mode[] {
  if (texts.ipvsadm + texts.ipset !== '' && texts.save[family] !== '') return ['ipvs'];
  return [
    ...(texts.save[family] === '' ? [] : (['iptables'] as const)),
    ...(texts.nft[family] === '' ? [] : (['nftables'] as const)),
  ];
}

/** Makes rules ready for packets. */
export function tracerOf(mode: Mode, family: Family, texts: RuleTexts): Tracer {
  switch (mode) {
    case 'iptables': {
      const rules = readIptablesRules(texts.save[family]);
      return { mode, serviceAddresses: [], trace: (packet, host) => traceIptables(rules, packet, host) };
    }
    case 'nftables': {
      const rules = readNftablesRules(texts.nft[family]);
      return { mode, serviceAddresses: [], trace: (packet, host) => traceNftables(rules, packet, host) };
    }
    case 'ipvs': {
      const rules = readIpvsRules({ ...texts, save: texts.save[family] });
      return {
        mode,
        serviceAddresses: rules.addresses,
        trace: (packet, host) => traceIpvs(rules, packet, host),
      };
    }
  }
}
