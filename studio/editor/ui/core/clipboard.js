// Copying is writing YAML: it can be pasted into another workflow, another tab, or a file; and YAML from anywhere can be
// pasted here.
import { things } from "../frame/format.js";
import { linesOfNode } from "../graph/graph.js";
import { CARD } from "../graph/layered.js";
import { freeSpot } from "../graph/places.js";
import { newId } from "../text/layout.js";
import { isTooLong, tooLong } from "../text/longest.js";
import { pinned, removeSelected } from "./actions.js";
import { readFragment } from "./api.js";
import { groupsWithCopies, wholeGroups } from "./notes.js";

const BESIDE = 40;

// The selected nodes with the edges between them, as the file says it; notes, and groups that are wholly selected, as a file
// with its layout in it would.
export function selectedYaml(session) {
  const { selected, graph, notes } = session.state;
  const nodes = (graph?.nodes ?? []).filter((node) => selected.nodes.includes(node.name));
  const remarks = selected.notes.map((id) => notes.get(id)).filter(Boolean);
  if (!nodes.length && !remarks.length) return null;
  const names = new Set(nodes.map((node) => node.name));
  const edges = (graph?.edges ?? []).filter((edge) => names.has(edge.from) && names.has(edge.to));
  return [
    ...section("nodes:", nodes.map((node) => written(session, node))),
    ...section("edges:", edges.map(edgeLine)),
    "ui:", ...layoutLines(session.state, nodes, remarks), "",
  ].join("\n");
}

const section = (head, lines) => (lines.length ? [head, ...lines] : []);

function layoutLines(state, nodes, notes) {
  const groups = wholeGroups(state);
  return [
    ...section("  nodes:", nodes.map(({ name }) => `    ${plain(name)}: [${state.positions.get(name).join(", ")}]`)),
    ...section("  notes:", notes.map(({ at, size, text, color }) => `    - ${JSON.stringify({ at, size, text, color })}`)),
    ...section("  groups:", groups.map(({ title, nodes: inside, color }) => `    - ${JSON.stringify({ title, nodes: inside, color })}`)),
  ];
}

// The node as the file has it; where it stands in one line with others, its data: JSON is YAML.
function written(session, node) {
  const lines = ownLines(session, node.name);
  return lines ? lines.map((line) => (line ? `  ${line}` : line)).join("\n").trimEnd() : `  - ${JSON.stringify(node.raw)}`;
}

// The lines of a node that stands as a block, from the margin on, with the comments that go with it: directly above it no deeper
// than its dash, and below its end (engine/language/layout.py, extent). Null while the lines are not known.
function ownLines({ state, sync, view }, name) {
  const { doc } = view.state;
  const [first, last] = linesOfNode(state.graph, name) ?? [];
  const dash = first && state.valid && sync.known.eq(doc) && /^( *)- /.exec(doc.line(first).text);
  if (!dash) return null;
  const pad = dash[1].length;
  const comment = (n) => (n < 1 || n > doc.lines ? -1 : doc.line(n).text.search(/^ *#/) < 0 ? -1 : doc.line(n).text.indexOf("#"));
  let [from, to] = [first, Math.min(last, doc.lines)];
  while (comment(from - 1) >= 0 && comment(from - 1) <= pad) from -= 1;
  while (comment(to + 1) > pad) to += 1;
  const lines = [];
  for (let n = from; n <= to; n += 1) lines.push(doc.line(n).text.replace(/\r$/, "").replace(new RegExp(`^ {0,${pad}}`), ""));
  return lines;
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
  const comments = withComments(session);
  await copy(session, "cut");
  removeSelected(session, comments);
}

// Of which of the selected nodes the comments are in what is copied, so that they may go.
const withComments = (session) => new Set(session.state.selected.nodes.filter((name) => ownLines(session, name)));

export async function paste(session) {
  const text = await navigator.clipboard?.readText().catch(() => "");
  await pasteText(session, text || session.clip);
}

export function duplicate(session) {
  const { selected, graph } = session.state;
  return pasteText(session, selectedYaml(session), graph.nodes.map((node) => node.name).filter((name) => selected.nodes.includes(name)));
}

function tell(session, done) {
  const { selected } = session.state;
  session.say(`${selected.nodes.length === 1 && !selected.notes.length ? selected.nodes[0] : things(selected)} ${done}.`);
}

// Keyboard copies and pastes come as events of the browser; they need no permission.
export function clipboardEvents(session, isElsewhere) {
  const taking = (event, done) => {
    if (isElsewhere(event.target) || String(window.getSelection())) return undefined;
    const text = selectedYaml(session);
    if (!text) return undefined;
    if (done === "cut" && session.whyNotSelected) return session.fail(session.whyNotSelected);
    session.clip = text;
    event.clipboardData.setData("text/plain", text);
    event.preventDefault();
    tell(session, done);
    return done === "cut" ? removeSelected(session, withComments(session)) : undefined;
  };
  const handlers = {
    copy: (event) => taking(event, "copied"),
    cut: (event) => taking(event, "cut"),
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
  if (!text?.trim()) return session.fail("There is nothing to paste. Copy nodes or notes here, or YAML with `nodes:` from anywhere.");
  const { graph, view } = session.state;
  if (isTooLong(text, view.max_text)) return session.fail(tooLong(view.max_text));
  let found;
  try {
    found = await readFragment(text, graph.nodes.map((node) => node.name), graph.nodes.some((node) => view.specs[node.type]?.entry));
  } catch (error) {
    return session.fail(error.message);
  }
  return put(session, found, originals.length === found.nodes.length ? originals : []);
}

// Beside what stands there.
function put(session, { nodes, written: texts, edges, layout, notes, groups, said }, originals) {
  const edits = [...nodes.map((node, i) => ({ op: "add_node", node, ...(texts[i] && { text: texts[i] }), after: null })), ...edges.map((edge) => ({ op: "add_edge", condition: null, ...edge }))];
  const keys = notes.map(newId);
  const done = (reply) => {
    if (reply.error) return;
    session.select(nodes.map((node) => node.name), { notes: keys, reveal: true });
    if (said) session.say(said);
  };
  const copies = new Map(originals.map((name, i) => [name, nodes[i].name]));
  const laid = () => {
    const places = placesFor(nodes, layout, session.state.positions);
    const by = nodes.length ? places[0][1].map((value, i) => value - ownPlace(nodes[0], 0, layout)[i]) : [BESIDE, BESIDE];
    const pasted = notesFor(notes, by, session.layout.notes);
    const framed = new Map([...groupsWithCopies(session.layout.groups, copies), ...groups.map((group) => [newId(), group])]);
    return { ...(places.length && pinned(session, places)), ...(pasted.length && { notes: new Map(pasted.map((note, i) => [keys[i], note])) }), ...(framed.size && { groups: framed }) };
  };
  return session.edit(() => ({ edits, layout: laid() }), { after: done });
}

const ownPlace = (node, i, layout) => layout[node.name] ?? [0, i * (CARD.height + 70)];

// As they stood to each other, moved together until none covers a card.
function placesFor(nodes, layout, positions) {
  if (!nodes.length) return [];
  const wish = nodes.map((node, i) => ownPlace(node, i, layout).map((value) => value + BESIDE));
  const [x, y] = wish[0];
  const free = freeSpot([x, y], positions);
  const placed = new Map(positions);
  return nodes.map((node, i) => {
    const at = freeSpot([wish[i][0] + free[0] - x, wish[i][1] + free[1] - y], placed);
    placed.set(node.name, at);
    return [node.name, at];
  });
}

// Moved by as much as the cards, and further until none lies exactly on another.
function notesFor(notes, [across, down], there) {
  const taken = new Set([...there.values()].map(({ at }) => String(at)));
  const free = ([x, y]) => (taken.has(String([x, y])) ? free([x + BESIDE, y + BESIDE]) : [x, y]);
  return notes.map((note) => {
    const at = free([note.at[0] + across, note.at[1] + down]);
    taken.add(String(at));
    return { ...note, at };
  });
}
