// Ways for edges: down from the bottom port, across, down into the top port, around the cards where one stands in the way.
import { CARD } from "./layered.js";

const STUB = 26; // straight piece at each port
const GAP = 14; // distance kept from a card
const RADIUS = 8;

// {key: {points, label}}; `positions` {name: [x, y]} are the upper left corners of the cards.
export function routeAll(edges, positions) {
  const boxes = Object.entries(positions).map(([name, [x, y]]) => ({ name, left: x, right: x + CARD.width, top: y, bottom: y + CARD.height }));
  const out = group(edges, (edge) => edge.from);
  const into = group(edges, (edge) => edge.to);
  const routes = new Map();
  for (const edge of edges) {
    if (!positions[edge.from] || !positions[edge.to]) continue;
    const points = route(edge, positions, boxes, out.get(edge.from) > 1, into.get(edge.to) > 1);
    const [x, y] = labelAt(points, into.get(edge.to) > 1);
    const twin = Number(edge.key.split("#").pop()); // chips of several edges between the same two nodes stand in a pile
    routes.set(edge.key, { points, label: [x, y - twin * 22] });
  }
  return routes;
}

function group(edges, key) {
  const counts = new Map();
  for (const edge of edges) counts.set(key(edge), (counts.get(key(edge)) ?? 0) + 1);
  return counts;
}

function route(edge, positions, boxes, splits, joins) {
  const [sx, sy] = [positions[edge.from][0] + CARD.width / 2, positions[edge.from][1] + CARD.height];
  const [tx, ty] = [positions[edge.to][0] + CARD.width / 2, positions[edge.to][1]];
  const others = boxes.filter((box) => box.name !== edge.from && box.name !== edge.to);
  const candidates = [];
  if (ty - sy >= 2 * GAP) {
    if (sx === tx) candidates.push([[sx, sy], [tx, ty]]);
    const short = ty - sy < 130;
    const middle = (sy + ty) / 2;
    const rails = short ? [middle] : splits || !joins ? [sy + STUB, ty - STUB, middle] : [ty - STUB, sy + STUB, middle];
    for (const y of rails) candidates.push([[sx, sy], [sx, y], [tx, y], [tx, ty]]);
  }
  for (const lane of lanes(sx, tx, sy, ty, boxes)) {
    candidates.push([[sx, sy], [sx, sy + STUB], [lane, sy + STUB], [lane, ty - STUB], [tx, ty - STUB], [tx, ty]]);
  }
  return best(candidates, others);
}

// Columns between the cards in which a long edge can run past them, nearest first.
function lanes(sx, tx, sy, ty, boxes) {
  const [low, high] = [Math.min(sy, ty - STUB), Math.max(sy + STUB, ty)];
  const near = boxes.filter((box) => box.bottom > low - STUB && box.top < high + STUB);
  const columns = new Set(near.flatMap((box) => [box.left - GAP, box.right + GAP]));
  return [...columns].sort((a, b) => Math.abs(a - sx) + Math.abs(a - tx) - Math.abs(b - sx) - Math.abs(b - tx)).slice(0, 8);
}

function best(candidates, boxes) {
  let found = null;
  let least = Infinity;
  for (const points of candidates) {
    const price = crossings(points, boxes) * 10_000 + length(points) + points.length * 12;
    if (price < least) [found, least] = [points, price];
    if (least < 10_000 && points.length <= 4) break; // a simple free way: no need to look on
  }
  return tidy(found);
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
