// Lists: of texts, of fixed choices, of objects with a form each.
import { useState } from "react";
import { ArrowDown, ArrowUp, Plus, X } from "lucide-react";
import { Button, Tick } from "../frame/controls.jsx";
import { inSentence } from "../frame/format.js";
import { useWhyLocked } from "../frame/locked.js";
import { FieldFrame } from "./field.jsx";
import { usePending } from "./pending.js";
import { valueAt } from "./problem.jsx";
import { JsonInput } from "./widgets_text.jsx";

export function ListInput(props) {
  const { id, field, readOnly } = props;
  const [value, save] = usePending(props.value, props.save);
  const [next, setNext] = useState("");
  const items = Array.isArray(value) ? value : [];
  if (items.some((item) => item !== null && typeof item === "object")) return <JsonInput {...props} />;
  const add = () => {
    const text = next.trim();
    if (text && !items.includes(text)) save([...items, text]);
    setNext("");
  };
  return (
    <div className="hed-list">
      {items.map((item, i) => (
        <span key={`${item}-${i}`} className="hed-tag">{String(item)}
          {!readOnly && <button aria-label={`Remove ${item}`} onClick={() => save(items.length > 1 || field.required ? items.filter((_, n) => n !== i) : undefined)}><X size={10} /></button>}
        </span>
      ))}
      {!readOnly && (
        <input id={id} className="hed-in" value={next} placeholder="Add…" data-reads={field.reads} onChange={(event) => setNext(event.target.value)} onBlur={add}
          onKeyDown={(event) => {
            if (event.key === "Enter") { event.preventDefault(); add(); }
            if (event.key === "Backspace" && !next && items.length) save(items.length > 1 ? items.slice(0, -1) : undefined);
          }} />
      )}
    </div>
  );
}

export function ChoicesInput({ id, value, field, save, readOnly }) {
  const why = useWhyLocked(readOnly);
  const chosen = Array.isArray(value) ? value : field.default ?? [];
  const toggle = (option) => {
    const next = (field.options ?? []).map((one) => one.value).filter((one) => (one === option ? !chosen.includes(one) : chosen.includes(one)));
    save(next);
  };
  return (
    <div className="hed-choices" id={id} role="group" aria-label={field.title}>
      {(field.options ?? []).map(({ value: option, label }) => (
        <label key={option}><Tick checked={chosen.includes(option)} why={why} onChange={() => toggle(option)} /> {label ?? option}</label>
      ))}
    </div>
  );
}

const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

// One card with a form for each object.
export function ObjectsInput(props) {
  const { id, field, readOnly } = props;
  const [value, save] = usePending(props.value, props.save);
  const items = Array.isArray(value) ? value : [];
  if (items.some((item) => !isMap(item))) return <JsonInput {...props} />;
  const put = (next) => save(next.length || field.required ? next : undefined);
  const move = (i, by) => {
    const next = [...items];
    [next[i], next[i + by]] = [next[i + by], next[i]];
    put(next);
  };
  return (
    <div className="hed-objects" id={id} data-testid={`objects-${field.key}`}>
      {items.map((item, i) => (
        <fieldset key={i}>
          <legend>{titleOf(item, field, i)}</legend>
          {!readOnly && (
            <span className="do">
              <Button className="hed-icon" why={i ? null : "It is the first."} title="Move up" aria-label={`Move ${titleOf(item, field, i)} up`} onClick={() => move(i, -1)}><ArrowUp size={11} /></Button>
              <Button className="hed-icon" why={i < items.length - 1 ? null : "It is the last."} title="Move down" aria-label={`Move ${titleOf(item, field, i)} down`} onClick={() => move(i, 1)}><ArrowDown size={11} /></Button>
              <button className="hed-icon" title="Remove" aria-label={`Remove ${titleOf(item, field, i)}`} onClick={() => put(items.filter((_, n) => n !== i))}><X size={11} /></button>
            </span>
          )}
          {field.items.map((one) => (
            <FieldFrame key={one.key} id={`${id}-${i}-${one.key}`} field={one} value={valueAt(item, one.key)} editable={!readOnly} testid={`field-${field.key}-${i}-${one.key}`}
              save={(next) => put(items.map((old, n) => (n === i ? changed(old, one.key.split("."), next) : old)))} />
          ))}
        </fieldset>
      ))}
      {!readOnly && <button className="hed-link" onClick={() => put([...items, fresh(field)])}><Plus size={12} /> Add to {inSentence(field.title)}</button>}
    </div>
  );
}

const titleOf = (item, field, i) => {
  const first = item[field.items[0]?.key];
  return typeof first === "string" && first ? first : `${field.title} ${i + 1}`;
};

const fresh = (field) => Object.fromEntries(field.items.filter((one) => one.required || one === field.items[0]).map((one) => [one.key, one.widget === "text" ? "" : one.default ?? ""]));

function changed(object, [key, ...rest], value) {
  const next = { ...object, [key]: rest.length ? changed(isMap(object[key]) ? object[key] : {}, rest, value) : value };
  if (next[key] === undefined || (rest.length && !Object.keys(next[key]).length)) delete next[key];
  return next;
}
