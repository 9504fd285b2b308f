// The graph as the editor holds it, made from what the server sends: whole at first, then only what changed.
//
// {nodes, edges, top, nodeLines, edgePlaces, byName}. A node that did not change keeps its identity, so that only the others
// are drawn again; so do the edges together, so that places and ways stay what they are. Line numbers stand apart: one line more at the top of the file changes them all, and nothing else.

const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// `change` is a whole graph, or with `since` the parts that differ; a number in them stands for that item of `old`.
export function readGraph(old, change) {
  const pick = (kind, make) => change[kind]?.map((one) => (typeof one === "number" ? old[kind][one] : make(one))) ?? old[kind];
  const nodes = pick("nodes", (node) => ({ ...node, config: isMap(node.raw.config) ? node.raw.config : {} }));
  return {
    nodes,
    edges: unless(old?.edges, keyed(pick("edges", (edge) => ({ condition: null, label: null, ...edge })))),
    top: change.top ?? old.top,
    nodeLines: change.node_lines ?? old.nodeLines,
    edgePlaces: change.edge_places ?? old.edgePlaces,
    byName: new Map(nodes.map((node) => [node.name, node])),
  };
}

const unless = (old, items) => (old?.length === items.length && items.every((one, i) => one === old[i]) ? old : items);

// Whether both have the same nodes by name, and the same edges.
export const hasShapeOf = (one, other) => one === other || (Boolean(one && other) && one.edges === other.edges && one.nodes.length === other.nodes.length && one.nodes.every(({ name }, i) => name === other.nodes[i].name));

// Edges have no name in the file; "from->to#n" stays the same while other edges come and go.
function keyed(edges) {
  const seen = new Map();
  return edges.map((edge) => {
    const pair = `${edge.from}->${edge.to}`;
    const n = seen.get(pair) ?? 0;
    seen.set(pair, n + 1);
    const key = `${pair}#${n}`;
    return edge.key === key ? edge : { ...edge, key };
  });
}

// A draft that has not begun yet: that it has no nodes is no fault of it.
export const isEmpty = ({ graph, valid }) => Boolean(valid && graph && !graph.nodes.length);
export const isOfEmpty = ({ path }) => path?.length === 1 && path[0] === "nodes";

const MAP_FROM = 16; // nodes; in smaller graphs it covers more than it helps

// Whether the overview map is shown: as the person says, or where it helps.
export const hasMap = ({ map, graph }) => map ?? (graph?.nodes.length ?? 0) >= MAP_FROM;

export const nodeOf = (graph, name) => graph?.byName.get(name);
export const edgeOf = (graph, key) => graph?.edges.find((edge) => edge.key === key);

// [first, last] line of a node, counted from 1, or null.
export const linesOfNode = (graph, name) => graph?.nodeLines[graph.nodes.findIndex((node) => node.name === name)] ?? null;

// {index, lines} of an edge in the file; edits name edges by their index.
export function placeOfEdge(graph, key) {
  const place = graph?.edgePlaces[graph.edges.findIndex((edge) => edge.key === key)];
  return place ? { index: place[0], lines: place.length > 2 ? [place[1], place[2]] : null } : null;
}

// What stands at a line: {node}, {edge} or null.
export function atLine(graph, line) {
  const holds = ([first, last]) => first <= line && line <= last;
  const node = graph.nodeLines.findIndex((lines) => lines && holds(lines));
  if (node >= 0) return { node: graph.nodes[node].name };
  const edge = graph.edgePlaces.findIndex((place) => place.length > 2 && holds(place.slice(1)));
  return edge >= 0 ? { edge: graph.edges[edge].key } : null;
}

export function countOutgoing(edges) {
  const out = new Map();
  for (const edge of edges) out.set(edge.from, (out.get(edge.from) ?? 0) + 1);
  return out;
}

export const waysOn = (graph, name) => graph.edges.filter((edge) => edge.from === name);
export const waysIn = (graph, name) => graph.edges.filter((edge) => edge.to === name);

export function freeName(base, taken) {
  const stem = base.replace(/\W+/g, "_").replace(/^(\d)/, "_$1").slice(0, 56) || "node";
  if (!taken.has(stem)) return stem;
  let n = 2;
  while (taken.has(`${stem}_${n}`)) n += 1;
  return `${stem}_${n}`;
}
