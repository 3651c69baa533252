import type { ServicePortDetails } from '../state.ts';
import type { Box, Edge } from './picture-layout.ts';
import { LINE_HEIGHT, layout, PADDING } from './picture-layout.ts';
import { Scrollable } from './scrollable.tsx';

interface PathPictureProps {
  readonly servicePort: ServicePortDetails;
}

/** The ways of a ServicePort's packets, from left to right. */
export function PathPicture({ servicePort }: PathPictureProps) {
  if (servicePort.ways.length === 0) return <p class="muted">It has no address on this node.</p>;
  return (
    <Scrollable class="picture" label="Picture of the path, told in words below">
      {(available) => <Picture servicePort={servicePort} available={available} />}
    </Scrollable>
  );
}

interface PictureProps {
  readonly servicePort: ServicePortDetails;
  readonly available: number;
}

function Picture({ servicePort, available }: PictureProps) {
  const { boxes, edges, width, height, headings } = layout(servicePort, available);
  return (
    <svg
      width={width}
      height={height}
      role="img"
      aria-label={`Ways in to ${servicePort.key} and the endpoints they lead to`}
    >
      {headings.map(({ text, x }) => (
        <text key={text} class="column" x={x} y={12}>
          {text}
        </text>
      ))}
      {edges.map((edge) => (
        <path key={edge.id} class={`edge ${edge.kind}`} d={edge.path} stroke-width={edge.width} />
      ))}
      {boxes.map((box) => (
        <BoxShape key={box.id} box={box} />
      ))}
      {edges.map((edge) => (
        <ShareLabel key={edge.id} edge={edge} />
      ))}
    </svg>
  );
}

interface BoxShapeProps {
  readonly box: Box;
}

function BoxShape({ box: { kind, lines, x, y, width, height } }: BoxShapeProps) {
  return (
    <g class={`box ${kind}`} transform={`translate(${x} ${y})`}>
      <rect x={0.5} y={0.5} width={width - 1} height={height - 1} rx={6} />
      {lines.map(({ text, style, full }, i) => (
        <text key={i} class={style} x={PADDING} y={PADDING + (i + 0.72) * LINE_HEIGHT}>
          {full !== undefined && <title>{full}</title>}
          {text}
        </text>
      ))}
    </g>
  );
}

interface ShareLabelProps {
  readonly edge: Edge;
}

function ShareLabel({ edge: { label } }: ShareLabelProps) {
  if (!label) return null;
  return (
    <text class="share-label" x={label.x} y={label.y} text-anchor="end">
      {label.text}
    </text>
  );
}
