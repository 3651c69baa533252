import type { FlowSelector, UdpFlow } from '../../../rules/conntrack.ts';
import type { Address, Family } from '../../../rules/model.ts';

/** Arguments of `conntrack` for a dump of all UDP flows of a family, one line for each. */
export function dumpCommand(family: Family): readonly string[] {
  return ['-L', '-p', 'udp', '-f', family];
}

const FLOW =
  /^udp .*? dst=(\S+) sport=\d+ dport=(\d+) .*?src=(\S+) dst=\S+ sport=(\d+) dport=\d+(?: .*?\bzone=(\d+))?/;

/**
 * Reads a line of the dump, such as
 * `udp 17 29 src=10.0.0.1 dst=10.96.0.10 sport=5 dport=53 [UNREPLIED] src=10.244.0.5 dst=10.0.0.1 sport=53 dport=5 use=1`.
 * @returns undefined for anything else: other protocols, and flows with another zone for each direction
 */
export function parseFlow(line: string): UdpFlow | undefined {
  const [, destination, port, replySource, replyPort, zone = '0'] = FLOW.exec(line) ?? [];
  if (destination === undefined || replySource === undefined) return undefined;
  if (line.includes(' zone-')) return undefined;
  return {
    zone: Number(zone),
    // The kernel's spelling is the canonical one.
    destination: destination as Address,
    port: Number(port),
    replySource: replySource as Address,
    replyPort: Number(replyPort),
  };
}

/**
 * Arguments of `conntrack` that delete the flows. By what they have in common rather than one by one, because each
 * deletion reads the whole table, also where many are given to one process (`-R`): 0.35 s for 200,000 entries.
 */
export function deleteCommand(selector: FlowSelector): readonly string[] {
  const { zone, destination, port, replySource, replyPort } = selector;
  return [
    ...['-D', '-p', 'udp', '-w', String(zone), '--orig-dst', destination, '--orig-port-dst', String(port)],
    ...(replySource === undefined ? [] : ['--reply-src', replySource]),
    ...(replyPort === undefined ? [] : ['--reply-port-src', String(replyPort)]),
  ];
}
