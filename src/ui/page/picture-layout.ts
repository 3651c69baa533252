import type { EndpointDetails, Flow, ServicePortDetails, Way } from '../state.ts';
import { percent, shortened } from './format.ts';

interface Line {
  readonly text: string;
  readonly style: 'title' | 'code' | 'rule' | 'note';
  /** What was cut. */
  readonly full?: string;
}

export interface Box {
  readonly id: string;
  readonly kind: string;
  readonly lines: readonly Line[];
  readonly x: number;
  y: number;
  readonly width: number;
  readonly height: number;
}

interface Label {
  readonly text: string;
  readonly x: number;
  readonly y: number;
}

export interface Edge {
  readonly id: string;
  readonly path: string;
  readonly width: number;
  readonly kind: string;
  readonly label?: Label;
}

/** px. */
export interface Layout {
  readonly boxes: readonly Box[];
  readonly edges: readonly Edge[];
  readonly width: number;
  readonly height: number;
  readonly headings: readonly { readonly text: string; readonly x: number }[];
}

const LINE = 17;
const PAD = 9;
const GAP = 12;
const GUTTER = 36;
/** Before the endpoints there is room for their shares. */
const SHARES = 76;
/** Shares stand on the last bit of their line, which is straight. */
const RUN_IN = 44;
const HEADING = 26;
/** Below this width the picture scrolls rather than shrinks. */
export const MIN_WIDTH = 860;
const MAX_WIDTH = 1180;
const ENDPOINTS_SHOWN = 8;

/** Widths of a character, px. */
const CODE = 6.7;
const TEXT = 6.4;

/** Packets that fare alike, by whatever way they come. */
interface Stream {
  readonly flow: Flow;
  readonly box: Box;
  readonly target: string;
  readonly ways: Box[];
}

/** What a flow goes through: what belongs to its way, and what to itself. The last belongs to what it comes to. */
interface Passage {
  readonly dispatch: readonly string[];
  readonly own: readonly string[];
}

/**
 * Places the ways in, what becomes of packets on them, and the endpoints, in columns from left to right.
 * @param available px
 */
export function layout({ ways, endpoints }: ServicePortDetails, available: number): Layout {
  const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, available));
  const lane = (width - 2 * GUTTER - SHARES) / 4;
  const [x1, x2, x3, x4] = [0, lane + GUTTER, 2 * (lane + GUTTER), width - lane];

  const streams = new Map<string, Stream>();
  const targets = new Map<string, Box>();
  const wayBoxes = ways.map((way) => {
    const wayBox = box(`way ${way.kind}`, 'way', wayLines(way, lane), x1, lane);
    for (const flow of way.flows) {
      const target = targetOf(flow);
      if (!targets.has(target))
        targets.set(target, box(target, flow.verdict, targetLines(flow, lane), x3, lane));
      const lines = flowLines(way, flow, lane);
      const id = JSON.stringify([lines, target]);
      const known = streams.get(id);
      if (known) known.ways.push(wayBox);
      else streams.set(id, { flow, box: box(id, 'flow', lines, x2, lane), target, ways: [wayBox] });
    }
    return wayBox;
  });
  const all = [...streams.values()];
  const columns = [
    wayBoxes,
    all.map((stream) => stream.box),
    [...targets.values()],
    endpointColumn(
      endpoints,
      all.map(({ flow }) => flow),
      x4,
      lane,
    ),
  ];
  const height = Math.max(...columns.map(heightOf));
  for (const column of columns) stack(column, HEADING + (height - heightOf(column)) / 2);

  return {
    boxes: columns.flat(),
    edges: [...entryEdges(all, targets), ...shareEdges(all, targets, columns[3] ?? [])],
    width,
    height: HEADING + height + 2,
    headings: [
      { text: 'Ways in', x: x1 },
      { text: 'Packets', x: x2 },
      { text: 'Rules', x: x3 },
      { text: 'Endpoints', x: x4 },
    ],
  };
}

function wayLines({ kind, addresses, sourceRanges, flows }: Way, width: number): Line[] {
  const shown = addresses.slice(0, 3);
  const chains = flows.map((flow) => passage(kind, flow).dispatch);
  const dispatch = chains.reduce((longest, each) => (each.length > longest.length ? each : longest), []);
  return [
    { text: kind, style: 'title' },
    ...shown.flatMap((address) => code(address, width)),
    ...(addresses.length > shown.length ? [note(`and ${addresses.length - shown.length} more`)] : []),
    ...(sourceRanges.length === 0 ? [] : [note('only from')]),
    ...sourceRanges.slice(0, 3).flatMap((range) => code(range, width)),
    ...(sourceRanges.length > 3 ? [note(`and ${sourceRanges.length - 3} more ranges`)] : []),
    ...dispatch.flatMap((chain) => rule(chain, width)),
  ];
}

function passage(kind: Way['kind'], { through }: Flow): Passage {
  const own = kind === 'cluster IP' || through.length < 3 ? [] : through.slice(-2, -1);
  return { dispatch: through.slice(0, through.length - 1 - own.length), own };
}

function flowLines({ kind }: Way, flow: Flow, width: number): Line[] {
  const { from, sources, masquerade, verdict } = flow;
  return [
    { text: `from ${from}`, style: 'title' },
    ...(from === 'Pods' && sources !== '' ? code(sources, width) : []),
    ...(verdict === 'endpoints' ? masqueradeLines(masquerade.when, sources, width) : []),
    ...passage(kind, flow).own.flatMap((chain) => rule(chain, width)),
  ];
}

function masqueradeLines(when: Flow['masquerade']['when'], sources: string, width: number): Line[] {
  if (when === 'always') return [note('masqueraded')];
  if (when === 'never') return [note('source address kept')];
  return wrap(`masqueraded, but for Pods (${sources})`, width).map(note);
}

const FATES = { drop: 'dropped', reject: 'rejected', pass: 'left alone' };

function targetOf({ verdict, through, reason, policy }: Flow): string {
  return verdict === 'endpoints' ? `${policy} ${through.at(-1)}` : `${verdict} ${reason}`;
}

function targetLines({ verdict, policy, through, scheduler, reason }: Flow, width: number): Line[] {
  return [
    { text: verdict === 'endpoints' ? `${policy} policy` : FATES[verdict], style: 'title' },
    ...rule(through.at(-1) ?? '', width),
    ...(scheduler === undefined ? [] : [note(`by scheduler ${scheduler}`)]),
    ...(reason === '' ? [] : wrap(reason, width).map(note)),
  ];
}

function endpointColumn(
  endpoints: readonly EndpointDetails[],
  flows: readonly Flow[],
  x: number,
  width: number,
) {
  const used = new Set(flows.flatMap((flow) => flow.endpoints.map(({ endpoint }) => endpoint)));
  const order = [...endpoints].sort((a, b) => Number(used.has(b.endpoint)) - Number(used.has(a.endpoint)));
  const shown = order.slice(0, order.length > ENDPOINTS_SHOWN ? ENDPOINTS_SHOWN - 1 : ENDPOINTS_SHOWN);
  const boxes = shown.map(({ endpoint, state, local, nodeName }) => {
    const where = local ? 'this node' : (nodeName ?? 'elsewhere');
    const kind = `endpoint ${used.has(endpoint) ? 'used' : 'unused'} ${state.replace(' ', '-')}`;
    const lines = [...code(endpoint, width), note(shortened(`${state}, ${where}`, (width - 2 * PAD) / TEXT))];
    return box(`endpoint ${endpoint}`, kind, lines, x, width);
  });
  const rest = order.length - shown.length;
  if (rest > 0) boxes.push(box('rest', 'rest', [note(`and ${rest} more endpoints`)], x, width));
  return boxes;
}

function entryEdges(streams: readonly Stream[], targets: Map<string, Box>): Edge[] {
  return streams.flatMap(({ flow, box: own, target, ways }) => {
    const to = targets.get(target);
    const kind = flow.verdict === 'endpoints' ? 'entry' : 'entry refused';
    const entries = ways.map((way) => ({
      id: `${way.id} ${own.id}`,
      path: curve(way, own),
      width: 1.5,
      kind: 'entry',
    }));
    return to ? [...entries, { id: `${own.id} on`, path: curve(own, to), width: 1.5, kind }] : entries;
  });
}

function shareEdges(
  streams: readonly Stream[],
  targets: Map<string, Box>,
  endpoints: readonly Box[],
): Edge[] {
  const flows = new Map(streams.map(({ target, flow }) => [target, flow]));
  const sources = [...targets].filter(([target]) => (flows.get(target)?.endpoints.length ?? 0) > 0);
  return sources.flatMap(([target, from], i) => {
    // Where two policies lead to one endpoint, their shares stand one below the other.
    const offset = sources.length === 1 ? 0 : (i - (sources.length - 1) / 2) * 20;
    return (flows.get(target)?.endpoints ?? []).flatMap(({ endpoint, share }) => {
      const to = endpoints.find(({ id }) => id === `endpoint ${endpoint}`);
      if (!to) return [];
      return [
        {
          id: `${target} ${endpoint}`,
          path: `${curve(from, { ...to, x: to.x - RUN_IN }, offset)}H${to.x}`,
          width: 1 + 4 * (share ?? 0.125),
          kind: 'share',
          ...(share !== undefined && {
            label: { text: percent(share), x: to.x - 5, y: to.y + to.height / 2 + offset - 5 },
          }),
        },
      ];
    });
  });
}

/** @param offset of the end, downwards */
function curve(from: Box, to: Box, offset = 0): string {
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
  const [x2, y2] = [to.x, to.y + to.height / 2 + offset];
  const bend = (x2 - x1) / 2;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function box(id: string, kind: string, lines: Line[], x: number, width: number): Box {
  return { id, kind, lines, x, y: 0, width, height: lines.length * LINE + 2 * PAD - 2 };
}

function heightOf(boxes: readonly Box[]): number {
  return boxes.reduce((sum, { height }) => sum + height + GAP, -GAP);
}

function stack(boxes: readonly Box[], top: number): void {
  let y = top;
  for (const each of boxes) {
    each.y = y;
    y += each.height + GAP;
  }
}

function code(text: string, width: number): Line[] {
  return [cutLine(text, 'code', width)];
}

/** @param text the name of a chain, or what else there is in the kernel */
function rule(text: string, width: number): Line[] {
  return text === '' ? [] : [cutLine(text, 'rule', width)];
}

function cutLine(text: string, style: 'code' | 'rule', width: number): Line {
  const cut = shortened(text, Math.floor((width - 2 * PAD) / CODE));
  return cut === text ? { text, style } : { text: cut, style, full: text };
}

function note(text: string): Line {
  return { text, style: 'note' };
}

/** @param width px */
function wrap(text: string, width: number): readonly string[] {
  const length = Math.floor((width - 2 * PAD) / TEXT);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= length)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

export const LINE_HEIGHT = LINE;
export const PADDING = PAD;
