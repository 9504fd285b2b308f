// From the server's graph to what React Flow draws: keys of edges, siblings, and places for nodes that have none.
import { CARD, GRID, layered, snap } from "./layered.js";

// Edges have no name in the file; "from->to#n" stays the same while other edges come and go.
export function keyEdges(edges) {
  const seen = new Map();
  return edges.map((edge) => {
    const pair = `${edge.from}->${edge.to}`;
    const n = seen.get(pair) ?? 0;
    seen.set(pair, n + 1);
    return { ...edge, key: `${pair}#${n}` };
  });
}

export function countOutgoing(edges) {
  const out = new Map();
  for (const edge of edges) out.set(edge.from, (out.get(edge.from) ?? 0) + 1);
  return out;
}

// Where every node stands: stored places win; without any the whole graph is laid out; single newcomers stand by a neighbour.
export function place(nodes, edges, stored) {
  const missing = nodes.filter((node) => !stored[node.name]);
  if (!missing.length) return pick(nodes, stored);
  if (missing.length === nodes.length) return layered(nodes, edges);
  const placed = pick(nodes.filter((node) => stored[node.name]), stored);
  for (const { name } of missing) placed[name] = beside(name, edges, placed);
  return placed;
}

function beside(name, edges, placed) {
  const before = edges.find((edge) => edge.to === name && placed[edge.from]);
  const after = edges.find((edge) => edge.from === name && placed[edge.to]);
  const all = Object.values(placed);
  const lowest = Math.max(0, ...all.map(([, y]) => y));
  let [x, y] = before
    ? [placed[before.from][0], placed[before.from][1] + 140]
    : after
      ? [placed[after.to][0], placed[after.to][1] - 140]
      : [Math.min(...all.map(([left]) => left)), lowest + 140];
  return freeSpot([x, y], placed);
}

// The first place at or to the right of `[x, y]` where a card covers no other.
export function freeSpot([x, y], placed) {
  const all = Object.values(placed);
  const covered = () => all.some(([px, py]) => Math.abs(px - x) < CARD.width + 10 && Math.abs(py - y) < CARD.height + 20);
  while (covered()) x += CARD.width + GRID;
  return [snap(x), snap(y)];
}

const pick = (nodes, positions) => Object.fromEntries(nodes.map(({ name }) => [name, positions[name]]));

export function freeName(base, taken) {
  const stem = base.replace(/\W+/g, "_").replace(/^(\d)/, "_$1") || "node";
  if (!taken.has(stem)) return stem;
  let n = 2;
  while (taken.has(`${stem}_${n}`)) n += 1;
  return `${stem}_${n}`;
}
