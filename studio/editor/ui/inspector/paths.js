// Paths of data: how they are written in each kind of field, what is completed, and what is dragged.

export const PATH_TYPE = "application/x-heddle-path";

// `path` is like "context.order.id"; templates read the context first, so it can be left out there.
export function written(path, reads) {
  if (reads === "template") return `{${path.replace(/^context\./, "")}}`;
  if (reads === "value" && !path.startsWith("context.")) return `\${${path}}`;
  return path;
}

// One step below a path: names as they are, everything else in brackets.
export function below(path, key) {
  if (typeof key === "number" || /^\d+$/.test(key)) return `${path}[${key}]`;
  return /^[A-Za-z_]\w*$/.test(key) ? (path ? `${path}.${key}` : key) : `${path}[${JSON.stringify(key)}]`;
}

// Every path of a run's data, so that also what no schema tells is completed. Bounded: data may be large.
export function pathsIn(roots, most = 600) {
  const found = [];
  const walk = (value, path, depth) => {
    if (found.length >= most) return;
    if (path.includes(".")) found.push({ path, type: typeName(value), value });
    if (value === null || typeof value !== "object" || depth > 5) return;
    if (Array.isArray(value)) return void (value.length && walk(value[0], `${path}[0]`, depth + 1));
    for (const [key, item] of Object.entries(value)) walk(item, below(path, key), depth + 1);
  };
  for (const [root, value] of Object.entries(roots ?? {})) walk(value, root, 0);
  return found;
}

export const typeName = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

const FUNCTIONS = [
  ["len", "len(list or text)"], ["lower", "lower(text)"], ["upper", "upper(text)"], ["contains", "contains(text or list, part)"], ["matches", "matches(text, pattern)"],
  ["round", "round(number, digits)"], ["min", "min(a, b, …)"], ["max", "max(a, b, …)"], ["now", "now()"], ["default", "default(value, otherwise)"], ["text", "text(value)"], ["number", "number(text)"], ["date", "date(now(), pattern, zone)"],
  ["trim", "trim(text)"], ["split", "split(text, separator)"], ["join", "join(list, separator)"], ["replace", "replace(text, old, new)"],
  ["slice", "slice(text or list, start, end)"], ["pluck", "pluck(list, key)"],
];
const WORDS = ["and", "or", "not", "in", "true", "false", "null"];

// `offered()` gives [{path, type, origin?, description?, value?}].
export const expressionSource = (offered) => (context) => {
  const word = context.matchBefore(/[\w.[\]]+/);
  if (!word && !context.explicit) return null;
  return {
    from: word?.from ?? context.pos,
    options: [
      ...offered().map(option),
      ...FUNCTIONS.map(([label, detail]) => ({ label, detail, type: "function", apply: `${label}(`, boost: -5 })),
      ...WORDS.map((label) => ({ label, type: "keyword", boost: -10 })),
    ],
    validFor: /^[\w.[\]]*$/,
  };
};

// Inside of {…}: the context's own names stand without their root.
export const templateSource = (offered) => (context) => {
  const open = context.matchBefore(/\{[\w.[\]]*/);
  if (!open) return null;
  const options = offered().map((one) => {
    const label = one.path.replace(/^context\./, "");
    return { ...option({ ...one, path: label }), apply: (view, _completion, from, to) => closeAfter(view, label, from, to) };
  });
  return { from: open.from + 1, options, validFor: /^[\w.[\]]*$/ };
};

// A text that begins with context., or a part in ${…}.
export const valueSource = (offered) => (context) => {
  const inside = context.matchBefore(/\$\{[^{}]*/);
  if (inside) return expressionSource(offered)(context);
  const start = context.matchBefore(/^[\w.[\]]+/);
  if (!start && !(context.explicit && context.pos === 0)) return null;
  return { from: 0, options: offered().filter(({ path }) => path.startsWith("context.")).map(option), validFor: /^[\w.[\]]*$/ };
};

export const SOURCES = { expression: expressionSource, template: templateSource, value: valueSource };

function closeAfter(view, label, from, to) {
  const closed = view.state.sliceDoc(to, to + 1) === "}";
  view.dispatch({ changes: { from, to, insert: closed ? label : `${label}}` }, selection: { anchor: from + label.length + 1 }, userEvent: "input.complete" });
}

function option({ path, type, origin, description, value }) {
  const shownValue = value === undefined ? "" : brief(value);
  return { label: path, type: "property", detail: [type, origin && `from ${origin}`].filter(Boolean).join(" · "), info: [description, shownValue && `Last run: ${shownValue}`].filter(Boolean).join("\n") || undefined };
}

export function brief(value, most = 80) {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
