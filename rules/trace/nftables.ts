import { isLocal } from './nftables-fields.ts';
import type { BaseChain, NftablesRules, NftablesTable } from './nftables-tables.ts';
import { walkBaseChain } from './nftables-walk.ts';
import type { Host, Packet } from './packet.ts';
import type { Hook, Trace } from './trace.ts';
import { type Ended, traceOf, type Way, wayOf } from './way.ts';

export type { NftablesRules } from './nftables-tables.ts';
export { readNftablesRules } from './nftables-tables.ts';

/**
 * Follows the first packet of a connection through tables: the chains of each hook by their priorities, every way that
 * chance may choose. Nobody is remembered by session affinity yet. A rule with something in it that cannot be told
 * beforehand, or that is not known here, becomes a step that says so, and is taken as not matching.
 */
export function traceNftables(rules: NftablesRules, packet: Packet, host: Host): Trace {
  const walk = new HookWalk(rules, packet, host);
  const own = packet.from === undefined;
  const arrived = walk.pass(own ? 'OUTPUT' : 'PREROUTING', [wayOf(packet)]);
  const passed = arrived.flatMap((way) => {
    const delivered = isLocal(host, way.destination);
    if (!own && delivered) return walk.pass('INPUT', [way]);
    const left = walk.pass('POSTROUTING', own ? [way] : walk.pass('FORWARD', [way]));
    // What a process of the node sends to the node comes in again; its addresses are settled by then.
    return delivered ? walk.pass('INPUT', walk.pass('PREROUTING', left, 'filter'), 'filter') : left;
  });
  const through = passed.map((way): Ended => ({ verdict: way.translated ? 'endpoint' : 'pass', way }));
  return traceOf(packet, [...walk.stopped, ...through]);
}

/** Takes packets through one hook after the other. */
class HookWalk {
  /** Those that do not go on. */
  readonly stopped: Ended[] = [];
  readonly #rules: NftablesRules;
  readonly #packet: Packet;
  readonly #host: Host;

  constructor(rules: NftablesRules, packet: Packet, host: Host) {
    this.#rules = rules;
    this.#packet = packet;
    this.#host = host;
  }

  /**
   * @param only leaves out the chains of another type
   * @returns those that go on
   */
  pass(hook: Hook, ways: readonly Way[], only?: BaseChain['type']): readonly Way[] {
    let on = ways;
    for (const { table, chain } of this.#chains(hook)) {
      if (only !== undefined && chain.type !== only) continue;
      const place = { table, hook, packet: this.#packet, host: this.#host };
      on = on.flatMap((way) => {
        // An address is translated once.
        if (chain.type === 'nat' && isSettled(hook, way)) return [way];
        return walkBaseChain(place, chain, way).flatMap(({ verdict, way: after }) => {
          if (verdict !== 'drop' && verdict !== 'reject') return [after];
          this.stopped.push({ verdict, way: after });
          return [];
        });
      });
    }
    return on;
  }

  #chains(hook: Hook): readonly { readonly table: NftablesTable; readonly chain: BaseChain }[] {
    const foreign = this.#packet.destination.includes(':') ? 'ip' : 'ip6';
    return this.#rules.tables
      .filter(({ family }) => family !== foreign)
      .flatMap((table) => table.baseChains.map((chain) => ({ table, chain })))
      .filter(({ chain }) => chain.hook === hook)
      .sort((a, b) => a.chain.priority - b.chain.priority);
  }
}

function isSettled(hook: Hook, { translated, masqueraded }: Way): boolean {
  return hook === 'PREROUTING' || hook === 'OUTPUT' ? translated : masqueraded;
}
