// Places for nodes that have none, and free spots for new ones.
import { CARD, GRID, layered, snap } from "./layered.js";

// Where every node stands, as a Map of name to [x, y]: stored places win; without any the whole graph is laid out; single
// newcomers stand by a neighbour. `stored` is a Map as well: nodes may be called "constructor".
export function place(nodes, edges, stored) {
  const missing = nodes.filter((node) => !stored.has(node.name));
  if (missing.length === nodes.length && nodes.length) return layered(nodes, edges);
  const placed = new Map(nodes.filter((node) => stored.has(node.name)).map(({ name }) => [name, stored.get(name)]));
  for (const { name } of missing) placed.set(name, beside(name, edges, placed));
  return placed;
}

function beside(name, edges, placed) {
  const before = edges.find((edge) => edge.to === name && placed.has(edge.from));
  if (before) return freeSpot(moved(placed.get(before.from), 140), placed);
  const after = edges.find((edge) => edge.from === name && placed.has(edge.to));
  if (after) return freeSpot(moved(placed.get(after.to), -140), placed);
  const { left, bottom } = bounds([...placed.values()]);
  return freeSpot([left, bottom + 140 - CARD.height], placed);
}

const moved = ([x, y], by) => [x, y + by];

// The first place at or to the right of `[x, y]` where a card covers no other.
export function freeSpot([x, y], placed) {
  const near = [...placed.values()].filter((at) => Math.abs(at[1] - y) < CARD.height + 20);
  const covered = () => near.some(([px]) => Math.abs(px - x) < CARD.width + 10);
  while (covered()) x += CARD.width + GRID;
  return [snap(x), snap(y)];
}

// The rectangle around cards at these places.
export function bounds(places) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of places) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + CARD.width);
    bottom = Math.max(bottom, y + CARD.height);
  }
  return places.length ? { left, top, right, bottom } : { left: 0, top: 0, right: 0, bottom: 0 };
}
