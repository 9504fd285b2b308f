// Widgets in which one writes: plain texts, numbers, programs, expressions, prompts, JSON.
import { useMemo, useRef, useState } from "react";
import { Decoration, MatchDecorator, ViewPlugin } from "@codemirror/view";
import { useReadOnly } from "../frame/locked.js";
import { CodeField } from "./code_field.jsx";
import { useDraft } from "./draft.js";
import { useReading } from "./scope.js";
import { SOURCES } from "./paths.js";
import { Preview, usePreview } from "./preview.jsx";

export const placeholder = (field) => (field.default != null && field.default !== "" ? asText(field.default) : field.placeholder ?? "");
export const asText = (value) => (value == null ? "" : typeof value === "string" ? value : JSON.stringify(value));

export function Fault({ children }) {
  return children ? <p className="hed-error error" role="alert">{children}</p> : null;
}

export const TextInput = (props) => (props.field.reads ? <ExpressionInput {...props} /> : <PlainInput {...props} />);

function PlainInput({ id, value, field, save, readOnly }) {
  const draft = useDraft(asText(value), (text) => void save(text === "" && !field.required ? undefined : text), { id });
  return (
    <>
      <input id={id} className="hed-in" {...draft.bind} placeholder={placeholder(field)} {...useReadOnly(readOnly)} spellCheck={false} />
      <Fault>{draft.error}</Fault>
    </>
  );
}

// A text whose last line ends keeps that line break unseen, so that writing more at its end adds lines and nothing else.
function useTextDraft({ id, value, field, save }) {
  const text = asText(value);
  const end = text.endsWith("\n") ? "\n" : "";
  const put = (next) => (next ? next + end : field.required ? "" : undefined);
  return useDraft(end ? text.slice(0, -1) : text, (next) => tooLong(next) ?? void save(put(next)), { id });
}

const LONGEST = 200_000; // characters, as in engine/language/guard.py
const tooLong = (text) => (text.length < LONGEST ? null : `Not saved: a text has at most ${LONGEST.toLocaleString("en")} characters, and this one has ${text.length.toLocaleString("en")}.`);

const rowsFor = (text, wide, least, most) => Math.min(most, Math.max(least, text.split("\n").reduce((n, line) => n + Math.max(1, Math.ceil(line.length / wide)), 0)));

export function TextArea(props) {
  return props.field.reads === "template" ? <Template {...props} plain /> : <PlainArea {...props} />;
}

function PlainArea(props) {
  const draft = useTextDraft(props);
  return (
    <>
      <textarea id={props.id} className="hed-ta plain" rows={rowsFor(draft.text, 40, 3, 14)} {...draft.bind} placeholder={placeholder(props.field)} {...useReadOnly(props.readOnly)} />
      <Fault>{draft.error}</Fault>
    </>
  );
}

export function CodeInput(props) {
  const draft = useTextDraft(props);
  return (
    <>
      <textarea id={props.id} className="hed-ta" wrap="off" rows={rowsFor(draft.text, Infinity, 3, 24)} {...draft.bind} placeholder={placeholder(props.field)} {...useReadOnly(props.readOnly)} spellCheck={false} />
      <Fault>{draft.error}</Fault>
    </>
  );
}

// ---- texts that read data

const chips = new MatchDecorator({ regexp: /\{[A-Za-z_][\w.[\]]*(?:\s*\|[^{}]*)?\}/g, decoration: Decoration.mark({ class: "cm-chip" }) });
export const chipMarks = ViewPlugin.define(
  (view) => ({ marks: chips.createDeco(view), update(change) { this.marks = chips.updateDeco(change, this.marks); } }),
  { decorations: (plugin) => plugin.marks },
);

// How a draft and a code field go together: Enter saves, Escape takes back.
function fieldProps(draft, readOnly) {
  const { value, onKeyDown } = draft.bind;
  return { value, readOnly, onChange: draft.change, onBlur: draft.leave, onFocus: draft.bind.onFocus, onKeyDown: (event) => { onKeyDown(event); return event.defaultPrevented; } };
}

// Completion sources and preview data of a field that reads `reads`.
export function useSources(reads) {
  const { offered } = useReading();
  const latest = useRef(offered);
  latest.current = offered;
  return useMemo(() => (SOURCES[reads] ? [SOURCES[reads](() => latest.current)] : []), [reads]);
}

function Template(props) {
  const { id, field, readOnly, plain } = props;
  const draft = useTextDraft(props);
  const [focused, setFocused] = useState(false);
  const shown = usePreview(draft.text, "template", focused && /\{\w/.test(draft.text));
  const sources = useSources("template");
  const bind = fieldProps(draft, readOnly);
  return (
    <div className={`hed-prompt ${plain ? "plain" : ""}`} onFocus={() => setFocused(true)} onBlur={() => setFocused(false)}>
      <CodeField {...bind} id={id} label={field.title} placeholder={placeholder(field)} sources={sources} extensions={[chipMarks]} reads="template" fault={shown} testid="prompt" />
      <Fault>{draft.error}</Fault>
      <Preview shown={shown} />
    </div>
  );
}

export const PromptInput = (props) => <Template {...props} />;

// `reads` may differ from the field's: the values of a map are read as the map's field says.
export function ExpressionInput({ id, value, field, save, readOnly, reads = field.reads ?? "expression", label = field.title, check, asked, testid }) {
  const draft = useDraft(asText(value), (text) => check?.(text) ?? void save(text.trim() === "" && !field.required ? undefined : text), { id });
  const [focused, setFocused] = useState(false);
  const readsData = reads === "expression" || /^context\.|\$\{|\{\w/.test(draft.text);
  const shown = usePreview(draft.text, reads, focused && readsData);
  const sources = useSources(reads);
  const bind = fieldProps(draft, readOnly);
  const onKeyDown = (event, view) => {
    if (event.key === "Enter" && single) {
      draft.commit();
      view.contentDOM.blur();
      event.preventDefault();
      return true;
    }
    return bind.onKeyDown(event);
  };
  const [single] = useState(!draft.text.includes("\n"));
  return (
    <div className="hed-expr" onFocus={() => setFocused(true)} onBlur={() => setFocused(false)}>
      <CodeField {...bind} onKeyDown={onKeyDown} id={id} label={label} placeholder={placeholder(field)} sources={sources} extensions={reads === "template" ? [chipMarks] : []} single={single} reads={reads} fault={shown} asked={asked} testid={testid} />
      {draft.error && <Fault>{draft.error}</Fault>}
      <Preview shown={shown} />
    </div>
  );
}

// ---- numbers

function checkNumber(text, field) {
  const number = Number(text);
  if (Number.isNaN(number)) return "A number, please.";
  if (field.min != null && number < field.min) return `At least ${field.min}.`;
  if (field.max != null && number > field.max) return `At most ${field.max}.`;
  if (field.integer && !Number.isInteger(number)) return "A whole number, please.";
  return null;
}

const normalNumber = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? text : String(Number(text)));

export function NumberInput({ id, value, field, save, readOnly }) {
  const put = (text) => {
    if (text.trim() === "") return void save(undefined);
    return checkNumber(text, field) ?? void save(Number(text));
  };
  const draft = useDraft(asText(value), put, { normal: normalNumber });
  return (
    <>
      <span className="hed-measure">
        <input id={id} className="hed-in hed-num" inputMode="decimal" {...draft.bind} placeholder={placeholder(field)} {...useReadOnly(readOnly)} aria-description={field.unit} />
        {field.unit && <span className="unit" aria-hidden="true">{field.unit}</span>}
      </span>
      <Fault>{draft.error}</Fault>
    </>
  );
}

// ---- JSON

export function JsonInput({ id, value, field, save, readOnly }) {
  const check = (text) => {
    if (text.trim() === "") return void save(undefined);
    try {
      save(JSON.parse(text));
      return null;
    } catch (error) {
      return `Not JSON yet: ${error.message.replace(/^JSON\.parse: /, "")}`;
    }
  };
  const draft = useDraft(value === undefined ? "" : JSON.stringify(value, null, 2), check, { when: "rest", id });
  return (
    <>
      <textarea id={id} className="hed-ta" data-reads={field.reads && "json"} rows={Math.min(16, Math.max(3, draft.text.split("\n").length))} {...draft.bind} {...useReadOnly(readOnly)} spellCheck={false} placeholder={placeholder(field)} />
      <Fault>{draft.error}</Fault>
    </>
  );
}

// Any value: what begins like JSON is JSON, everything else a text as it is typed.
export function AnyInput(props) {
  const { value } = props;
  if (value === null || typeof value !== "object") return <ExpressionInput {...props} check={(text) => putAny(props, text)} />;
  return <JsonInput {...props} />;
}

function putAny({ value, save, field }, text) {
  if (text.trim() === "") return void save(field.required ? "" : undefined);
  const next = fromText(text, value);
  if (typeof next === "string" && /^\s*[[{](?!\w)/.test(text)) return "Not JSON yet.";
  save(next);
  return "";
}

// Typed text keeps the kind of the value before it: "5" stays a number where a number was.
export function fromText(text, before) {
  if (typeof before === "string" && !/^[[{]/.test(text.trim())) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
