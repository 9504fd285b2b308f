// Ways for edges: down from the bottom port, across, down into the top port, around the cards where one stands in the way.
import { CARD } from "./layered.js";

const STUB = 26; // straight piece at each port
const GAP = 14; // distance kept from a card
const RADIUS = 8;

// Map of an edge's key to {points, label}; `positions` is a Map of the upper left corners of the cards.
export function routeAll(edges, positions) {
  const plan = planned(edges, positions);
  return new Map(edges.filter((edge) => positions.has(edge.from) && positions.has(edge.to)).map((edge) => [edge.key, routed(edge, plan)]));
}

// The same while some cards are dragged: edges that do not touch them keep their way until the drag ends.
export function routeMoved(edges, positions, moved, resting) {
  const touched = edges.filter((edge) => moved.has(edge.from) || moved.has(edge.to));
  if (!touched.length) return resting;
  const now = new Map(positions);
  for (const [name, at] of moved) if (now.has(name)) now.set(name, at);
  const plan = planned(edges, now);
  const routes = new Map(resting);
  for (const edge of touched) if (now.has(edge.from) && now.has(edge.to)) routes.set(edge.key, routed(edge, plan));
  return routes;
}

function planned(edges, positions) {
  const boxes = [...positions].map(([name, [x, y]]) => ({ name, left: x, right: x + CARD.width, top: y, bottom: y + CARD.height }));
  return { positions, boxes, out: group(edges, (edge) => edge.from), into: group(edges, (edge) => edge.to) };
}

function routed(edge, { positions, boxes, out, into }) {
  const joins = into.get(edge.to) > 1;
  const points = route(edge, positions, boxes, out.get(edge.from) > 1, joins);
  const [x, y] = labelAt(points, joins);
  const twin = Number(edge.key.split("#").pop()); // chips of several edges between the same two nodes stand in a pile
  return { points, label: [x, y - twin * 22] };
}

// The edge whose way passes the point within `reach`, or null.
export function edgeAt([x, y], routes, reach = 14) {
  let [found, least] = [null, reach];
  for (const [key, { points }] of routes) {
    for (let i = 1; i < points.length; i += 1) {
      const [[ax, ay], [bx, by]] = [points[i - 1], points[i]];
      const dx = Math.max(Math.min(ax, bx) - x, 0, x - Math.max(ax, bx));
      const dy = Math.max(Math.min(ay, by) - y, 0, y - Math.max(ay, by));
      if (dx + dy < least) [found, least] = [key, dx + dy];
    }
  }
  return found;
}

// The middle of a way, for what stands on it.
export function middleOf(points) {
  let left = length(points) / 2;
  for (let i = 1; i < points.length; i += 1) {
    const [[ax, ay], [bx, by]] = [points[i - 1], points[i]];
    const long = Math.abs(bx - ax) + Math.abs(by - ay);
    if (long >= left) return [ax + Math.sign(bx - ax) * Math.min(left, Math.abs(bx - ax)), ay + Math.sign(by - ay) * Math.min(left, Math.abs(by - ay))];
    left -= long;
  }
  return points.at(-1);
}

function group(edges, key) {
  const counts = new Map();
  for (const edge of edges) counts.set(key(edge), (counts.get(key(edge)) ?? 0) + 1);
  return counts;
}

function route(edge, positions, boxes, splits, joins) {
  const [from, to] = [positions.get(edge.from), positions.get(edge.to)];
  const [sx, sy] = [from[0] + CARD.width / 2, from[1] + CARD.height];
  const [tx, ty] = [to[0] + CARD.width / 2, to[1]];
  const [low, high] = [Math.min(sy, ty - STUB), Math.max(sy + STUB, ty)]; // no way leaves this band
  const near = boxes.filter((box) => box.bottom > low - STUB && box.top < high + STUB);
  const others = near.filter((box) => box.name !== edge.from && box.name !== edge.to);
  return tidy(best(candidates(sx, sy, tx, ty, near, splits, joins), others));
}

// Simple ways first; the others are only thought of where those are blocked.
function* candidates(sx, sy, tx, ty, near, splits, joins) {
  if (ty - sy >= 2 * GAP) {
    if (sx === tx) yield [[sx, sy], [tx, ty]];
    const short = ty - sy < 130;
    const middle = (sy + ty) / 2;
    const rails = short ? [middle] : splits || !joins ? [sy + STUB, ty - STUB, middle] : [ty - STUB, sy + STUB, middle];
    for (const y of rails) yield [[sx, sy], [sx, y], [tx, y], [tx, ty]];
  }
  for (const lane of lanes(sx, tx, near)) {
    yield [[sx, sy], [sx, sy + STUB], [lane, sy + STUB], [lane, ty - STUB], [tx, ty - STUB], [tx, ty]];
  }
}

// Columns between the cards in which a long edge can run past them, nearest first.
function lanes(sx, tx, near) {
  const columns = new Set(near.flatMap((box) => [box.left - GAP, box.right + GAP]));
  return [...columns].sort((a, b) => Math.abs(a - sx) + Math.abs(a - tx) - Math.abs(b - sx) - Math.abs(b - tx)).slice(0, 8);
}

function best(ways, boxes) {
  let found = null;
  let least = Infinity;
  for (const points of ways) {
    const price = crossings(points, boxes) * 10_000 + length(points) + points.length * 12;
    if (price < least) [found, least] = [points, price];
    if (least < 10_000 && points.length <= 4) break; // a simple free way: no need to look on
  }
  return found;
}

function crossings(points, boxes) {
  let hits = 0;
  for (let i = 1; i < points.length; i += 1) {
    const [[ax, ay], [bx, by]] = [points[i - 1], points[i]];
    const [left, right, top, bottom] = [Math.min(ax, bx), Math.max(ax, bx), Math.min(ay, by), Math.max(ay, by)];
    for (const box of boxes) {
      if (right > box.left - 4 && left < box.right + 4 && bottom > box.top - 4 && top < box.bottom + 4) hits += 1;
    }
  }
  return hits;
}

const length = (points) => points.slice(1).reduce((sum, [x, y], i) => sum + Math.abs(x - points[i][0]) + Math.abs(y - points[i][1]), 0);

// Drop points that lie on a straight line between their neighbours.
function tidy(points) {
  return points.filter(([x, y], i) => {
    const [before, after] = [points[i - 1], points[i + 1]];
    if (!before || !after) return true;
    if (before[0] === x && before[1] === y) return false;
    return !((before[0] === x && after[0] === x) || (before[1] === y && after[1] === y));
  });
}

// On the last vertical piece: near the target, where branches of one node stand side by side; at its beginning where
// several edges come together at the target.
function labelAt(points, joins) {
  const [[ax, ay], [bx, by]] = points.slice(-2);
  if (ax !== bx || Math.abs(by - ay) < 40) return [bx, by - 17];
  return [bx, joins && by - ay > 80 ? ay + 24 : by - 22];
}

export function pathOf(points) {
  const parts = [`M${points[0][0]} ${points[0][1]}`];
  for (let i = 1; i < points.length - 1; i += 1) {
    const [[px, py], [x, y], [nx, ny]] = [points[i - 1], points[i], points[i + 1]];
    const r = Math.min(RADIUS, (Math.abs(px - x) + Math.abs(py - y)) / 2, (Math.abs(nx - x) + Math.abs(ny - y)) / 2);
    parts.push(`L${x - Math.sign(x - px) * r} ${y - Math.sign(y - py) * r}`, `Q${x} ${y} ${x + Math.sign(nx - x) * r} ${y + Math.sign(ny - y) * r}`);
  }
  const [x, y] = points.at(-1);
  parts.push(`L${x} ${y}`);
  return parts.join("");
}
