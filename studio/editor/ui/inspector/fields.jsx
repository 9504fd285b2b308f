// Widgets of the inspector. Each is driven by a field's description from the node type's config model.
import { useEffect, useRef, useState } from "react";
import { Plus, RotateCcw, X } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { setField } from "../core/actions.js";
import { tokens } from "../frame/format.js";
import { useDraft } from "./draft.js";

export const valueAt = (config, key) => key.split(".").reduce((data, part) => data?.[part], config);

// `field`: {key, title, description, unit, widget, options?, default, required}; its value lives at config.<key>.
export function Field({ node, field, editable, note }) {
  const session = useSession();
  const value = valueAt(node.config, field.key);
  const set = value !== undefined;
  const path = ["config", ...field.key.split(".")];
  const save = (next) => setField(session, node.name, path, next);
  const problem = useValue((s) => s.diagnostics.find((d) => d.node === node.name && pathAt(d, path)));
  const Widget = WIDGETS[field.widget] ?? JsonInput;
  const id = `f-${node.name}-${field.key}`;
  const inferred = field.key === "output_schema" && !set && note;
  return (
    <div className={`hed-f ${problem?.severity ?? ""}`} data-testid={`field-${field.key}`}>
      <label htmlFor={id} title={field.description ?? undefined}>
        {field.title}
        <span className="side">
          {field.widget === "prompt" && <span>{tokens(value)} tokens</span>}
          {field.unit && <span>{field.unit}</span>}
          {set && !field.required && editable && (
            <button className="hed-reset" title={`Back to the default${field.default != null ? ` (${JSON.stringify(field.default)})` : ""}`} aria-label={`Reset ${field.title}`} onClick={() => save(undefined)}>
              <RotateCcw size={11} />
            </button>
          )}
        </span>
      </label>
      {inferred ? note : <Widget id={id} value={value} field={field} save={save} readOnly={!editable} />}
      {problem && <Problem problem={problem} />}
      {!inferred && note}
    </div>
  );
}

// Diagnostics name a place as ["nodes", 3, "config", "model"].
export const pathAt = (diagnostic, path) => {
  const at = diagnostic.path?.[0] === "nodes" ? diagnostic.path.slice(2) : [];
  return path.every((key, i) => String(at[i]) === key);
};

export function Problem({ problem }) {
  return <p className={`hed-error ${problem.severity}`} role={problem.severity === "error" ? "alert" : undefined}>{problem.message}</p>;
}

const placeholder = (field) => (field.default != null && field.default !== "" ? String(field.default) : field.placeholder ?? "");

export function TextInput({ id, value, field, save, readOnly, mono }) {
  const draft = useDraft(asText(value), (text) => void save(text === "" && !field.required ? undefined : text));
  return <input id={id} className={`hed-in ${mono ? "mono" : ""}`} {...draft.bind} placeholder={placeholder(field)} readOnly={readOnly} spellCheck={!mono} />;
}

const asText = (value) => (value == null ? "" : typeof value === "string" ? value : JSON.stringify(value));
const MonoInput = (props) => <TextInput {...props} mono />;

// A text whose last line ends keeps that line break unseen, so that writing more at its end adds lines and nothing else.
function useTextDraft({ value, field, save }) {
  const text = asText(value);
  const end = text.endsWith("\n") ? "\n" : "";
  const put = (next) => (next ? next + end : field.required ? "" : undefined);
  return useDraft(end ? text.slice(0, -1) : text, (next) => void save(put(next)));
}

function TextArea({ id, value, field, save, readOnly, mono }) {
  const draft = useTextDraft({ value, field, save });
  const wide = mono ? Infinity : 40;
  const rows = Math.min(mono ? 24 : 14, Math.max(3, draft.text.split("\n").reduce((n, line) => n + Math.max(1, Math.ceil(line.length / wide)), 0)));
  return <textarea id={id} className={`hed-ta ${mono ? "" : "plain"}`} wrap={mono ? "off" : undefined} rows={rows} {...draft.bind} placeholder={placeholder(field)} readOnly={readOnly} spellCheck={!mono} />;
}

// A prompt shows its {placeholders} marked; the marks lie under the text of a transparent field.
function PromptInput(props) {
  const draft = useTextDraft(props);
  const under = useRef(null);
  const parts = draft.text.split(/(\{[\w.[\]]+(?:\s*\|[^{}]*)?\})/g);
  return (
    <div className="hed-prompt">
      <div className="hed-ta under" aria-hidden="true" ref={under}>
        {parts.map((part, i) => (i % 2 ? <mark key={i}>{part}</mark> : part))}{"\n"}
      </div>
      <textarea id={props.id} className="hed-ta over" {...draft.bind} readOnly={props.readOnly} spellCheck={false} placeholder={placeholder(props.field)} data-testid="prompt" />
    </div>
  );
}

function NumberInput({ id, value, field, save, readOnly }) {
  const check = (text) => {
    if (text.trim() === "") return void save(undefined);
    const number = Number(text);
    if (Number.isNaN(number)) return "A number, please.";
    if (field.min != null && number < field.min) return `At least ${field.min}.`;
    if (field.max != null && number > field.max) return `At most ${field.max}.`;
    if (field.integer && !Number.isInteger(number)) return "A whole number, please.";
    return void save(number);
  };
  const draft = useDraft(asText(value), check);
  return (
    <>
      <input id={id} className="hed-in hed-num" inputMode="decimal" {...draft.bind} placeholder={placeholder(field)} readOnly={readOnly} />
      {draft.error && <p className="hed-error error" role="alert">{draft.error}</p>}
    </>
  );
}

function Select({ id, value, field, save, readOnly, options }) {
  const choices = options ?? field.options ?? [];
  const known = choices.some((choice) => choice.value === (value ?? ""));
  return (
    <select id={id} className="hed-in" value={value ?? ""} disabled={readOnly} onChange={(event) => save(event.target.value === "" ? undefined : event.target.value)}>
      {(!field.required || value == null) && <option value="">{field.default ? `${field.default} (default)` : field.required ? "Choose…" : "not set"}</option>}
      {choices.filter((choice) => choice.value !== "").map((choice) => <option key={choice.value} value={choice.value}>{choice.label ?? choice.value}</option>)}
      {!known && value != null && <option value={value}>{String(value)} (unknown)</option>}
    </select>
  );
}

function Switch({ id, value, field, save, readOnly }) {
  const on = value ?? field.default ?? false;
  return (
    <button id={id} type="button" role="switch" aria-checked={Boolean(on)} className="hed-switch" disabled={readOnly} onClick={() => save(!on)}>
      <i /> <span>{on ? "on" : "off"}</span>
    </button>
  );
}

// A known value from a list, or any text: model ids, for one.
function Combo({ id, value, field, save, readOnly, options }) {
  const draft = useDraft(asText(value), (text) => void save(text === "" ? undefined : text));
  return (
    <>
      <input id={id} className="hed-in" list={`${id}-list`} {...draft.bind} placeholder={placeholder(field)} readOnly={readOnly} spellCheck={false} />
      <datalist id={`${id}-list`}>{options.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}</datalist>
    </>
  );
}

const ComboInput = (props) => <Combo {...props} options={props.field.options ?? []} />;

// A tier for the router to choose from, or a model by its own name.
function ModelInput(props) {
  const models = useValue((s) => s.view.models);
  const named = props.value != null && !models.some((one) => one.value === props.value);
  const [byName, setByName] = useState(named);
  if (byName || named) {
    return (
      <div className="hed-row">
        <Combo {...props} options={models} />
        {!props.readOnly && <button className="hed-btn small tall" onClick={() => { setByName(false); props.save("auto"); }}>Let the router choose</button>}
      </div>
    );
  }
  return (
    <select id={props.id} className="hed-in" value={props.value ?? "auto"} disabled={props.readOnly}
      onChange={(event) => (event.target.value === "" ? setByName(true) : props.save(event.target.value))}>
      {models.map((one) => <option key={one.value} value={one.value}>{one.value} · {one.label}</option>)}
      <option value="">a model by its name…</option>
    </select>
  );
}

const NodeInput = (props) => <Select {...props} options={useNames()} />;

export function useNames() {
  const graph = useValue((s) => s.graph);
  return graph.nodes.map(({ name }) => ({ value: name }));
}

function ToolInput(props) {
  const tools = useValue((s) => s.view.tools);
  const chosen = tools.find((tool) => tool.name === props.value);
  return (
    <>
      <Select {...props} options={tools.map((tool) => ({ value: tool.name, label: `${tool.name} · ${tool.connector}` }))} />
      {chosen && <p className="hed-help">{chosen.description}</p>}
    </>
  );
}

function WorkflowInput(props) {
  const workflows = useValue((s) => s.view.workflows);
  const known = workflows.includes(props.value);
  return (
    <>
      <Select {...props} options={workflows.map((name) => ({ value: name }))} />
      {known && <p className="hed-help"><a className="hed-link" href={`/app/workflows/${props.value}`}>Open {props.value}</a></p>}
    </>
  );
}

// A map of short values, one row each; a value that is JSON stays JSON.
function KeyValue({ id, value, field, save, readOnly }) {
  const [extra, setExtra] = useState(null);
  const entries = Object.entries(value && typeof value === "object" && !Array.isArray(value) ? value : {});
  const put = (key, next) => save({ ...value, [key]: next });
  const drop = (key) => {
    const rest = Object.fromEntries(entries.filter(([name]) => name !== key));
    save(Object.keys(rest).length || field.required ? rest : undefined);
  };
  return (
    <div className="hed-kv" id={id}>
      {entries.map(([key, item]) => (
        <div key={key} className="hed-kvrow">
          <span className="mono" title={key}>{key}</span>
          <ValueInput value={item} save={(next) => put(key, next)} readOnly={readOnly} label={key} />
          {!readOnly && <button className="hed-icon" aria-label={`Remove ${key}`} onClick={() => drop(key)}><X size={12} /></button>}
        </div>
      ))}
      {extra !== null && (
        <div className="hed-kvrow">
          <input autoFocus className="hed-in mono" value={extra} placeholder="name" onChange={(event) => setExtra(event.target.value)}
            onKeyDown={(event) => event.key === "Enter" && event.target.blur()}
            onBlur={() => { if (extra.trim() && !(extra in (value ?? {}))) put(extra.trim(), ""); setExtra(null); }} />
        </div>
      )}
      {!readOnly && <button className="hed-link" onClick={() => setExtra("")}><Plus size={12} /> Add a value</button>}
    </div>
  );
}

function ValueInput({ value, save, readOnly, label }) {
  const draft = useDraft(asText(value), (text) => void save(fromText(text, value)));
  return <input className="hed-in mono" {...draft.bind} readOnly={readOnly} aria-label={label} spellCheck={false} />;
}

// Any value: what begins like JSON is JSON, everything else a text as it is typed.
function AnyInput({ id, value, field, save, readOnly }) {
  const shown = value !== null && typeof value === "object" ? JSON.stringify(value, null, 2) : asText(value);
  const check = (text) => {
    if (text.trim() === "") return void save(undefined);
    const next = fromText(text, value);
    if (typeof next === "string" && /^\s*[[{]/.test(text)) return "Not JSON yet.";
    return void save(next);
  };
  const draft = useDraft(shown, check, { onBlurOnly: true });
  const rows = Math.min(12, draft.text.split("\n").reduce((n, line) => n + Math.max(1, Math.ceil(line.length / 40)), 0));
  return (
    <>
      <textarea id={id} className="hed-ta" rows={rows} {...draft.bind} readOnly={readOnly} spellCheck={false} placeholder={placeholder(field)} />
      {draft.error && <p className="hed-error error" role="alert">{draft.error}</p>}
    </>
  );
}

// Typed text keeps the kind of the value before it: "5" stays a number where a number was.
function fromText(text, before) {
  if (typeof before === "string" && !/^[[{]/.test(text.trim())) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function ListInput({ id, value, field, save, readOnly }) {
  const plain = (Array.isArray(value) ? value : []).every((item) => typeof item !== "object");
  const known = useValue((s) => (field.of === "tool" ? s.view.tools : null));
  const [next, setNext] = useState("");
  if (!plain) return <JsonInput id={id} value={value} field={field} save={save} readOnly={readOnly} />;
  const items = Array.isArray(value) ? value : [];
  const add = () => {
    if (next.trim() && !items.includes(next.trim())) save([...items, next.trim()]);
    setNext("");
  };
  return (
    <div className="hed-list" id={id}>
      {items.map((item, i) => (
        <span key={`${item}-${i}`} className="hed-tag">{String(item)}
          {!readOnly && <button aria-label={`Remove ${item}`} onClick={() => save(items.length > 1 ? items.filter((_, n) => n !== i) : undefined)}><X size={10} /></button>}
        </span>
      ))}
      {!readOnly && (
        <input className="hed-in" value={next} placeholder="Add…" list={known ? `${id}-known` : undefined} onChange={(event) => setNext(event.target.value)} onBlur={add}
          onKeyDown={(event) => event.key === "Enter" && (event.preventDefault(), add())} />
      )}
      {known && <datalist id={`${id}-known`}>{known.map((tool) => <option key={tool.name} value={tool.name}>{tool.description}</option>)}</datalist>}
    </div>
  );
}

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
  const draft = useDraft(value === undefined ? "" : JSON.stringify(value, null, 2), check, { onBlurOnly: true });
  const rows = Math.min(16, Math.max(3, draft.text.split("\n").length));
  return (
    <>
      <textarea id={id} className="hed-ta" rows={rows} {...draft.bind} readOnly={readOnly} spellCheck={false} placeholder={placeholder(field)} />
      {draft.error && <p className="hed-error error" role="alert">{draft.error}</p>}
    </>
  );
}

export const WIDGETS = {
  text: TextInput, textarea: TextArea, prompt: PromptInput, code: (props) => <TextArea {...props} mono />, expression: MonoInput,
  number: NumberInput, slider: NumberInput, select: Select, switch: Switch, model: ModelInput, tool: ToolInput, workflow: WorkflowInput,
  combo: ComboInput, node: NodeInput, key_value: KeyValue, list: ListInput, schema: JsonInput, json: JsonInput, value: AnyInput,
};
