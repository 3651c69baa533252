import type { UdpFlow } from '../../../../rules/conntrack.ts';
import { failed, NotKnown, ok, type Result, warning } from '../check.ts';
import { counted } from '../words.ts';

/** How full the table of tracked connections is. */
export interface ConntrackTable {
  /** undefined: not known here. */
  readonly count: number | undefined;
  /** 0: no limit. */
  readonly max: number | undefined;
  /** Since the machine started: packets that were dropped, and connections ended early, for want of room. */
  readonly dropped: number;
  readonly earlyDropped: number;
}

const NEAR = 0.8;
const FULL = 0.98;

export function hasRoom({ count, max, dropped, earlyDropped }: ConntrackTable): Result {
  if (count === undefined || max === undefined) {
    throw new NotKnown('this kernel does not tell (nf_conntrack is not loaded, or hidden in a container)');
  }
  const share = max === 0 ? 0 : count / max;
  const text =
    max === 0 ? `${count} of any number` : `${count} of ${max} connections (${Math.round(share * 100)} %)`;
  const raise = `sysctl -w net.netfilter.nf_conntrack_max=${max * 2} (for good: --conntrack-max-per-core); conntrack -S`;
  if (share >= FULL) return failed(`the table is full: ${text}; new connections are dropped`, raise);
  if (share >= NEAR) return warning(`the table is nearly full: ${text}`, raise);
  if (dropped > 0 || earlyDropped > 0) {
    const what = [
      ...(dropped > 0 ? [`${counted(dropped, 'packet')} dropped`] : []),
      ...(earlyDropped > 0 ? [`${counted(earlyDropped, 'connection')} ended early`] : []),
    ].join(' and ');
    return warning(`${text}, but since the machine started the table was full: ${what}`, raise);
  }
  return ok(text);
}

/**
 * Sums the counters of all CPUs.
 * @param text of /proc/net/stat/nf_conntrack: a line of names, then hexadecimal numbers for each CPU
 */
export function readDrops(text: string | undefined): Pick<ConntrackTable, 'dropped' | 'earlyDropped'> {
  const [names = [], ...rows] = (text ?? '')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const sum = (name: string): number => {
    const column = names.indexOf(name);
    if (column < 0) return 0;
    return rows.reduce((total, row) => total + (Number.parseInt(row[column] ?? '', 16) || 0), 0);
  };
  return { dropped: sum('drop'), earlyDropped: sum('early_drop') };
}

/** Whether UDP flows to Services lead to endpoints that serve. @param flows how many were looked at */
export function noneStale(stale: readonly UdpFlow[], flows: number): Result {
  const [first] = stale;
  if (first === undefined) return ok(`${counted(flows, 'UDP flow')}, all of them lead to endpoints`);
  const { destination, port, replySource, replyPort } = first;
  const isTranslated = replySource !== destination || replyPort !== port;
  const where = isTranslated ? `${replySource}:${replyPort}, which is no endpoint now` : 'nowhere';
  return failed(
    `${counted(stale.length, 'UDP flow')} lead${stale.length === 1 ? 's' : ''} astray: packets to ${destination}:${port} go to ${where}, for as long as the client keeps sending`,
    `conntrack -D -p udp --orig-dst ${destination} --orig-port-dst ${port}; the proxy does this itself unless it lacks conntrack or the right`,
  );
}
