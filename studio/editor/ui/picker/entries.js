// What the picker offers: node types, the tenant's tools and workflows, notes. An entry is
// {key, title, summary, group, icon, words, what} with `what` for addNode, or {note: true}.
import { addNode } from "../core/actions.js";
import { addNote } from "../core/notes.js";

export const GROUPS = {
  flow: "Flow", model: "Models", tools: "Tools", data: "Data", people: "People", msg: "Messages", safe: "Safety",
  tool: "Tools of this tenant", workflow: "Workflows of this tenant", canvas: "On the canvas",
};
export const DRAG_TYPE = "application/x-heddle-node";
const ORDER = Object.keys(GROUPS);
const MAX_SHOWN = 80;

let dragged = null; // the entry under the mouse; a drop reads it, since dataTransfer carries only text
export const drag = (entry) => void (dragged = entry);
export function takeDragged() {
  const entry = dragged;
  dragged = null;
  return entry;
}

export function entriesOf({ specs, tools, workflows }) {
  const types = Object.values(specs).filter((spec) => !spec.remark);
  const holder = (widget) => types.find((spec) => spec.fields.some((field) => field.widget === widget && field.required));
  return [
    ...types.map((spec) => ({ key: spec.type, title: spec.title, summary: spec.summary, group: spec.group, icon: spec.icon, colour: spec.group, words: spec.type, spec, what: { type: spec.type } })),
    ...filled(holder("tool"), "tool", tools.map((tool) => ({ ...tool, value: tool.name }))),
    ...filled(holder("workflow"), "workflow", workflows.map((name) => ({ name, value: name, title: name, description: `Runs ${name} as a step.` }))),
    { key: "sticky", title: "Sticky note", summary: "A remark beside the nodes; stands in the layout, not in the file.", group: "canvas", icon: "sticky-note", colour: "people", words: "comment", note: true },
  ];
}

// A node of the type whose field of that widget names the tool or workflow.
function filled(spec, widget, values) {
  if (!spec) return [];
  const { key } = spec.fields.find((field) => field.widget === widget && field.required);
  return values.map((one) => ({
    key: `${widget}:${one.name}`, title: one.title ?? one.name, summary: one.description, group: widget, icon: one.icon ?? spec.icon, colour: spec.group,
    words: `${one.name} ${one.connector ?? ""}`, spec, what: { type: spec.type, name: one.name.split(".").pop(), config: { ...spec.initial, [key]: one.value, ...parametersOf(spec, one) } },
  }));
}

// A tool's required parameters, each to be filled from the context value of its name.
function parametersOf(spec, { parameters }) {
  const required = parameters?.required ?? [];
  if (!required.length || !spec.fields.some((field) => field.key === "parameters")) return {};
  return { parameters: Object.fromEntries(required.map((name) => [name, `context.${name}`])) };
}

// `from`: what may follow a node; `to`: what may come before one; `edge`: what may stand in between.
export function search(entries, query, { from, to, edge, hasStart }) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const connected = from || to || edge;
  const fits = ({ title, summary, words: more, spec, note }) => {
    if (note && connected) return false;
    if (spec?.entry && (hasStart || from || edge)) return false;
    if ((to || edge) && spec && !spec.leads) return false;
    const text = `${title} ${more} ${summary}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const rank = ({ title, words: more }) => {
    if (!words.length) return 0;
    const [name, first] = [title.toLowerCase(), words[0]];
    return name.startsWith(first) || more.toLowerCase().startsWith(first) ? 0 : name.includes(first) ? 1 : 2;
  };
  return entries
    .filter(fits)
    .map((entry) => ({ entry, rank: rank(entry) }))
    .sort((a, b) => a.rank - b.rank || ORDER.indexOf(a.entry.group) - ORDER.indexOf(b.entry.group) || a.entry.title.localeCompare(b.entry.title))
    .slice(0, MAX_SHOWN)
    .map(({ entry }) => entry);
}

// `into`: the edge in which it stands if it leads on.
export function place(session, entry, { at, from, to, edge, into, way } = {}) {
  if (entry.note) addNote(session, at);
  else addNode(session, entry.what, { at, from, to, edge: edge ?? (entry.spec?.leads && !entry.spec.entry ? into : undefined), way });
  session.set({ picker: null });
}
