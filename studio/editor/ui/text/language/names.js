// What names can stand at a place of the file: types, tools, nodes, workflows, models, paths into the data.
// Each is {label, detail?, info?}.

// By the widget that the schema names, or by where the place is.
export function namesFor(session, place, schemas) {
  const { path } = place;
  const last = path.at(-1);
  const widgets = new Set(schemas.map((schema) => schema.ui));
  const isType = path.length === 3 && path[0] === "nodes" && last === "type";
  if (isType) return types(session);
  if (widgets.has("tool") || last === "tool_name") return tools(session);
  if (widgets.has("workflow")) return workflows(session);
  if (widgets.has("model")) return session.state.view.models.map(({ value, label }) => ({ label: value, detail: label }));
  if (widgets.has("node") || leadsToNode(path)) return nodes(session);
  return null;
}

const leadsToNode = (path) => (path[0] === "edges" && path.length === 3 && ["from", "to"].includes(path[2])) || ["next_node", "fallback_node"].includes(path.at(-1)) || path.slice(-2).join(".") === "on_error.node";

export const types = ({ state }) => Object.values(state.view.specs).map(({ type, title, summary }) => ({ label: type, detail: title, info: summary }));
export const tools = ({ state }) => state.view.tools.map(({ name, title, description }) => ({ label: name, detail: title, info: description }));
export const workflows = ({ state }) => state.view.workflows.map((name) => ({ label: name, detail: "workflow" }));
export const nodes = ({ state }) => (state.graph?.nodes ?? []).map((node) => ({ label: node.name, detail: node.type, info: node.description }));

// The parameters that a tool's schema names, for `parameters` of the node or the agent's tool around the place.
export function toolParameters({ state }, { path, maps }) {
  if (path.at(-1) !== "parameters") return null;
  const named = maps.at(-2)?.tool_name;
  return state.view.tools.find((tool) => tool.name === named)?.parameters ?? null;
}

const ALWAYS = ["message", "conversation_id", "customer_id", "reply_text", "error"];
const FUNCTIONS = ["len", "lower", "upper", "contains", "matches", "round", "min", "max", "now", "default", "text", "number", "date", "trim", "split", "join", "replace", "slice", "pluck"];

// Is this a place for an expression? Conditions, and fields whose widget says so.
export const isExpression = ({ path }, schemas) => path.at(-1) === "condition" || schemas.some((schema) => schema.ui === "expression" || schema.values === "expression");
export const isTemplate = (schemas) => schemas.some((schema) => ["prompt", "textarea", "text", "value", "key_value"].includes(schema.ui) || schema.type === "string");

// Paths into a run's data that the file itself tells of: inputs, variables, and what nodes and conditions name.
export function paths(session) {
  const { graph } = session.state;
  const found = new Map();
  const add = (label, detail) => found.has(label) || found.set(label, { label, detail });
  for (const key of Object.keys(graph?.top.inputs?.properties ?? {})) {
    add(`context.${key}`, "input");
    add(`inputs.${key}`, "input");
  }
  for (const node of graph?.nodes ?? []) {
    const { output_key: key, output_schema: schema } = node.config;
    if (typeof key === "string") add(`context.${key}`, `from ${node.name}`);
    for (const field of Object.keys(schema?.properties ?? {})) add(`context.${field}`, `from ${node.name}`);
    add(`nodes.${node.name}.output`, "output");
  }
  for (const { condition } of graph?.edges ?? []) for (const [path] of (condition ?? "").matchAll(/\bcontext(?:\.\w+)+/g)) add(path, "read by a condition");
  for (const key of ALWAYS) add(`context.${key}`, "always there");
  return [...found.values()];
}

export const functions = () => FUNCTIONS.map((name) => ({ label: name, detail: "function", apply: `${name}(` }));
