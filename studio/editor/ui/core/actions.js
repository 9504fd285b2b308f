// What a person can do to the graph, as span edits and changes of the layout. Each is one step of the history.
import { isDefault } from "../frame/format.js";
import { edgeOf, freeName, placeOfEdge, waysOn } from "../graph/graph.js";
import { between, freeSpot } from "../graph/places.js";
import { saying, undecided } from "../graph/ways.js";
import { CARD, layered } from "../graph/layered.js";
import { moved } from "../run/pins.js";
import { renamedIn } from "../text/layout.js";

const BELOW = 140; // from one row of cards to the next

export const failed = (reply) => reply.error || reply.revision === undefined;
const names = (session) => new Set(session.state.graph.nodes.map((node) => node.name));

// The first stored place fixes all others too, or they would move with every newcomer.
export function pinned(session, nodes) {
  const stored = session.layout.nodes;
  const rest = [...session.state.positions].filter(([name]) => !stored.has(name));
  return { nodes: new Map([...rest, ...nodes]) };
}

// ---- nodes

// `what`: {type, name?, config?}. `from`, `to`: lead from there, or on to there. `edge`: stand in the middle of it.
// `at`: where the card's upper left corner is to stand. `way`: which of the ways on from there leads to it (ways.js).
export function addNode(session, what, { at, from, to, edge, way: along } = {}) {
  const spec = session.state.view.specs[what.type];
  const name = freeName(what.name ?? what.type, names(session));
  const config = what.config ?? spec.initial;
  let second = false;
  const build = (now) => {
    second = Boolean(from && at && plainWay(session.state, from, along));
    const way = edge ? edgeOf(now, edge) : from && !at && !along ? takenOver(now, from, spec) : null;
    const after = from ?? way?.from ?? null;
    const edits = [{ op: "add_node", node: { name, type: what.type, ...(config ? { config } : {}) }, after }];
    if (way) edits.push(...inserted(now, way, name, spec));
    else if (from) edits.push({ op: "add_edge", from, to: name, ...saying(along), ...beforePlain(session.state, from, along) });
    if (to) edits.push({ op: "add_edge", from: name, to, condition: null });
    const { positions } = session.state;
    const places = way ? placesOnWay(positions, now, way, name, at) : [[name, freeSpot(at ?? spotFor(after ?? to, positions, to ? -BELOW : BELOW), positions)]];
    return { edits, layout: pinned(session, places) };
  };
  session.edit(build, { after: (reply) => failed(reply) || (second ? askWhen(session, from, name) : session.select([name], { reveal: true })) });
  return name;
}

function spotFor(name, positions, by) {
  const at = positions.get(name) ?? [...positions.values()].reduce((low, one) => (one[1] > low[1] ? one : low), [0, -BELOW]);
  return [at[0], at[1] + by];
}

// A node that follows another without a place of its own takes over the single way on.
function takenOver(graph, from, spec) {
  const [way, ...more] = waysOn(graph, from);
  return way && !more.length && spec.leads && isDefault(way.condition) && way.on === "success" ? way : null;
}

// The edge leads to the node, the node on to where the edge led.
function inserted(graph, way, name, spec) {
  const edits = [{ op: "set_edge", index: placeOfEdge(graph, way.key).index, field: "to", value: name }];
  if (spec?.leads) edits.push({ op: "add_edge", from: name, to: way.to, condition: null });
  return edits;
}

// The card between the ends of an edge; those behind it give way.
function placesOnWay(positions, graph, way, name, at) {
  const room = between(graph.edges, without(positions, name), way, at);
  return [...room.moved, [name, room.at]];
}

const without = (positions, name) => new Map([...positions].filter(([other]) => other !== name));

// A node that is there already, dropped on an edge.
export function putOnEdge(session, name, key, at) {
  session.edit((graph) => {
    const way = edgeOf(graph, key);
    if (!way) return null;
    const spec = session.state.view.specs[graph.byName.get(name)?.type];
    return { edits: inserted(graph, way, name, spec), layout: pinned(session, placesOnWay(session.state.positions, graph, way, name, at)) };
  });
}

export function rename(session, from, to) {
  session.edit(() => ({ edits: [{ op: "rename_node", node: from, to }], layout: renamedIn(session.layout, from, to) }), {
    after: (reply) => {
      if (failed(reply)) return;
      session.names.changed(from, to);
      session.select([to]);
      session.set((s) => ({ pins: moved(s.pins, from, to) }));
    },
  });
}

// `comments`: the nodes whose comments go too.
export function removeSelected(session, comments = new Set()) {
  const { nodes, edge, notes } = session.state.selected;
  if (edge) return removeEdge(session, edge);
  const taken = notes.length && { notes: new Map(notes.map((id) => [id, null])) };
  if (nodes.length) return removeNodes(session, nodes, comments, taken);
  if (taken) session.lay(taken);
  return undefined;
}

function removeNodes(session, nodes, comments, more) {
  const gone = new Set(nodes);
  const { nodes: stored, groups } = session.layout;
  // What is left stays where it stands.
  const places = [...pinned(session, []).nodes].filter(([name]) => !gone.has(name));
  const layout = { nodes: new Map([...places, ...nodes.filter((name) => stored.has(name)).map((name) => [name, null])]), ...more };
  const touched = [...groups].filter(([, group]) => group.nodes.some((name) => gone.has(name)));
  if (touched.length) layout.groups = new Map(touched.map(([id, group]) => [id, shrunk(group, gone)]));
  session.edit(() => ({ edits: nodes.map((node) => ({ op: "remove_node", node, ...(comments.has(node) && { comments: true }) })), layout }), { after: () => session.select([]) });
}

function shrunk(group, gone) {
  const nodes = group.nodes.filter((name) => !gone.has(name));
  return nodes.length ? { ...group, nodes } : null;
}

// `path` begins with "config" for the node type's own fields. Typing into one field is one step of the history.
export function setField(session, node, path, value) {
  const edit = value === undefined ? { op: "unset_field", node, path } : { op: "set_field", node, path, value };
  session.edit(() => ({ edits: [edit] }), { field: `${node}/${path.join("/")}` });
}

export function setTop(session, path, value) {
  const edit = value === undefined ? { op: "unset_top", path } : { op: "set_top", path, value };
  session.edit(() => ({ edits: [edit] }), { field: `/${path.join("/")}` });
}

export function toggleDisabled(session) {
  const { selected, graph } = session.state;
  const nodes = selected.nodes.map((name) => graph.byName.get(name));
  const off = nodes.some((node) => !node.disabled);
  const edits = nodes.map(({ name }) => (off ? { op: "set_field", node: name, path: ["disabled"], value: true } : { op: "unset_field", node: name, path: ["disabled"] }));
  session.edit(() => ({ edits }));
}

// ---- edges

// `here`: what is selected stays so.
export function connect(session, from, to, way, { here = false } = {}) {
  const why = whyNoEdge(session.state, from, to);
  if (why) return session.fail(why);
  const build = () => inPlace(session, { edits: [{ op: "add_edge", from, to, ...saying(way), ...beforePlain(session.state, from, way) }] });
  return session.edit(build, { after: (reply) => failed(reply) || askWhen(session, from, to, here) });
}

// The way on that has no condition already, where another one would be one too many.
function plainWay(state, from, way) {
  const { condition, on = "success" } = saying(way);
  if (on !== "success" || !isDefault(condition) || state.view.specs[state.graph.byName.get(from)?.type]?.branches) return null;
  return waysOn(state.graph, from).find((edge) => edge.on === "success" && isDefault(edge.condition)) ?? null;
}

// The new way is to get a condition, and so to be tried first.
function beforePlain(state, from, way) {
  const plain = plainWay(state, from, way);
  return plain && { index: placeOfEdge(state.graph, plain.key).index };
}

// A second way without a condition cannot be taken: the person is led to where it gets one.
function askWhen(session, from, to, here = false) {
  const edge = undecided(session.state, from).find((one) => one.to === to);
  if (!edge) return;
  if (!here) session.select([], { edge: edge.key });
  session.set({ asksWhen: { edge: edge.key, at: Date.now() } });
}

// This one of two ways is for all that the other's condition does not fit; that one is asked for.
export function setOtherwise(session, key) {
  const { from } = edgeOf(session.state.graph, key);
  const other = undecided(session.state, from).findLast((edge) => edge.key !== key);
  const build = (graph) => withEdge(graph, key, (index) => [{ op: "move_edge", index, to: placeOfEdge(graph, waysOn(graph, from).at(-1).key).index }]);
  session.edit((graph) => inPlace(session, build(graph)), { after: (reply) => failed(reply) || askWhen(session, from, other.to) });
}

// All ways without a condition at once: a parallel node takes them.
export function goBothWays(session, from, type) {
  const name = freeName(type, names(session));
  const build = (graph) => {
    const plain = undecided(session.state, from);
    const moves = plain.map(({ key }) => ({ op: "set_edge", index: placeOfEdge(graph, key).index, field: "from", value: name }));
    const edits = [{ op: "add_node", node: { name, type }, after: from }, ...moves, { op: "add_edge", from, to: name, condition: null }];
    return { edits, layout: pinned(session, placesOnWay(session.state.positions, graph, plain[0], name)) };
  };
  session.edit(build, { after: (reply) => failed(reply) || session.select([name], { reveal: true }) });
}

export function whyNoEdge({ graph, view }, from, to) {
  if (from === to) return "A node cannot lead to itself; use a loop node.";
  if (graph.edges.some((edge) => edge.from === from && edge.to === to)) return `${from} already leads to ${to}.`;
  const target = view.specs[graph.byName.get(to)?.type];
  if (target?.entry) return "Nothing can lead to the start of a workflow.";
  return null;
}

export function setEdge(session, key, field, value) {
  const build = (graph) => withEdge(graph, key, (index) => [{ op: "set_edge", index, field, value }]);
  const leads = field === "from" || field === "to";
  session.edit((graph) => (leads ? inPlace(session, build(graph)) : build(graph)), { field: `${key}/${field}` });
}

export function moveEdge(session, key, by) {
  session.edit((graph) => inPlace(session, withEdge(graph, key, (index, edge) => {
    const siblings = waysOn(graph, edge.from);
    const other = siblings[siblings.findIndex((one) => one.key === key) + by];
    return other ? [{ op: "move_edge", index, to: placeOfEdge(graph, other.key).index }] : null;
  })));
}

export function removeEdge(session, key) {
  const build = (graph) => withEdge(graph, key, (index) => [{ op: "remove_edge", index }]);
  session.edit((graph) => inPlace(session, build(graph)), { after: () => session.select([]) });
}

// Edges come, go and lead elsewhere without moving any card.
function inPlace(session, edit) {
  const layout = pinned(session, []);
  return edit && layout.nodes.size ? { ...edit, layout } : edit;
}

function withEdge(graph, key, build) {
  const edge = edgeOf(graph, key);
  const edits = edge && build(placeOfEdge(graph, key).index, edge);
  return edits ? { edits } : null;
}

// ---- places

export function move(session, places, notePlaces = []) {
  const notes = notePlaces.filter(([id]) => session.layout.notes.has(id)).map(([id, at]) => [id, { ...session.layout.notes.get(id), at }]);
  if (places.length || notes.length) session.lay({ ...(places.length && pinned(session, places)), ...(notes.length && { notes: new Map(notes) }) });
}

export function tidy(session) {
  const { graph } = session.state;
  session.lay({ nodes: layered(graph.nodes, graph.edges) });
  session.set((s) => ({ fit: s.fit + 1 }));
}

const SIDES = {
  left: (places) => { const x = Math.min(...places.map(([px]) => px)); return ([, y]) => [x, y]; },
  right: (places) => { const x = Math.max(...places.map(([px]) => px)); return ([, y]) => [x, y]; },
  top: (places) => { const y = Math.min(...places.map(([, py]) => py)); return ([x]) => [x, y]; },
  bottom: (places) => { const y = Math.max(...places.map(([, py]) => py)); return ([x]) => [x, y]; },
  centre: (places) => { const x = middle(places.map(([px]) => px)); return ([, y]) => [x, y]; },
  middle: (places) => { const y = middle(places.map(([, py]) => py)); return ([x]) => [x, y]; },
};

const middle = (values) => Math.round((Math.min(...values) + Math.max(...values)) / 2);

export function align(session, side) {
  const places = chosen(session);
  const put = SIDES[side](places.map(([, at]) => at));
  move(session, places.map(([name, at]) => [name, put(at)]));
}

// Equal gaps between the cards, along "x" or "y".
export function distribute(session, axis) {
  const [i, size] = axis === "x" ? [0, CARD.width] : [1, CARD.height];
  const places = chosen(session).sort((a, b) => a[1][i] - b[1][i]);
  const [first, last] = [places[0][1][i], places.at(-1)[1][i]];
  const step = Math.max((last - first) / (places.length - 1), size + 20);
  move(session, places.map(([name, at], n) => [name, at.map((v, axisNumber) => (axisNumber === i ? Math.round(first + n * step) : v))]));
}

const chosen = ({ state }) => state.selected.nodes.filter((name) => state.positions.has(name)).map((name) => [name, state.positions.get(name)]);
