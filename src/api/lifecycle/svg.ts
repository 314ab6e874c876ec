/** Draws the panels. dagre finds the places, labels included, so that none covers another. */

import dagre from '@dagrejs/dagre';
import { escapeHtml } from '../../web/html';
import type { Counts, Lifecycle } from './model';
import { panelsOf, type Panel } from './panels';

const CHAR_PX = 6.6;
const LINE_PX = 15;
const NODE_PX = { width: 184, height: 46 };
const MARGIN_PX = 24;
const TITLE_PX = 34;

interface Point {
  x: number;
  y: number;
}

/** What is used of dagre: the types it comes with lead nowhere under our module resolution. */
interface Graph {
  setGraph(options: object): void;
  setNode(id: string, size: { width: number; height: number }): void;
  setEdge(from: string, to: string, label: { width: number; height: number; labelpos: 'c' }): void;
  graph(): { width?: number; height?: number };
  node(id: string): Point;
  edge(from: string, to: string): Point & { points: Point[] };
}
const { graphlib, layout } = dagre as unknown as {
  graphlib: { Graph: new () => Graph };
  layout: (graph: Graph) => void;
};

interface Placed {
  width: number;
  height: number;
  nodes: (Panel['nodes'][number] & Point)[];
  edges: { lines: string[]; points: Point[]; at: Point; width: number }[];
}

const widthOf = (lines: string[]): number => Math.max(...lines.map(({ length }) => length)) * CHAR_PX + 12;

function place({ nodes, edges }: Panel): Placed {
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 50, ranksep: 34, edgesep: 26, marginx: MARGIN_PX, marginy: 10 });
  for (const { id } of nodes) graph.setNode(id, { ...NODE_PX });
  for (const { from, to, lines } of edges)
    graph.setEdge(from, to, { width: widthOf(lines), height: lines.length * LINE_PX + 6, labelpos: 'c' });
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    nodes: nodes.map((node) => {
      const { x, y } = graph.node(node.id);
      return { ...node, x, y };
    }),
    edges: edges.map(({ from, to, lines }) => {
      const { points, x, y } = graph.edge(from, to);
      return { lines, points, at: { x, y }, width: widthOf(lines) };
    }),
  };
}

const at = (value: number): string => String(Math.round(value * 10) / 10);

const CORNER_PX = 14;

/** The point on the way from `from` to `to`, so far from `from`, and half way at most. */
function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const share = length === 0 ? 0 : Math.min(0.5, distance / length);
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

const spot = ({ x, y }: Point): string => `${at(x)},${at(y)}`;

/** Straight, with rounded corners: one of its points is where the label stands. */
function pathOf(points: Point[]): string {
  const parts = points.map((point, n) => {
    const before = points[n - 1];
    const after = points[n + 1];
    if (!before) return `M${spot(point)}`;
    if (!after) return `L${spot(point)}`;
    return `L${spot(towards(point, before, CORNER_PX))} Q${spot(point)} ${spot(towards(point, after, CORNER_PX))}`;
  });
  return parts.join(' ');
}

const textLines = (lines: string[], { x, y }: Point): string =>
  lines
    .map((line, n) => {
      const top = y - ((lines.length - 1) * LINE_PX) / 2 + n * LINE_PX + 4;
      return `<text class="label" x="${at(x)}" y="${at(top)}">${escapeHtml(line)}</text>`;
    })
    .join('');

function labelOf({ lines, at: center, width }: Placed['edges'][number]): string {
  const height = lines.length * LINE_PX + 2;
  const box = `x="${at(center.x - width / 2)}" y="${at(center.y - height / 2)}" width="${at(width)}" height="${at(height)}"`;
  return `<rect class="paper" ${box}/>${textLines(lines, center)}`;
}

function nodeOf({ label, count, x, y }: Placed['nodes'][number]): string {
  const { width, height } = NODE_PX;
  const box = `x="${at(x - width / 2)}" y="${at(y - height / 2)}" width="${width}" height="${height}" rx="8"`;
  const name = `<text class="state" x="${at(x)}" y="${at(count === null ? y + 5 : y - 2)}">${escapeHtml(label)}</text>`;
  const number = count === null ? '' : `<text class="count" x="${at(x)}" y="${at(y + 16)}">${count}</text>`;
  return `<g id="${escapeHtml(label)}"><rect class="node" ${box}/>${name}${number}</g>`;
}

function draw(title: string, { nodes, edges }: Placed, left: number, top: number): string {
  return `<g transform="translate(${at(left)},${at(top)})">
<text class="title" x="${MARGIN_PX}" y="20">${escapeHtml(title)}</text>
<g transform="translate(0,${TITLE_PX})">
${edges.map(({ points }) => `<path class="edge" marker-end="url(#arrow)" d="${pathOf(points)}"/>`).join('\n')}
${edges.map(labelOf).join('\n')}
${nodes.map(nodeOf).join('\n')}
</g></g>`;
}

const STYLE = `
text { font-family: ui-sans-serif, system-ui, sans-serif; text-anchor: middle; fill: #1b1b1b }
.title { font-size: 16px; font-weight: 600; text-anchor: start }
.state { font-size: 14px; font-weight: 600 }
.count { font-size: 13px; fill: #5b3a1e }
.label { font-size: 11.5px; fill: #444 }
.paper { fill: #fff }
.node { fill: #fff6dd; stroke: #5b3a1e; stroke-width: 1.5 }
.edge { fill: none; stroke: #8a8a8a; stroke-width: 1.3 }
@media (prefers-color-scheme: dark) {
  text { fill: #f3ece5 }
  .count { fill: #f6cd80 }
  .label { fill: #bcaea2 }
  .paper { fill: #201a16 }
  .node { fill: #3d2f12; stroke: #f0b04f }
}
`;

const SUMMARY = 'States and transitions of an account, drawn from the machine’s own code.';

/** With `counts` each state of life shows how many accounts are in it. */
export function drawLifecycle(lifecycle: Lifecycle, counts: Counts | null = null): string {
  const panels = panelsOf(lifecycle, counts).map((panel) => ({ title: panel.title, placed: place(panel) }));
  const width = Math.max(...panels.map(({ placed }) => placed.width)) + MARGIN_PX;
  let top = 10;
  const drawn = panels.map(({ title, placed }) => {
    const part = draw(title, placed, 0, top);
    top += placed.height + TITLE_PX + MARGIN_PX;
    return part;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${at(width)} ${at(top)}" width="${at(width)}" height="${at(top)}" role="img" aria-labelledby="lifecycle-title">
<title id="lifecycle-title">${SUMMARY}</title>
<style>${STYLE}</style>
<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto"><path d="M0,1L10,5L0,9z" fill="#8a8a8a"/></marker></defs>
<rect class="paper" width="100%" height="100%"/>
${drawn.join('\n')}
</svg>
`;
}
