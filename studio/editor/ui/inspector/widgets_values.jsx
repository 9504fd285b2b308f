// A map of short values, one row each. Where the node calls a tool, the rows are the tool's parameters.
import { X } from "lucide-react";
import { useValue } from "../core/store.js";
import { opensByArrow } from "../frame/focus.js";
import { NewName, Settled, useKeys } from "./names.jsx";
import { usePending } from "./pending.js";
import { useReading } from "./scope.js";
import { Select } from "./widgets_pick.jsx";
import { ExpressionInput, asText, fromText } from "./widgets_text.jsx";

const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

export function KeyValue(props) {
  const schema = useParameters(props.field);
  const [value, save] = usePending(props.value, props.save);
  return schema ? <Parameters {...props} value={value} save={save} schema={schema} /> : <Rows {...props} value={value} save={save} />;
}

// The JSON Schema of the parameters of the tool that the selected node names, for its map of parameters.
function useParameters(field) {
  const { node } = useReading();
  const key = useValue((s) => s.view.specs[node?.type]?.fields.find((one) => one.widget === "tool")?.key);
  const tool = useValue((s) => (key && field.key === "parameters" ? s.view.tools.find((one) => one.name === node.config[key]) : null));
  return tool?.parameters?.properties ? tool.parameters : null;
}

function Rows({ id, value, field, save, readOnly }) {
  const entries = Object.entries(isMap(value) ? value : {});
  const put = (key, next) => save({ ...value, [key]: next });
  const keys = useKeys(entries.map(([key]) => key));
  const rename = (from, to) => {
    if (!to) return "A value needs a name.";
    if (Object.hasOwn(value, to)) return `There is a value called ${to} already.`;
    keys.rename(from, to);
    return void save(renamed(value, from, to));
  };
  return (
    <div className="hed-kv" id={id}>
      {entries.map(([key, item]) => (
        <div key={keys.keyOf(key)} className="hed-kvrow">
          <Settled className="hed-in mono" value={key} save={(to) => rename(key, to)} readOnly={readOnly} label={`Name of ${key}`} />
          <ValueInput id={`${id}-${key}`} value={item} field={field} label={key} save={(next) => put(key, next)} readOnly={readOnly} />
          {!readOnly && <button className="hed-icon" aria-label={`Remove ${key}`} title="Remove" onClick={() => save(without(value, key, field))}><X size={12} /></button>}
        </div>
      ))}
      {!readOnly && <NewName what="value" taken={value ?? {}} add={(key) => put(key, "")} />}
    </div>
  );
}

const without = (value, key, field) => {
  const rest = Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
  return Object.keys(rest).length || field.required ? rest : undefined;
};
const renamed = (value, from, to) => Object.fromEntries(Object.entries(value).map(([name, item]) => [name === from ? to : name, item]));

// A text, an expression, or JSON; what was a number stays one.
function ValueInput({ id, value, field, label, save, readOnly }) {
  const reads = field.reads ?? "value";
  const own = { ...field, required: true, default: null, placeholder: null };
  return <ExpressionInput id={id} value={asText(value)} field={own} reads={reads} label={label} readOnly={readOnly} save={save} check={(text) => { save(fromText(text, value)); return ""; }} />;
}

// ---- a tool's parameters

function Parameters({ id, value, field, save, readOnly, schema }) {
  const given = isMap(value) ? value : {};
  const required = new Set(schema.required ?? []);
  const names = Object.keys(schema.properties);
  const shown = names.filter((name) => required.has(name) || Object.hasOwn(given, name));
  const more = names.filter((name) => !shown.includes(name));
  const unknown = Object.keys(given).filter((name) => !names.includes(name));
  const put = (name, next) => save(next === undefined ? without(given, name, field) : { ...given, [name]: next });
  return (
    <div className="hed-params" id={id} data-testid="parameters">
      {shown.map((name) => (
        <Parameter key={name} id={`${id}-${name}`} name={name} shape={schema.properties[name]} required={required.has(name)} value={given[name]} field={field} save={(next) => put(name, next)} readOnly={readOnly} />
      ))}
      {unknown.map((name) => (
        <Parameter key={name} id={`${id}-${name}`} name={name} shape={{ description: "The tool knows no such parameter." }} unknown value={given[name]} field={field} save={(next) => put(name, next)} readOnly={readOnly} />
      ))}
      {!readOnly && more.length > 0 && (
        <select className="hed-in" value="" aria-label="Set another parameter" onKeyDown={opensByArrow} onChange={(event) => event.target.value && put(event.target.value, start(event.target.value, schema.properties[event.target.value]))}>
          <option value="">Set another parameter…</option>
          {more.map((name) => <option key={name} value={name}>{name}{schema.properties[name].default !== undefined ? ` (${JSON.stringify(schema.properties[name].default)})` : ""}</option>)}
        </select>
      )}
      {!names.length && !unknown.length && <p className="hed-help">This tool takes no parameters.</p>}
    </div>
  );
}

// What a parameter begins with: its default, or the context value of its name.
const start = (name, shape) => shape.default ?? shape.examples?.[0] ?? (shape.enum ? shape.enum[0] : `context.${name}`);

function Parameter({ id, name, shape, required, unknown, value, field, save, readOnly }) {
  const missing = required && (value === undefined || value === "");
  const literal = shape.enum && (value === undefined || shape.enum.includes(value));
  return (
    <div className={`hed-param ${missing || unknown ? "error" : ""}`}>
      <div className="hed-fl">
        <label htmlFor={id}><code>{name}</code>{required && <span className="req" title="Required" aria-label="required">*</span>}</label>
        <span className="side">
          <span>{typeOf(shape)}</span>
          {!readOnly && value !== undefined && !required && <button className="hed-reset" aria-label={`Remove ${name}`} title="Leave it out" onClick={() => save(undefined)}><X size={11} /></button>}
        </span>
      </div>
      {literal
        ? <Select id={id} value={value} field={{ required }} options={shape.enum.map((one) => ({ value: one }))} save={save} readOnly={readOnly} />
        : <ValueInput id={id} value={value} field={{ ...field, placeholder: shape.examples?.[0] && String(shape.examples[0]) }} label={name} save={save} readOnly={readOnly} />}
      {shape.description && <p className="hed-help">{shape.description}</p>}
      {missing && <p className="hed-error error" role="alert">The tool needs {name}.</p>}
    </div>
  );
}

const typeOf = ({ type, enum: values }) => (values ? "one of" : [type].flat().filter((one) => one && one !== "null").join(" or "));
