// Numbers, times and conditions as people read them.

export function duration(ms) {
  if (ms == null) return "";
  if (ms < 10) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function cost(micros) {
  if (!micros) return "";
  const dollars = micros / 1_000_000;
  if (dollars < 0.0001) return "<$0.0001";
  return `$${dollars.toFixed(dollars < 1 ? 4 : 2)}`;
}

export const count = (n, word) => `${n} ${word}${n === 1 ? "" : word.endsWith("ch") ? "es" : "s"}`;

// What is selected, in words: 3 nodes, 1 note
export const things = ({ nodes, notes }) => [nodes.length && count(nodes.length, "node"), notes.length && count(notes.length, "note")].filter(Boolean).join(", ");

export const isDefault = (condition) => condition == null || condition.trim() === "true" || condition.trim() === "";

const COMPARISON = /^\(*\s*(?:context\.)?([\w.]+)\s*(==|!=|>=|<=|>|<)\s*(.+?)\s*\)*$/;

const LENGTH = /^\(*\s*len\(\s*(?:context\.)?([\w.]+)\s*\)\s*(==|!=|>=|<=|>|<)\s*(\d+)\s*\)*$/;
const SIGNS = { "!=": "≠", ">=": "≥", "<=": "≤", "==": "=" };
const LONGEST = 24;

// `context.intent == 'faq'` -> faq; `context.score >= 0.7` -> score ≥ 0.7; `context.found` -> found
export function shortCondition(condition) {
  const parts = condition.trim().split(/\s+(and|or)\s+/);
  if (parts.length === 1) return clip(shortTerm(parts[0]), LONGEST);
  return clip(withoutGuards(parts).join(" "), LONGEST);
}

// `context.products and len(context.products) == 1`: the first term only guards the second, so it says nothing.
function withoutGuards(parts) {
  const terms = parts.map((part, i) => (i % 2 ? part : { raw: part, short: shortTerm(part) }));
  const shown = [];
  for (let i = 0; i < terms.length; i += 2) {
    const bare = /^[\w.]+$/.test(terms[i].raw);
    const guards = bare && terms[i + 1] === "and" && terms.slice(i + 2).some((term) => term.raw?.includes(terms[i].raw));
    if (!guards) shown.push(...(shown.length ? [terms[i - 1]] : []), terms[i].short);
  }
  return shown;
}

function shortTerm(text) {
  const size = LENGTH.exec(text);
  if (size) return `${last(size[1])} ${SIGNS[size[2]] ?? size[2]} ${size[3]}`;
  const match = COMPARISON.exec(text);
  if (!match) return text.replace(/\bcontext\.(?:\w+\.)*/g, "");
  const [, path, operator, value] = match;
  const literal = value.replace(/^(['"])(.*)\1$/, "$2");
  if (operator === "==") return literal === "true" ? last(path) : literal === "false" ? `not ${last(path)}` : literal;
  if (operator === "!=" && (literal === "" || literal === "null")) return last(path);
  return `${last(path)} ${SIGNS[operator] ?? operator} ${literal}`;
}

const last = (path) => path.split(".").pop();

// A title within a sentence: "Choices" is "choices" there, "MCP servers" stays.
export const inSentence = (title) => (/^[A-Z][^A-Z]/.test(title) ? title[0].toLowerCase() + title.slice(1) : title);

export const clip = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

// The chip on an edge, or null where the edge needs none: the only way on.
export function edgeLabel(edge, siblings) {
  if (edge.label) return edge.label;
  if (edge.on === "error" || edge.on === "timeout") return `on ${edge.on}`;
  if (!isDefault(edge.condition)) return shortCondition(edge.condition);
  return siblings > 1 ? "default" : null;
}

export function ago(iso, now = Date.now()) {
  const seconds = Math.max(0, (now - new Date(iso).getTime()) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

// Rough on purpose: four characters a token is what the router's features use as well.
export const tokens = (text) => Math.ceil((text ?? "").length / 4);
