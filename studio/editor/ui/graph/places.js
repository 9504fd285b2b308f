// Places for nodes that have none, and free spots for new ones.
import { CARD, GRID, layered, snap } from "./layered.js";

const SIZE = [CARD.width, CARD.height];
const AIR = [10, 20]; // at least so much is between two cards
const STEP = [CARD.width + 60, 140]; // from one card to the next, across and down

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
  if (before) return freeSpot(moved(placed.get(before.from), STEP[1]), placed);
  const after = edges.find((edge) => edge.from === name && placed.has(edge.to));
  if (after) return freeSpot(moved(placed.get(after.to), -STEP[1]), placed);
  const { left, bottom } = bounds([...placed.values()]);
  return freeSpot([left, bottom + STEP[1] - CARD.height], placed);
}

const moved = ([x, y], by) => [x, y + by];

// The first place at or to the right of `[x, y]` where a card covers no other.
export function freeSpot([x, y], placed) {
  const near = [...placed.values()].filter((at) => Math.abs(at[1] - y) < SIZE[1] + AIR[1]);
  const covered = () => near.some(([px]) => Math.abs(px - x) < SIZE[0] + AIR[0]);
  while (covered()) x += CARD.width + GRID;
  return [snap(x), snap(y)];
}

// Where a card in the middle of an edge stands, and which cards give way for it: {at, moved}. `wish`: where it was dropped;
// it stays there if there is room. Otherwise it takes the place that its follower has, and what comes after moves on.
export function between(edges, placed, { from, to }, wish) {
  if (wish && isFree(wish, placed)) return { at: wish.map(snap), moved: [] };
  const [before, after] = [placed.get(from), placed.get(to)];
  const axis = before && after && [1, 0].find((i) => after[i] - before[i] >= SIZE[i]);
  if (axis === undefined) return { at: freeSpot(wish ?? moved(before ?? after ?? [0, 0], STEP[1]), placed), moved: [] }; // it leads back, or nowhere
  const middle = after.map((value, i) => snap(i === axis ? (before[i] + value) / 2 : value));
  if (isFree(middle, placed)) return { at: middle, moved: [] };
  const gaveWay = movedOn(edges, placed, to, axis);
  return { at: freeSpot(after, new Map([...placed, ...gaveWay])), moved: [...gaveWay] };
}

// The node and all that follow it, one step further along the axis, with those that they would cover there.
function movedOn(edges, placed, first, axis) {
  const least = placed.get(first)[axis];
  const found = new Map();
  const todo = [first];
  while (todo.length) {
    const name = todo.pop();
    const at = placed.get(name);
    if (found.has(name) || !at || at[axis] < least) continue;
    const next = at.map((value, i) => (i === axis ? value + STEP[i] : value));
    found.set(name, next);
    for (const edge of edges) if (edge.from === name) todo.push(edge.to);
    for (const [other, place] of placed) if (isOver(next, place)) todo.push(other);
  }
  return found;
}

const isOver = (one, other) => SIZE.every((size, i) => Math.abs(one[i] - other[i]) < size + AIR[i]);
const isFree = (at, placed) => ![...placed.values()].some((other) => isOver(at, other));

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
