import { percent, shortened } from './format.js';

/** @import { EndpointDetails, Flow, ServicePortDetails, Way } from '../state.ts' */

/**
 * @typedef {{ text: string, style: 'title' | 'code' | 'rule' | 'note', full?: string }} Line full: what was cut
 * @typedef {{ id: string, kind: string, lines: Line[], x: number, y: number, width: number, height: number }} Box
 * @typedef {{ id: string, path: string, width: number, kind: string, label?: { text: string, x: number, y: number } }} Edge
 * @typedef {{ boxes: Box[], edges: Edge[], width: number, height: number, headings: { text: string, x: number }[] }} Layout
 */

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

/**
 * Packets that fare alike, by whatever way they come.
 * @typedef {{ flow: Flow, box: Box, target: string, ways: Box[] }} Stream
 */

/**
 * Places the ways in, what becomes of packets on them, and the endpoints, in columns from left to right.
 * @param {ServicePortDetails} servicePort
 * @param {number} available px
 * @returns {Layout}
 */
export function layout({ ways, endpoints }, available) {
  const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, available));
  const lane = (width - 2 * GUTTER - SHARES) / 4;
  const [x1, x2, x3, x4] = [0, lane + GUTTER, 2 * (lane + GUTTER), width - lane];

  /** @type {Map<string, Stream>} */
  const streams = new Map();
  /** @type {Map<string, Box>} */
  const targets = new Map();
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

/**
 * @param {Way} way
 * @param {number} width
 * @returns {Line[]}
 */
function wayLines({ kind, addresses, sourceRanges, flows }, width) {
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

/**
 * Which of what a flow goes through belongs to its way, which to itself, and which to what it comes to.
 * @param {Way['kind']} kind
 * @param {Flow} flow
 */
function passage(kind, { through }) {
  const own = kind === 'cluster IP' || through.length < 3 ? [] : through.slice(-2, -1);
  return { dispatch: through.slice(0, through.length - 1 - own.length), own };
}

/**
 * @param {Way} way
 * @param {Flow} flow
 * @param {number} width
 * @returns {Line[]}
 */
function flowLines({ kind }, flow, width) {
  const { from, sources, masquerade, verdict } = flow;
  return [
    { text: `from ${from}`, style: 'title' },
    ...(from === 'Pods' && sources !== '' ? code(sources, width) : []),
    ...(verdict === 'endpoints' ? masqueradeLines(masquerade.when, sources, width) : []),
    ...passage(kind, flow).own.flatMap((chain) => rule(chain, width)),
  ];
}

/**
 * @param {Flow['masquerade']['when']} when
 * @param {string} sources
 * @param {number} width
 * @returns {Line[]}
 */
function masqueradeLines(when, sources, width) {
  if (when === 'always') return [note('masqueraded')];
  if (when === 'never') return [note('source address kept')];
  return wrap(`masqueraded, but for Pods (${sources})`, width).map(note);
}

const FATES = { drop: 'dropped', reject: 'rejected', pass: 'left alone' };

/** @param {Flow} flow */
function targetOf({ verdict, through, reason, policy }) {
  return verdict === 'endpoints' ? `${policy} ${through.at(-1)}` : `${verdict} ${reason}`;
}

/**
 * @param {Flow} flow
 * @param {number} width
 * @returns {Line[]}
 */
function targetLines({ verdict, policy, through, reason }, width) {
  return [
    { text: verdict === 'endpoints' ? `${policy} policy` : FATES[verdict], style: 'title' },
    ...rule(through.at(-1) ?? '', width),
    ...(reason === '' ? [] : wrap(reason, width).map(note)),
  ];
}

/**
 * @param {readonly EndpointDetails[]} endpoints
 * @param {readonly Flow[]} flows
 * @param {number} x
 * @param {number} width
 */
function endpointColumn(endpoints, flows, x, width) {
  const used = new Set(flows.flatMap((flow) => flow.endpoints.map(({ endpoint }) => endpoint)));
  const order = [...endpoints].sort((a, b) => Number(used.has(b.endpoint)) - Number(used.has(a.endpoint)));
  const shown = order.slice(0, order.length > ENDPOINTS_SHOWN ? ENDPOINTS_SHOWN - 1 : ENDPOINTS_SHOWN);
  const boxes = shown.map(({ endpoint, state, local, nodeName }) => {
    const where = local ? 'this node' : (nodeName ?? 'elsewhere');
    const kind = `endpoint ${used.has(endpoint) ? 'used' : 'unused'} ${local ? 'local' : 'remote'} ${state.replace(' ', '-')}`;
    const lines = [...code(endpoint, width), note(shortened(`${state}, ${where}`, (width - 2 * PAD) / TEXT))];
    return box(`endpoint ${endpoint}`, kind, lines, x, width);
  });
  const rest = order.length - shown.length;
  if (rest > 0) boxes.push(box('rest', 'rest', [note(`and ${rest} more endpoints`)], x, width));
  return boxes;
}

/**
 * @param {readonly Stream[]} streams
 * @param {Map<string, Box>} targets
 * @returns {Edge[]}
 */
function entryEdges(streams, targets) {
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

/**
 * @param {readonly Stream[]} streams
 * @param {Map<string, Box>} targets
 * @param {readonly Box[]} endpoints
 * @returns {Edge[]}
 */
function shareEdges(streams, targets, endpoints) {
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
          width: 1 + 4 * share,
          kind: 'share',
          label: { text: percent(share), x: to.x - 5, y: to.y + to.height / 2 + offset - 5 },
        },
      ];
    });
  });
}

/**
 * @param {Box} from
 * @param {Box} to
 * @param {number} [offset] of the end, downwards
 */
function curve(from, to, offset = 0) {
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
  const [x2, y2] = [to.x, to.y + to.height / 2 + offset];
  const bend = (x2 - x1) / 2;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/**
 * @param {string} id
 * @param {string} kind
 * @param {Line[]} lines
 * @param {number} x
 * @param {number} width
 * @returns {Box}
 */
function box(id, kind, lines, x, width) {
  return { id, kind, lines, x, y: 0, width, height: lines.length * LINE + 2 * PAD - 2 };
}

/** @param {readonly Box[]} boxes */
function heightOf(boxes) {
  return boxes.reduce((sum, { height }) => sum + height + GAP, -GAP);
}

/**
 * @param {readonly Box[]} boxes
 * @param {number} top
 */
function stack(boxes, top) {
  let y = top;
  for (const each of boxes) {
    each.y = y;
    y += each.height + GAP;
  }
}

/**
 * @param {string} text
 * @param {number} width
 * @returns {Line[]}
 */
function code(text, width) {
  return [cutLine(text, 'code', width)];
}

/**
 * @param {string} text the name of a chain, or what else there is in the kernel
 * @param {number} width
 * @returns {Line[]}
 */
function rule(text, width) {
  return text === '' ? [] : [cutLine(text, 'rule', width)];
}

/**
 * @param {string} text
 * @param {'code' | 'rule'} style
 * @param {number} width
 * @returns {Line}
 */
function cutLine(text, style, width) {
  const cut = shortened(text, Math.floor((width - 2 * PAD) / CODE));
  return cut === text ? { text, style } : { text: cut, style, full: text };
}

/**
 * @param {string} text
 * @returns {Line}
 */
function note(text) {
  return { text, style: 'note' };
}

/**
 * @param {string} text
 * @param {number} width px
 */
function wrap(text, width) {
  const length = Math.floor((width - 2 * PAD) / TEXT);
  /** @type {string[]} */
  const lines = [];
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
