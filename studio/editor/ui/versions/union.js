// Two graphs as one: all that is in the new one, and what was removed where it stood.
import { readGraph } from "../graph/graph.js";
import { place } from "../graph/places.js";
import { routeAll } from "../graph/routes.js";
import { readLayout } from "../text/layout.js";

// {nodes: [{node, at, change}], edges: [{edge, route, change, siblings}]}; `change`: an entry of the difference, or null.
export function united({ before, after, difference }) {
  const [old, now] = [before, after].map((side) => readGraph(null, side.graph));
  const changes = new Map(difference.nodes.map((change) => [change.name, change]));
  const gone = old.nodes.filter((node) => changes.get(node.name)?.kind === "removed");
  const edges = [...now.edges, ...goneEdges(old, difference)];
  const nodes = [...now.nodes, ...gone];
  const places = placed(nodes, edges, readLayout(before.layout).nodes, readLayout(after.layout).nodes, difference);
  const routes = routeAll(edges, places);
  const changed = edgeChanges(now, difference);
  const siblings = (edge) => edges.filter((one) => one.from === edge.from).length;
  return {
    nodes: nodes.map((node) => ({ node, at: places.get(node.name), change: changes.get(node.name) ?? null })),
    edges: edges.filter((edge) => routes.has(edge.key)).map((edge) => ({
      edge, route: routes.get(edge.key), siblings: siblings(edge), change: edge.gone ?? changed.get(edge.key) ?? null,
    })),
  };
}

// Their numbers start behind those of the new edges, so that no two have one key.
function goneEdges(old, difference) {
  return difference.edges.filter((change) => change.kind === "removed").map((change, n) => {
    const edge = old.edges[old.edgePlaces.findIndex((at) => at[0] === change.before)];
    return edge && { ...edge, from: change.from, to: change.to, key: `${change.from}->${change.to}#gone${n}#0`, gone: change };
  }).filter(Boolean);
}

function edgeChanges(now, difference) {
  const found = new Map();
  for (const change of difference.edges) {
    const edge = change.after === null ? null : now.edges[now.edgePlaces.findIndex((at) => at[0] === change.after)];
    if (edge) found.set(edge.key, change);
  }
  return found;
}

// As in the new layout; what was removed stands where it stood, beside whatever stands there now.
function placed(nodes, edges, was, now, difference) {
  const stored = new Map();
  const names = new Set(nodes.map((node) => node.name));
  for (const [name, at] of now) if (names.has(name)) stored.set(name, at);
  const renamed = new Map(difference.nodes.filter((change) => change.was).map((change) => [change.was, change.name]));
  for (const [old, at] of was) {
    const name = renamed.get(old) ?? old;
    if (names.has(name) && !stored.has(name) && !taken(at, stored)) stored.set(name, at);
  }
  return place(nodes, edges, stored);
}

const taken = ([x, y], stored) => [...stored.values()].some(([px, py]) => Math.abs(px - x) < 200 && Math.abs(py - y) < 60);
