// Copying is writing YAML: it can be pasted into another workflow, another tab, or a file; and YAML from anywhere can be
// pasted here.
import { linesOfNode } from "../graph/graph.js";
import { CARD } from "../graph/layered.js";
import { freeSpot } from "../graph/places.js";
import { pinned, removeSelected } from "./actions.js";
import { readFragment } from "./api.js";
import { groupsWithCopies } from "./notes.js";

const BESIDE = 40;

// The selected nodes with the edges between them, as the file says it.
export function selectedYaml(session) {
  const { selected, graph, positions } = session.state;
  const nodes = graph.nodes.filter((node) => selected.nodes.includes(node.name));
  if (!nodes.length) return null;
  const names = new Set(nodes.map((node) => node.name));
  const edges = graph.edges.filter((edge) => names.has(edge.from) && names.has(edge.to));
  const places = nodes.map(({ name }) => `    ${plain(name)}: [${positions.get(name).join(", ")}]`);
  return [
    "nodes:", ...nodes.map((node) => written(session, node)),
    ...(edges.length ? ["edges:", ...edges.map(edgeLine)] : []),
    "ui:", "  nodes:", ...places, "",
  ].join("\n");
}

// The node's own lines where it stands as a block; where it stands in one line with others, its data: JSON is YAML.
function written(session, node) {
  const doc = session.view.state.doc;
  const [first, last] = linesOfNode(session.state.graph, node.name);
  const dash = /^( *)- /.exec(doc.line(first).text);
  if (!dash) return `  - ${JSON.stringify(node.raw)}`;
  const lines = [];
  for (let n = first; n <= Math.min(last, doc.lines); n += 1) lines.push(`  ${doc.line(n).text.replace(/\r$/, "").slice(dash[1].length)}`);
  return lines.join("\n").trimEnd();
}

// A name as YAML reads it back: quoted where it would be something else.
const plain = (name) => (/^(null|true|false|yes|no|on|off|y|n)$/i.test(name) ? JSON.stringify(name) : name);

const edgeLine = ({ from, to, condition, on, label }) => {
  const extra = [on && on !== "success" ? `, on: ${on}` : "", label ? `, label: ${JSON.stringify(label)}` : ""].join("");
  return `  - {from: ${plain(from)}, to: ${plain(to)}, condition: ${JSON.stringify(condition)}${extra}}`;
};

export async function copy(session, done = "copied") {
  const text = selectedYaml(session);
  if (!text) return;
  session.clip = text;
  await navigator.clipboard?.writeText(text).catch(() => {});
  tell(session, done);
}

export async function cut(session) {
  await copy(session, "cut");
  removeSelected(session);
}

export async function paste(session) {
  const text = await navigator.clipboard?.readText().catch(() => "");
  await pasteText(session, text || session.clip);
}

export function duplicate(session) {
  const { selected, graph } = session.state;
  return pasteText(session, selectedYaml(session), graph.nodes.map((node) => node.name).filter((name) => selected.nodes.includes(name)));
}

function tell(session, done) {
  const { nodes } = session.state.selected;
  session.say(`${nodes.length === 1 ? nodes[0] : `${nodes.length} nodes`} ${done}.`);
}

// Keyboard copies and pastes come as events of the browser; they need no permission.
export function clipboardEvents(session, isElsewhere) {
  const taking = (event, done) => {
    if (isElsewhere(event.target) || String(window.getSelection())) return false;
    const text = selectedYaml(session);
    if (!text) return false;
    session.clip = text;
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    tell(session, done);
    return true;
  };
  const handlers = {
    copy: (event) => taking(event, "copied"),
    cut: (event) => !session.whyNot && taking(event, "cut") && removeSelected(session),
    paste: (event) => {
      if (isElsewhere(event.target)) return;
      event.preventDefault();
      pasteText(session, event.clipboardData.getData("text/plain") || session.clip);
    },
  };
  for (const [name, handler] of Object.entries(handlers)) document.addEventListener(name, handler);
  return () => {
    for (const [name, handler] of Object.entries(handlers)) document.removeEventListener(name, handler);
  };
}

// `originals`: the nodes of this workflow that these are copies of, in their order.
export async function pasteText(session, text, originals = []) {
  if (session.whyNot) return session.fail(session.whyNot);
  if (!text?.trim()) return session.fail("There is nothing to paste. Copy nodes here, or YAML with `nodes:` from anywhere.");
  let found;
  try {
    const { graph, view } = session.state;
    found = await readFragment(text, graph.nodes.map((node) => node.name), graph.nodes.some((node) => view.specs[node.type]?.entry));
  } catch (error) {
    return session.fail(error.message);
  }
  return put(session, found, originals.length === found.nodes.length ? originals : []);
}

// Beside what stands there.
function put(session, { nodes, edges, layout, said }, originals) {
  const edits = [...nodes.map((node) => ({ op: "add_node", node, after: null })), ...edges.map((edge) => ({ op: "add_edge", condition: null, ...edge }))];
  const done = (reply) => {
    if (reply.error) return;
    session.select(nodes.map((node) => node.name), { reveal: true });
    if (said) session.say(said);
  };
  const copies = new Map(originals.map((name, i) => [name, nodes[i].name]));
  const laid = () => {
    const groups = groupsWithCopies(session.layout.groups, copies);
    return { ...pinned(session, placesFor(nodes, layout, session.state.positions)), ...(groups.size && { groups }) };
  };
  return session.edit(() => ({ edits, layout: laid() }), { after: done });
}

// As they stood to each other, moved together until none covers a card.
function placesFor(nodes, layout, positions) {
  const own = (node, i) => layout[node.name] ?? [0, i * (CARD.height + 70)];
  const wish = nodes.map((node, i) => own(node, i).map((value) => value + BESIDE));
  const [x, y] = wish[0];
  const free = freeSpot([x, y], positions);
  const placed = new Map(positions);
  return nodes.map((node, i) => {
    const at = freeSpot([wish[i][0] + free[0] - x, wish[i][1] + free[1] - y], placed);
    placed.set(node.name, at);
    return [node.name, at];
  });
}
