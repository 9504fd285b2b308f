// A JSON Schema of an object, built row by row; what the rows cannot say is edited as JSON.
import { useState } from "react";
import { Braces, Rows3, X } from "lucide-react";
import { List, Tick } from "../frame/controls.jsx";
import { useWhyLocked } from "../frame/locked.js";
import { NewName, Settled, useKeys } from "./names.jsx";
import { JsonInput } from "./widgets_text.jsx";

const TYPES = ["string", "number", "integer", "boolean", "array", "object"];
const SIMPLE = new Set(["type", "description", "enum", "properties", "required", "items", "title"]);
const DEEPEST = 3;

const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// Can the rows show all of it?
function isSimple(schema, depth = 0) {
  if (!isMap(schema) || depth > DEEPEST || Object.keys(schema).some((key) => !SIMPLE.has(key))) return false;
  if (schema.enum && !schema.enum.every((one) => typeof one === "string")) return false;
  if (schema.items !== undefined && !(isMap(schema.items) && isSimple(schema.items, depth + 1))) return false;
  return Object.values(schema.properties ?? {}).every((one) => isSimple(one, depth + 1));
}

export function SchemaInput(props) {
  const { value, save, field, readOnly } = props;
  const [raw, setRaw] = useState(false);
  const simple = value === undefined || isSimple(value);
  const put = (next) => save(Object.keys(next.properties ?? {}).length || field.required ? next : undefined);
  return (
    <div className="hed-schema" data-testid={`schema-${field.key}`}>
      {raw || !simple ? <JsonInput {...props} /> : <Properties id={props.id} schema={value ?? { type: "object", properties: {} }} put={put} readOnly={readOnly} depth={0} />}
      {simple
        ? <button className="hed-link" onClick={() => setRaw(!raw)}>{raw ? <><Rows3 size={12} /> As a form</> : <><Braces size={12} /> As JSON</>}</button>
        : <p className="hed-help">This schema says more than the form can show.</p>}
    </div>
  );
}

function Properties({ id, schema, put, readOnly, depth }) {
  const required = schema.required ?? [];
  const entries = Object.entries(schema.properties ?? {});
  const change = (properties, wanted = required) => {
    const kept = wanted.filter((name) => Object.hasOwn(properties, name));
    const { required: _, ...rest } = schema;
    put({ ...rest, type: "object", ...(kept.length ? { required: kept } : {}), properties });
  };
  const keys = useKeys(entries.map(([name]) => name));
  const rename = (from, to) => {
    if (!to) return "A field needs a name.";
    if (Object.hasOwn(schema.properties, to)) return `There is a field called ${to} already.`;
    keys.rename(from, to);
    return void change(Object.fromEntries(entries.map(([name, shape]) => [name === from ? to : name, shape])), required.map((name) => (name === from ? to : name)));
  };
  return (
    <div className="hed-props">
      {entries.map(([name, shape]) => (
        <Property key={keys.keyOf(name)} id={`${id}-${name}`} name={name} shape={shape} required={required.includes(name)} readOnly={readOnly} depth={depth}
          rename={(to) => rename(name, to)} put={(next) => change({ ...schema.properties, [name]: next })}
          demand={(on) => change(schema.properties, on ? [...required, name] : required.filter((one) => one !== name))}
          drop={() => change(Object.fromEntries(entries.filter(([other]) => other !== name)))} />
      ))}
      {!readOnly && <NewName what="field" taken={schema.properties ?? {}} add={(name) => change({ ...schema.properties, [name]: { type: "string" } }, [...required, name])} />}
    </div>
  );
}

function Property({ id, name, shape, required, readOnly, depth, rename, put, demand, drop }) {
  const why = useWhyLocked(readOnly);
  const types = [shape.type].flat().filter(Boolean);
  const nullable = types.includes("null");
  const type = types.find((one) => one !== "null") ?? (shape.enum ? "string" : "");
  const setType = (next) => {
    const { properties: _p, items: _i, enum: values, ...rest } = shape;
    put({ ...rest, type: nullable ? [next, "null"] : next, ...(next === "object" ? { properties: {} } : {}), ...(next === "array" ? { items: { type: "string" } } : {}), ...(next === "string" && values ? { enum: values } : {}) });
  };
  const setText = (key, text) => {
    const { [key]: _, ...rest } = shape;
    put(text ? { ...rest, [key]: key === "enum" ? text.split(",").map((one) => one.trim()).filter(Boolean) : text } : rest);
  };
  return (
    <div className="hed-prop">
      <div className="line">
        <Settled className="hed-in mono" value={name} save={rename} readOnly={readOnly} label={`Name of ${name}`} />
        <List value={type} why={why} aria-label={`Type of ${name}`} onChange={(event) => setType(event.target.value)}>
          {!TYPES.includes(type) && <option value={type}>any</option>}
          {TYPES.map((one) => <option key={one} value={one}>{one}</option>)}
        </List>
        {!readOnly && <button className="hed-icon" aria-label={`Remove ${name}`} title="Remove" onClick={drop}><X size={11} /></button>}
      </div>
      <div className="line">
        <Settled className="hed-in" value={shape.description ?? ""} save={(text) => void setText("description", text)} readOnly={readOnly} label={`Description of ${name}`} placeholder="what it is" />
        <label title={required ? "It must be there" : "It may be missing"}><Tick checked={required} why={why} onChange={(event) => demand(event.target.checked)} /> needed</label>
      </div>
      {type === "string" && <Settled className="hed-in" value={(shape.enum ?? []).join(", ")} save={(text) => void setText("enum", text)} readOnly={readOnly} label={`Allowed values of ${name}`} placeholder="any text, or: one, two, three" />}
      {type === "object" && <Properties id={id} schema={shape} put={put} readOnly={readOnly} depth={depth + 1} />}
      {type === "array" && isMap(shape.items) && shape.items.type === "object" && <Properties id={id} schema={shape.items} put={(items) => put({ ...shape, items })} readOnly={readOnly} depth={depth + 1} />}
      {type === "array" && (
        <List value={shape.items?.type ?? ""} why={why} aria-label={`Items of ${name}`} onChange={(event) => put({ ...shape, items: event.target.value === "object" ? { type: "object", properties: {} } : { type: event.target.value } })}>
          {!TYPES.includes(shape.items?.type) && <option value="">items of any type</option>}
          {TYPES.filter((one) => one !== "array").map((one) => <option key={one} value={one}>items: {one}</option>)}
        </List>
      )}
    </div>
  );
}
