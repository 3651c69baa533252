import { FAMILY_NAMES } from '../../tracker/fields.ts';
import type { Cut, FamilyState, NodeState, SyncRecord } from '../../ui/state.ts';
import type { Tone } from '../output.ts';
import { ageText, bars, latencyText, numberText, quantile, rightAligned } from './figures.ts';
import { recentChanges } from './recent-changes.ts';

/** A line as it is shown, in one tone. */
export interface FrameLine {
  readonly text: string;
  readonly tone?: Tone;
}

/** Syncs that a plot of their latency shows. */
const PLOTTED = 40;

/**
 * How the proxy of a node is, for people. Pure.
 * @param rows lines that there is room for; undefined: as many as it takes
 */
export function frameLines(state: NodeState, rows?: number): readonly FrameLine[] {
  const head = [...header(state), EMPTY, ...families(state), EMPTY, ...latency(state), ...trouble(state)];
  const room = rows === undefined ? undefined : rows - head.length - CHANGES_HEAD;
  return [...head, ...changes(state, room)].slice(0, rows);
}

const EMPTY: FrameLine = { text: '' };
/** The empty line and the heading before the changes, and the one of their columns. */
const CHANGES_HEAD = 3;

function header({ version, nodeName, zone, mode, services, started, now }: NodeState): readonly FrameLine[] {
  const where = zone === '' ? nodeName : `${nodeName} (zone ${zone})`;
  return [
    { text: `fairlead ${version} on ${where}, ${mode} mode, up ${ageText(now - started)}`, tone: 'strong' },
    { text: `${numberText(services)} ${services === 1 ? 'Service' : 'Services'}` },
  ];
}

const COLUMNS = [
  'ServicePorts',
  'endpoints',
  'objects',
  'syncs',
  'failed',
  'lines',
  'put right',
  'last sync',
] as const;

function families({ families: all, now }: NodeState): readonly FrameLine[] {
  if (all.length === 0) return [{ text: 'nothing is programmed yet', tone: 'doubtful' }];
  const cells = (family: FamilyState) => [
    numberText(family.servicePorts),
    numberText(family.endpoints),
    numberText(family.objects),
    numberText(family.syncs),
    numberText(family.failures),
    numberText(family.lines),
    numberText(family.repaired),
    family.lastSync === undefined ? 'none' : ageText(now - family.lastSync),
  ];
  const [heads = '', ...rows] = rightAligned([
    ['', ...COLUMNS],
    ...all.map((family) => [FAMILY_NAMES[family.family], ...cells(family)]),
  ]);
  return [
    { text: heads, tone: 'faint' },
    ...rows.map((text, i): FrameLine => (all[i]?.failing ? { text, tone: 'bad' } : { text })),
  ];
}

function latency({ families: all, syncs }: NodeState): readonly FrameLine[] {
  return all.map(({ family }) => {
    const durations = syncs
      .filter((sync) => sync.family === family && sync.failure === undefined)
      .map(({ duration }) => duration);
    const name = FAMILY_NAMES[family];
    if (durations.length === 0) return { text: `${name}  no sync with anything to do yet`, tone: 'faint' };
    const figures = [
      `half of ${durations.length} syncs within ${latencyText(quantile(durations, 0.5))}`,
      `99% ${latencyText(quantile(durations, 0.99))}`,
      `last ${latencyText(durations.at(-1) ?? 0)}`,
    ];
    return { text: `${name}  ${figures.join(', ')}  ${bars(durations.slice(-PLOTTED))}` };
  });
}

/** Of each kind of trouble, lines that are shown. */
const SHOWN = 5;

function trouble({ families: all, now }: NodeState): readonly FrameLine[] {
  const lines = all.flatMap((state) => {
    const name = FAMILY_NAMES[state.family];
    const found: FrameLine[] = [];
    if (state.failing) found.push(bad(`${name}: syncs fail: ${state.failing.message}`));
    for (const { servicePort, message, attempts, retryAt } of state.quarantined.items.slice(0, SHOWN)) {
      const next = retryAt > now ? `again in ${ageText(retryAt - now)}` : 'again soon';
      found.push(bad(`${name}: quarantined: ${servicePort}: ${message} (tried ${attempts} times, ${next})`));
    }
    more(found, state.quarantined, 'quarantined');
    if (state.anotherProxy !== undefined) {
      found.push(
        bad(`${name}: another proxy rewrites these rules, last ${ageText(now - state.anotherProxy)} ago`),
      );
    }
    if (state.lastRepair !== undefined) {
      const what = `${numberText(state.repaired)} lines put right what somebody else had changed`;
      found.push({
        text: `${name}: drift: ${what}, last ${ageText(now - state.lastRepair)} ago`,
        tone: 'doubtful',
      });
    }
    for (const { servicePort, winner, what } of state.contested.items.slice(0, SHOWN)) {
      found.push({
        text: `${name}: ${servicePort} does not get ${what}: ${winner} has it`,
        tone: 'doubtful',
      });
    }
    more(found, state.contested, 'contested');
    return found;
  });
  return lines.length === 0 ? [] : [EMPTY, { text: 'Trouble', tone: 'strong' }, ...lines];
}

function bad(text: string): FrameLine {
  return { text, tone: 'bad' };
}

function more(lines: FrameLine[], { total, items }: Cut<unknown>, what: string): void {
  const hidden = total - Math.min(items.length, SHOWN);
  if (hidden > 0) lines.push({ text: `  and ${numberText(hidden)} more ${what}`, tone: 'faint' });
}

/** Changes that are shown where there is room for all. */
const CHANGES_SHOWN = 30;

function changes({ syncs, now }: NodeState, room = CHANGES_SHOWN): readonly FrameLine[] {
  const rows = recentChanges(syncs).slice(0, Math.max(1, room));
  const heading = { text: 'Last changes', tone: 'strong' } as const;
  if (rows.length === 0) return [EMPTY, heading, { text: 'none yet', tone: 'faint' }];
  const width = Math.max(...rows.map(({ what }) => what.length), 'Service'.length);
  const row = (ago: string, what: string, times: string, took: string, lines: string) =>
    [ago.padStart(6), what.padEnd(width), times.padStart(5), took.padStart(8), lines.padStart(7)].join('  ');
  return [
    EMPTY,
    heading,
    { text: row('ago', 'Service', 'syncs', 'latency', 'lines'), tone: 'faint' },
    ...rows.map(({ what, last, syncs: times }): FrameLine => {
      const text = row(
        ageText(now - last.at),
        what,
        numberText(times),
        latencyText(last.duration),
        numberText(last.lines),
      );
      return toneOf(last) === undefined ? { text } : { text, tone: toneOf(last) as Tone };
    }),
  ];
}

function toneOf(sync: SyncRecord): Tone | undefined {
  if (sync.failure) return 'bad';
  return sync.repaired > 0 ? 'doubtful' : undefined;
}
