// The ways on that a node is known to have: those that its type and config name (engine/language/ways.py), and for what runs, that it
// fails. A way is {label, condition, on}, as an edge along it says.
import { isDefault } from "../frame/format.js";
import { waysOn } from "./graph.js";

const FAILED = { label: "on error", condition: null, on: "error" };
const NONE = [];

export function waysOf(node, spec) {
  const own = node.ways ?? NONE;
  return spec?.runs && !own.some(({ on }) => on === "error") ? [...own, FAILED] : own;
}

// Quotes, spaces and "== true" make no other condition.
const bare = (condition) => (condition ?? "").replaceAll('"', "'").replace(/\s+/g, " ").replace(/ == true$/, "").trim();

// The edge that goes this way, if there is one.
export const edgeAlong = (edges, name, way) => edges.find((edge) => edge.from === name && edge.on === way.on && bare(edge.condition) === bare(way.condition));

// What an edge along it says beside its ends.
export const saying = (way) => ({ condition: way?.condition ?? null, ...(way && way.on !== "success" && { on: way.on }) });

// The ways on without a condition of a node that can take only one of them: empty unless there are several.
export function undecided({ graph, view }, name) {
  if (!graph || view.specs[graph.byName.get(name)?.type]?.branches) return NONE;
  const plain = waysOn(graph, name).filter((edge) => edge.on === "success" && isDefault(edge.condition));
  return plain.length > 1 ? plain : NONE;
}

const PREFIX = "way:";
export const portOf = (index) => `${PREFIX}${index}`;

// The way whose port it is that a line comes from; null for the card's own port.
export function wayAt(state, name, port) {
  const node = state.graph.byName.get(name);
  return port?.startsWith(PREFIX) && node ? waysOf(node, state.view.specs[node.type])[Number(port.slice(PREFIX.length))] ?? null : null;
}
