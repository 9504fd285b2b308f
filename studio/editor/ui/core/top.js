// What stands at the top of the file beside nodes and edges: triggers and variables, each an item of a list, as span edits.
//
// A list is "triggers" or "variables". An item is known by its key: its type, or "variable", and the how-manieth of those it is.
import { failed } from "./actions.js";
import { freeName } from "../graph/graph.js";

const kindOf = (raw) => raw.type;
const KINDS = { triggers: kindOf, variables: () => "variable" };

// [{key, index, raw, ...}] of a list, as the graph has it.
export function itemsOf(graph, list) {
  const seen = new Map();
  return graph.top[list].map((item) => {
    const kind = KINDS[list](item.raw);
    const number = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, number);
    return { ...item, key: `${kind}#${number}` };
  });
}

const find = (graph, list, key) => itemsOf(graph, list).find((item) => item.key === key);

// `path` within the item; without a value it is taken out, and so is the last of its config's keys together with the config.
export function setIn(session, list, key, path, value) {
  const build = (graph) => {
    const item = find(graph, list, key);
    if (!item) return null;
    if (value !== undefined) return { edits: [{ op: "set_top", path: [list, item.index, ...path], value }] };
    const gone = path.length > 1 && Object.keys(item.raw[path[0]] ?? {}).length === 1 ? path.slice(0, 1) : path;
    return { edits: [{ op: "unset_top", path: [list, item.index, ...gone] }] };
  };
  session.edit(build, { field: `${list}/${key}/${path.join("/")}` });
}

// Also where it is read: in prompts, conditions and whatever else names it.
export function renameVariable(session, key, to) {
  session.edit((graph) => {
    const item = find(graph, "variables", key);
    return item && { edits: [{ op: "rename_variable", index: item.index, to }] };
  });
}

// `then(key)` hears of the new item when it is there.
export function addTo(session, list, raw, then) {
  const taken = new Set(itemsOf(session.state.graph, list).map((item) => item.raw.name));
  const item = { name: freeName(raw.name, taken), ...Object.fromEntries(Object.entries(raw).filter(([key]) => key !== "name")) };
  const build = (graph) => {
    const index = graph.top[list].reduce((most, { index: one }) => Math.max(most, one + 1), 0);
    return { edits: [index ? { op: "set_top", path: [list, index], value: item } : { op: "set_top", path: [list], value: [item] }] };
  };
  session.edit(build, { after: (reply) => failed(reply) || then?.(itemsOf(session.state.graph, list).at(-1).key) });
}

// With the last one the list itself goes.
export function removeFrom(session, list, key) {
  session.edit((graph) => {
    const item = find(graph, list, key);
    return item && { edits: [{ op: "unset_top", path: graph.top[list].length > 1 ? [list, item.index] : [list] }] };
  });
}
