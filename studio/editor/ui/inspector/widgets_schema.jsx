// A JSON Schema of an object, built row by row; what the rows cannot say is edited as JSON.
import { useState } from "react";
import { Braces, Rows3, X } from "lucide-react";
import { List, Tick } from "../frame/controls.jsx";
import { useWhyLocked } from "../frame/locked.js";
import { NewName, Settled, useKeys } from "./names.jsx";
import { usePending } from "./pending.js";
import { Limits, fitsRow, isLimit, withoutLimits } from "./schema_limits.jsx";
import { JsonInput } from "./widgets_text.jsx";

const TYPES = ["string", "number", "integer", "boolean", "array", "object"];
const SIMPLE = new Set(["type", "description", "enum", "properties", "required", "items", "title"]);
const DEEPEST = 6;

const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const isNumeric = (type) => type === "number" || type === "integer";

// The type of a value that may also be null; without one, what its properties or allowed values tell.
function typeOf({ type, enum: values, properties }) {
  if (properties && !type) return "object";
  const found = [type].flat().find((one) => one && one !== "null");
  return found ?? (values?.length ? (values.every((one) => typeof one === "number") ? "number" : "string") : "");
}

// Can the rows show all of it?
function isSimple(schema, depth = 0) {
  if (!isMap(schema) || depth > DEEPEST) return false;
  const type = typeOf(schema);
  if (Object.entries(schema).some(([key, value]) => (isLimit(key) ? !fitsRow(key, value, type) : !SIMPLE.has(key)))) return false;
  if (Array.isArray(schema.type) && schema.type.filter((one) => one !== "null").length !== 1) return false;
  if (schema.enum && !(Array.isArray(schema.enum) && schema.enum.every((one) => typeof one === (isNumeric(type) ? "number" : "string") && !String(one).includes(",")))) return false;
  if (schema.items !== undefined && !(isMap(schema.items) && isSimple(schema.items, depth + 1))) return false;
  return Object.values(schema.properties ?? {}).every((one) => isSimple(one, depth + 1));
}

export function SchemaInput(props) {
  const { field, readOnly } = props;
  const [value, save] = usePending(props.value, props.save);
  const [raw, setRaw] = useState(false);
  const simple = value === undefined || isSimple(value);
  const put = (next) => save(Object.keys(next.properties ?? {}).length || field.required ? next : undefined);
  return (
    <div className="hed-schema" data-testid={`schema-${field.key}`}>
      {raw || !simple ? <JsonInput {...props} /> : <Inside id={props.id} name="all" shape={value ?? { type: "object", properties: {} }} type="object" put={put} readOnly={readOnly} />}
      {simple
        ? <button className="hed-link" onClick={() => setRaw(!raw)}>{raw ? <><Rows3 size={12} /> As a form</> : <><Braces size={12} /> As JSON</>}</button>
        : <p className="hed-help">This schema says more than the form can show.</p>}
    </div>
  );
}

function Properties({ id, schema, put, readOnly }) {
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
        <Property key={keys.keyOf(name)} id={`${id}-${name}`} name={name} shape={shape} required={required.includes(name)} readOnly={readOnly}
          rename={(to) => rename(name, to)} put={(next) => change({ ...schema.properties, [name]: next })}
          demand={(on) => change(schema.properties, on ? [...required, name] : required.filter((one) => one !== name))}
          drop={() => change(Object.fromEntries(entries.filter(([other]) => other !== name)))} />
      ))}
      {!readOnly && <NewName what="field" taken={schema.properties ?? {}} add={(name) => change({ ...schema.properties, [name]: { type: "string" } }, [...required, name])} />}
    </div>
  );
}

function Property({ id, name, shape, required, readOnly, rename, put, demand, drop }) {
  const why = useWhyLocked(readOnly);
  const nullable = [shape.type].flat().includes("null");
  const type = typeOf(shape);
  const typed = (next, orNull) => (orNull ? [next, "null"] : next);
  const setType = (next) => {
    const { properties: _p, items: _i, required: _r, enum: values, ...rest } = withoutLimits(shape);
    put({ ...rest, ...fresh(next), type: typed(next, nullable), ...(next === "string" && values && { enum: values.map(String) }) });
  };
  const setText = (key, text) => {
    const { [key]: _, ...rest } = shape;
    put(text ? { ...rest, [key]: text } : rest);
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
        {type && <label title="It may be null as well"><Tick checked={nullable} why={why} onChange={(event) => put({ ...shape, type: typed(type, event.target.checked) })} /> or null</label>}
      </div>
      <Inside id={id} name={name} shape={shape} type={type} put={put} readOnly={readOnly} />
    </div>
  );
}

// What a value of the type is like inside: which ones are allowed, its limits, its fields, its items.
function Inside({ id, name, shape, type, put, readOnly }) {
  const setValues = (text) => {
    const values = text.split(",").map((one) => one.trim()).filter(Boolean).map((one) => (isNumeric(type) ? Number(one) : one));
    if (values.some(Number.isNaN)) return "Numbers, please, with commas between them.";
    const { enum: _, ...rest } = shape;
    return void put(values.length ? { ...rest, enum: values } : rest);
  };
  return (
    <>
      {(type === "string" || isNumeric(type)) && <Settled className="hed-in" value={(shape.enum ?? []).join(", ")} save={setValues} readOnly={readOnly} label={`Allowed values of ${name}`} placeholder={type === "string" ? "any text, or: one, two, three" : "any number, or: 1, 2, 3"} />}
      {type === "object" && <Properties id={id} schema={shape} put={put} readOnly={readOnly} />}
      {type === "array" && <Items id={id} name={name} shape={shape} put={put} readOnly={readOnly} />}
      <Limits name={name} shape={shape} type={type} put={put} readOnly={readOnly} />
    </>
  );
}

const fresh = (type) => ({ type, ...(type === "object" && { properties: {} }), ...(type === "array" && { items: { type: "string" } }) });

function Items({ id, name, shape, put, readOnly }) {
  const items = shape.items ?? {};
  const type = typeOf(items);
  return (
    <>
      <List value={type} why={useWhyLocked(readOnly)} aria-label={`Items of ${name}`} onChange={(event) => put({ ...shape, items: fresh(event.target.value) })}>
        {!TYPES.includes(type) && <option value={type}>items of any type</option>}
        {TYPES.map((one) => <option key={one} value={one}>items: {one}</option>)}
      </List>
      {type && <div className="hed-items"><Inside id={`${id}-items`} name={`items of ${name}`} shape={items} type={type} put={(next) => put({ ...shape, items: next })} readOnly={readOnly} /></div>}
    </>
  );
}
