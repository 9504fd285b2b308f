// What a search finds: commands, nodes by name, purpose and content, edges by their condition, notes by their text.
import { COMMANDS, whyNot } from "../core/commands.js";
import { edgeLabel } from "../frame/format.js";
import { countOutgoing, edgeOf } from "../graph/graph.js";

const MOST = 60;
const AROUND = 28; // characters of a text before and after what was found

export function findCommands(session, words) {
  return COMMANDS
    .filter((command) => command.id !== "palette" && holds(words, `${command.title} ${command.group} ${command.words ?? ""}`))
    .map((command) => ({ kind: "command", id: command.id, title: command.title, group: command.group, keys: command.keys?.[0], why: whyNot(session, command.id) }));
}

export function findParts({ graph, notes, view }, words) {
  if (!graph) return [];
  const out = countOutgoing(graph.edges);
  const nodes = graph.nodes.map((node) => nodeFound(node, view.specs[node.type], words)).filter(Boolean).sort((a, b) => a.rank - b.rank);
  const edges = words.length ? graph.edges.map((edge) => edgeFound(edge, edgeLabel(edge, out.get(edge.from)), words)).filter(Boolean) : [];
  const remarks = words.length ? [...notes].filter(([, note]) => holds(words, note.text)).map(([id, note]) => ({ kind: "note", id, title: around(note.text, words[0]), group: "Notes" })) : [];
  return [...nodes, ...edges, ...remarks].slice(0, MOST);
}

function nodeFound(node, spec, words) {
  const heads = [node.name, spec?.title ?? node.type, node.subtitle ?? "", node.description ?? ""].join(" ");
  const found = { kind: "node", id: node.name, title: node.name, type: node.type, detail: node.subtitle, group: "Nodes" };
  if (holds(words, heads)) return { ...found, rank: node.name.toLowerCase().startsWith(words[0] ?? "") ? 0 : 1 };
  const text = textIn(node.raw);
  return holds(words, `${heads} ${text}`) ? { ...found, detail: around(text, words.find((word) => text.toLowerCase().includes(word))), rank: 2 } : null;
}

function edgeFound(edge, label, words) {
  if (!holds(words, `${edge.condition ?? ""} ${label ?? ""}`)) return null;
  return { kind: "edge", id: edge.key, title: `${edge.from} → ${edge.to}`, detail: edge.condition ?? label, group: "Edges" };
}

const holds = (words, text) => {
  const low = text.toLowerCase();
  return words.every((word) => low.includes(word));
};

// All texts inside of a node's data, one after the other.
function textIn(value) {
  if (value === null || typeof value !== "object") return String(value ?? "");
  return Object.entries(value).map(([key, item]) => `${Array.isArray(value) ? "" : key} ${textIn(item)}`).join(" ");
}

function around(text, word) {
  const at = text.toLowerCase().indexOf(word ?? "");
  const [from, to] = [Math.max(0, at - AROUND), at + (word?.length ?? 0) + AROUND];
  return `${from ? "…" : ""}${text.slice(from, to).replace(/\s+/g, " ")}${to < text.length ? "…" : ""}`;
}

// Go to what was found.
export function go(session, found) {
  if (found.kind === "node") session.select([found.id], { reveal: true });
  if (found.kind === "note") session.select([], { notes: [found.id], reveal: true });
  if (found.kind !== "edge") return;
  session.select([], { edge: found.id });
  session.set({ reveal: { nodes: [edgeOf(session.state.graph, found.id).from], notes: [], at: Date.now() } });
}
