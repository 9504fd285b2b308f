// The fields of a run's input, one for each property of its schema.
import { useState } from "react";
import { Plus, X } from "lucide-react";
import { fieldsOf, inputType, isWhole, isWithin, keyOf, kindOf, readAny, readJson, readNumber } from "./input_schema.js";

const titleOf = (name, shape) => (typeof shape.title === "string" && shape.title ? shape.title : name);
const idOf = (path) => `in-${path.join("-")}`;
const asText = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 2));

// `form`: {change(path, value, fault?), faults: [{at, message}]}.
export function InputFields({ schema, values, path = [], form }) {
  return fieldsOf(schema).map(({ name, shape, required }) => (
    <InputField key={name} name={name} shape={shape} required={required} value={values?.[name]} path={[...path, name]} form={form} />
  ));
}

function InputField({ name, shape, required, value, path, form }) {
  const kind = kindOf(shape, path.length);
  const id = idOf(path);
  const inner = kind === "json" || kind === "any"; // its faults have no fields of their own
  const faults = form.faults.filter(({ at }) => (inner ? isWithin(at, path) : keyOf(at) === keyOf(path)));
  const mark = required && <span className="req" title="Required" aria-label="required">*</span>;
  const help = typeof shape.description === "string" && shape.description ? <p className="hed-help" id={`${id}-help`}>{shape.description}</p> : null;
  const wrong = faults.length > 0 && <p className="hed-error error" role="alert" id={`${id}-wrong`}>{faults.map(({ at, message }) => [at.slice(path.length).join("."), message].filter(Boolean).join(": ")).join(" ")}</p>;
  const about = [help && `${id}-help`, wrong && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
  const marks = { id, "aria-invalid": wrong ? true : undefined, "aria-describedby": about, "aria-required": required || undefined };
  const Control = CONTROLS[kind];
  const control = <Control marks={marks} shape={shape} value={value} path={path} form={form} />;
  if (kind === "group" || kind === "rows" || kind === "choices") {
    return (
      <fieldset className={`hed-f ${wrong ? "error" : ""}`} id={id} aria-describedby={about} data-testid={id}>
        <legend className="hed-fl"><span>{titleOf(name, shape)}{mark}</span></legend>
        {help}{control}{wrong}
      </fieldset>
    );
  }
  return (
    <div className={`hed-f ${wrong ? "error" : ""}`} data-testid={id}>
      <div className="hed-fl"><label htmlFor={id}>{titleOf(name, shape)}{mark}</label></div>
      {control}{help}{wrong}
    </div>
  );
}

function Choice({ marks, shape, value, path, form }) {
  const picked = shape.enum.findIndex((one) => one === value);
  return (
    <select {...marks} className="hed-in" value={picked} onChange={(event) => form.change(path, shape.enum[Number(event.target.value)])}>
      <option value={-1}>not set</option>
      {shape.enum.map((one, i) => <option key={i} value={i}>{one === null ? "none" : String(one)}</option>)}
    </select>
  );
}

const YES = { true: true, false: false };

function YesNo({ marks, value, path, form }) {
  return (
    <select {...marks} className="hed-in" value={String(value ?? "")} onChange={(event) => form.change(path, YES[event.target.value])}>
      <option value="">not set</option>
      <option value="true">yes</option>
      <option value="false">no</option>
    </select>
  );
}

function Choices({ marks, shape, value, path, form }) {
  const chosen = Array.isArray(value) ? value : [];
  const toggle = (option) => {
    const next = shape.items.enum.filter((one) => (one === option ? !chosen.includes(one) : chosen.includes(one)));
    form.change(path, next.length ? next : undefined);
  };
  return (
    <div className="hed-choices">
      {shape.items.enum.map((option) => (
        <label key={String(option)}><input type="checkbox" aria-invalid={marks["aria-invalid"]} checked={chosen.includes(option)} onChange={() => toggle(option)} /> {String(option)}</label>
      ))}
    </div>
  );
}

const example = ({ examples, default: usual }) => asText(examples?.[0] ?? usual);

function Text({ marks, shape, value, path, form }) {
  return <input {...marks} type={inputType(shape)} className="hed-in" value={asText(value)} placeholder={example(shape)} onChange={(event) => form.change(path, event.target.value || undefined)} />;
}

function Long({ marks, shape, value, path, form }) {
  return <textarea {...marks} className="hed-ta plain" rows={3} value={asText(value)} placeholder={example(shape)} onChange={(event) => form.change(path, event.target.value || undefined)} />;
}

// What is written as it is, until it can be read.
function useRead(value, path, form, read) {
  const [text, setText] = useState(() => asText(value));
  const write = (next) => {
    setText(next);
    const { value: found, fault } = read(next);
    form.change(path, found, fault);
  };
  return [text, write];
}

function Numeric({ marks, shape, value, path, form }) {
  const [text, write] = useRead(value, path, form, (next) => readNumber(next, shape));
  const { minimum, maximum } = shape;
  const bounds = minimum !== undefined && maximum !== undefined ? `${minimum} to ${maximum}` : minimum !== undefined ? `at least ${minimum}` : maximum !== undefined ? `at most ${maximum}` : "";
  return <input {...marks} className="hed-in hed-num" inputMode={isWhole(shape) ? "numeric" : "decimal"} value={text} placeholder={example(shape) || bounds} onChange={(event) => write(event.target.value)} />;
}

function Json({ marks, shape, value, path, form }) {
  const [text, write] = useRead(value, path, form, kindOf(shape) === "any" ? readAny : readJson);
  const kind = [shape.type].flat().includes("array") ? "[…]" : [shape.type].flat().includes("object") ? "{…}" : "";
  return <textarea {...marks} className="hed-ta" rows={Math.min(10, Math.max(2, text.split("\n").length))} value={text} placeholder={example(shape) || kind} spellCheck={false} onChange={(event) => write(event.target.value)} />;
}

function Rows({ shape, value, path, form }) {
  const items = Array.isArray(value) ? value : [];
  const [keys, setKeys] = useState(() => items.map((_one, i) => i)); // a row keeps its own while others go
  const shown = items.map((_one, i) => keys[i] ?? i);
  const put = (next, nextKeys) => {
    setKeys(nextKeys);
    form.change(path, next.length ? next : undefined);
  };
  const remove = (i) => {
    form.forget([...path, i]);
    put(items.filter((_one, n) => n !== i), shown.filter((_one, n) => n !== i));
  };
  const empty = kindOf(shape.items) === "number" ? null : "";
  return (
    <>
      {items.map((item, i) => (
        <div key={shown[i]} className="hed-kvrow">
          <Row shape={shape.items} value={item ?? undefined} path={[...path, i]} form={{ ...form, change: (at, next, fault) => form.change(at, next === undefined ? empty : next, fault) }} />
          <button type="button" className="hed-icon" aria-label={`Remove entry ${i + 1}`} title="Remove" onClick={() => remove(i)}><X size={12} /></button>
        </div>
      ))}
      <button type="button" className="hed-link" onClick={() => put([...items, empty], [...shown, Math.max(-1, ...shown) + 1])}><Plus size={12} /> Add an entry</button>
    </>
  );
}

function Row({ shape, value, path, form }) {
  const id = idOf(path);
  const fault = form.faults.find(({ at }) => keyOf(at) === keyOf(path));
  const Control = kindOf(shape) === "number" ? Numeric : Text;
  return (
    <div className={`hed-f ${fault ? "error" : ""}`}>
      <Control marks={{ id, "aria-label": `Entry ${path.at(-1) + 1}`, "aria-invalid": fault ? true : undefined, "aria-describedby": fault ? `${id}-wrong` : undefined }} shape={shape} value={value} path={path} form={form} />
      {fault && <p className="hed-error error" role="alert" id={`${id}-wrong`}>{fault.message}</p>}
    </div>
  );
}

const Group = ({ shape, value, path, form }) => <InputFields schema={shape} values={value} path={path} form={form} />;

const CONTROLS = { choice: Choice, choices: Choices, yes: YesNo, number: Numeric, text: Text, long: Long, rows: Rows, group: Group, json: Json, any: Json };
