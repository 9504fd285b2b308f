// Hover help in the YAML pane: what a key means, what a node type, a tool, a node or a workflow is.
import { hoverTooltip } from "@codemirror/view";
import { entriesOf, schemasAt, typeOf } from "./schema.js";
import { namesFor, toolParameters } from "./names.js";
import { where } from "./where.js";

const WAIT_MS = 350;
const WORD = /[\w.:/-]+/g;

export const hovering = (session, language) => hoverTooltip(async (view, pos) => {
  const root = await language();
  const word = root && wordAt(view.state.doc, pos);
  const said = word && helpFor(session, root, view.state.doc, word);
  return said ? { pos: word.from, end: word.to, above: true, create: () => ({ dom: box(said) }) } : null;
}, { hoverTime: WAIT_MS, hideOnChange: true });

function wordAt(doc, pos) {
  const line = doc.lineAt(pos);
  for (const { 0: text, index } of line.text.matchAll(WORD)) {
    const [from, to] = [line.from + index, line.from + index + text.length];
    if (from <= pos && pos <= to) return text.endsWith(":") ? { text: text.slice(0, -1), from, to: to - 1 } : { text, from, to };
  }
  return null;
}

// {title, detail, text}, or null where there is nothing to say.
export function helpFor(session, root, doc, { text, to }) {
  const place = where(doc, to);
  if (place.at === "text") return null;
  const isKey = /^["']?\s*:(\s|$)/.test(doc.sliceString(to, Math.min(doc.length, to + 3)));
  if (isKey) return ofKey(session, root, place, text);
  const found = namesFor(session, place, schemasAt(root, place.path, place.maps))?.find((one) => one.label === text);
  return found && (found.info || found.detail) ? { title: text, detail: found.detail, text: found.info } : null;
}

// Behind a key that is written already the place is that key's value.
function ofKey(session, root, place, key) {
  const at = place.at === "value" ? { ...place, path: place.path.slice(0, -1) } : place;
  const parameters = toolParameters(session, at);
  const entry = entriesOf(root, parameters ? [parameters] : schemasAt(root, at.path, at.maps)).get(key);
  if (!entry) return null;
  const [schema, required] = entry;
  return { title: key, detail: `${typeOf(schema)}${required ? ", needed" : ""}`, text: schema.description ?? schema.title };
}

function box({ title, detail, text }) {
  const dom = document.createElement("div");
  dom.className = "hed-help-tip";
  for (const [tag, content] of [["b", title], ["small", detail], ["p", text]]) {
    if (content) dom.appendChild(Object.assign(document.createElement(tag), { textContent: content }));
  }
  return dom;
}
