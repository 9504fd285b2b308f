// Deterministic layered layout, top to bottom, in near-linear time (the steps of Sugiyama, Tagawa and Toda, 1981):
// layers by longest path, order within a layer by the mean place of the neighbours, then x by least squares.
export const CARD = { width: 200, height: 60 };
export const GRID = 20;

const GAP = { x: 40, y: 70, lane: 20 };
const SWEEPS = 6;
const LONGEST = 8; // an edge over more layers than this is not given a lane of its own

export const snap = (value) => Math.round(value / GRID) * GRID;

// A Map of name to the [x, y] of the upper left corner.
export function layered(nodes, edges) {
  const names = nodes.map((node) => node.name);
  const known = new Set(names);
  const links = forward(names, edges.filter((edge) => edge.from !== edge.to && known.has(edge.from) && known.has(edge.to)));
  const rank = ranks(names, links);
  const items = new Map(names.map((name) => [name, item(name, rank.get(name))]));
  for (const link of links) thread(items, link);
  const layers = group([...items.values()]);
  order(layers);
  const placed = spread(layers);
  return new Map(names.map((name) => [name, [snap(placed.get(name) - CARD.width / 2), rank.get(name) * snap(CARD.height + GAP.y)]]));
}

const item = (name, layer, width = CARD.width) => ({ name, layer, width, up: [], down: [], at: 0, x: 0 });

// The edges as they point once those that close a cycle are turned round (depth first, in the order of the file).
function forward(names, edges) {
  const out = new Map(names.map((name) => [name, []]));
  const hasWayIn = new Set();
  for (const edge of edges) {
    out.get(edge.from).push(edge.to);
    hasWayIn.add(edge.to);
  }
  const state = new Map();
  const links = [];
  for (const root of [...names.filter((name) => !hasWayIn.has(name)), ...names]) walk(root, out, state, links);
  return links;
}

function walk(root, out, state, links) {
  if (state.has(root)) return;
  const stack = [[root, 0]];
  state.set(root, "open");
  while (stack.length) {
    const top = stack[stack.length - 1];
    const to = out.get(top[0])[top[1]];
    top[1] += 1;
    if (to === undefined) {
      state.set(top[0], "done");
      stack.pop();
    } else {
      links.push(state.get(to) === "open" ? [to, top[0]] : [top[0], to]);
      if (!state.has(to)) {
        state.set(to, "open");
        stack.push([to, 0]);
      }
    }
  }
}

// Each node one layer below the lowest of those before it; a node without any stands right above what follows it.
function ranks(names, links) {
  const rank = new Map(names.map((name) => [name, 0]));
  const out = new Map(names.map((name) => [name, []]));
  const waits = new Map(names.map((name) => [name, 0]));
  for (const [from, to] of links) {
    out.get(from).push(to);
    waits.set(to, waits.get(to) + 1);
  }
  const roots = names.filter((name) => !waits.get(name));
  const ready = [...roots];
  for (let i = 0; i < ready.length; i += 1) {
    for (const to of out.get(ready[i])) {
      rank.set(to, Math.max(rank.get(to), rank.get(ready[i]) + 1));
      waits.set(to, waits.get(to) - 1);
      if (!waits.get(to)) ready.push(to);
    }
  }
  for (const root of roots.slice(1)) {
    const next = out.get(root).map((to) => rank.get(to));
    if (next.length) rank.set(root, Math.min(...next) - 1);
  }
  return rank;
}

// Neighbours of a link; where it passes layers it gets a narrow lane in each, so that no card stands in its way.
function thread(items, [from, to]) {
  const [first, last] = [items.get(from), items.get(to)];
  let above = first;
  if (last.layer - first.layer <= LONGEST) {
    for (let layer = first.layer + 1; layer < last.layer; layer += 1) {
      const lane = item(`${from}\n${to}\n${layer}\n${items.size}`, layer, GAP.lane);
      items.set(lane.name, lane);
      join(above, lane);
      above = lane;
    }
  }
  join(above, last);
}

function join(above, below) {
  above.down.push(below);
  below.up.push(above);
}

function group(items) {
  const layers = [];
  for (const one of items) (layers[one.layer] ??= []).push(one);
  layers.forEach((layer) => layer.forEach((one, i) => { one.at = i; }));
  return layers;
}

function order(layers) {
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      const wish = new Map(layer.map((one) => [one, mean((down ? one.up : one.down).map((other) => other.at), one.at)]));
      layer.sort((a, b) => wish.get(a) - wish.get(b) || a.at - b.at);
      layer.forEach((one, i) => { one.at = i; });
    }
  }
}

const mean = (values, otherwise) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : otherwise);

// Centres: every card as near to the mean of its neighbours as the order and the gaps allow. {name: x}
function spread(layers) {
  for (const layer of layers) settle(layer, layer.map((one, i) => i * (CARD.width + GAP.x)));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      settle(layer, layer.map((one) => mean([...one.up, ...one.down].map((other) => other.x), one.x)));
    }
  }
  const all = layers.flat();
  const left = Math.min(...all.map((one) => one.x - one.width / 2));
  return new Map(all.map((one) => [one.name, one.x - left + GAP.x]));
}

// The least-squares places for these wishes under "each at least so far right of the one before" (pool adjacent violators).
function settle(layer, wishes) {
  const offsets = [];
  let offset = 0;
  layer.forEach((one, i) => {
    if (i) offset += (layer[i - 1].width + one.width) / 2 + GAP.x;
    offsets.push(offset);
  });
  const blocks = [];
  wishes.forEach((wish, i) => {
    let block = { sum: wish - offsets[i], size: 1 };
    while (blocks.length && blocks.at(-1).sum / blocks.at(-1).size > block.sum / block.size) {
      const before = blocks.pop();
      block = { sum: before.sum + block.sum, size: before.size + block.size };
    }
    blocks.push(block);
  });
  let i = 0;
  for (const block of blocks) {
    for (let n = 0; n < block.size; n += 1, i += 1) layer[i].x = block.sum / block.size + offsets[i];
  }
}
