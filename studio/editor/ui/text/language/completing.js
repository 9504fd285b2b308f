// Completion in the YAML pane: keys of the place, values that the schema lists, names of what there is, paths into the data.
import { acceptCompletion, autocompletion, startCompletion } from "@codemirror/autocomplete";
import { EditorView, keymap } from "@codemirror/view";
import { entriesOf, schemasAt, typeOf, valuesOf } from "./schema.js";
import { functions, isExpression, isTemplate, namesFor, paths, toolParameters } from "./names.js";
import { where } from "./where.js";

const PATH = /[\w.]*$/;

export function completing(session, language) {
  let root = null;
  const load = async () => (root ??= await language());
  // What was typed before the language is here gets its list then: an answer that comes late would be dropped.
  const source = (context) => {
    if (root) return complete(session, root, context);
    const { view } = context;
    load().then(() => root && view?.hasFocus && endsInWord(view.state) && startCompletion(view));
    return null;
  };
  return [
    EditorView.domEventHandlers({ focus: () => void load() }),
    autocompletion({ override: [source], icons: false, activateOnCompletion: (option) => option.type === "key", maxRenderedOptions: 60 }),
    keymap.of([{ key: "Tab", run: acceptCompletion }]),
  ];
}

function complete(session, root, { state, pos, explicit }) {
  const place = where(state.doc, pos);
  const schemas = schemasAt(root, place.path, place.maps);
  if (place.at === "text") return inTemplate(session, place, pos);
  if (place.at === "key" || (place.at === "item" && isMapping(schemas))) return explicit || place.word ? keys(session, root, place, schemas, state, pos) : null;
  if (isExpression(place, schemas)) return found(pos - PATH.exec(place.word)[0].length, [...paths(session), ...functions()], explicit || /[\w.]$/.test(place.word), "path");
  const template = isTemplate(schemas) && inTemplate(session, place, pos);
  if (template) return template;
  const options = namesFor(session, place, schemas) ?? listed(schemas);
  return found(place.from, options.map((one) => ({ ...one, apply: quoted(one.label, place) })), explicit || place.word || afterColon(place, state, pos), "value");
}

const endsInWord = ({ doc, selection: { main } }) => main.empty && /[\w.]/.test(doc.sliceString(main.head - 1, main.head));
const isMapping = (schemas) => schemas.some((schema) => schema.properties);
const afterColon = (place, state, pos) => place.at === "value" && state.sliceDoc(pos - 2, pos) === ": ";

function found(from, options, asked, type) {
  if (!asked || !options.length) return null;
  return { from, options: options.map((one) => ({ type, ...one })), validFor: /^[\w.:/-]*$/ };
}

const listed = (schemas) => schemas.flatMap((schema) => {
  const values = valuesOf(schema);
  return (values.length ? values : schema.free || schema.examples ? schema.examples ?? [] : []).map((value) => ({ label: String(value) }));
});

// As it stands in the file: what would be read as something else goes in quotes, unless there are some.
const quoted = (label, { quote }) => (quote || /^[\w][\w.:/-]*$/.test(label) ? label : JSON.stringify(label));

function keys(session, root, place, schemas, state, pos) {
  const parameters = toolParameters(session, place);
  const entries = entriesOf(root, parameters ? [parameters] : schemas);
  const taken = new Set(place.keys.filter((key) => key !== place.word));
  const line = state.doc.lineAt(pos);
  const isWritten = /^\s*["']?\s*:/.test(line.text.slice(pos - line.from));
  const inner = " ".repeat(pos - place.word.length - line.from + 2);
  const flow = /[{[]/.test(line.text.slice(0, pos - line.from));
  const options = [...entries].filter(([key, [schema]]) => !taken.has(key) && (schema.ui !== "hidden" || key === "conditions")).map(([key, [schema, required]]) => ({
    label: key, type: "key", detail: required ? `${typeOf(schema)}, needed` : typeOf(schema), info: schema.description, boost: required ? 20 : 0,
    apply: isWritten ? key : key + opening(schema, flow, inner),
  }));
  return found(place.from, options, true, "key");
}

// What follows the key: a place for its value.
function opening({ type, properties, items, ui }, flow, inner) {
  if (flow || !["object", "array"].includes(type)) return ui === "prompt" && !flow ? `: |\n${inner}` : ": ";
  if (type === "object") return properties || ui === "key_value" ? `:\n${inner}` : ": ";
  return items ? `:\n${inner}- ` : ": ";
}

// After an open brace in a prompt or a message: {path}.
function inTemplate(session, place, pos) {
  const open = /\{([\w.]*)$/.exec(place.word);
  if (!open || /\{\{[\w.]*$/.test(place.word)) return null;
  const names = paths(session).flatMap((one) => (one.label.startsWith("context.") ? [one, { ...one, label: one.label.slice(8) }] : [one]));
  return found(pos - open[1].length, names, true, "path");
}
