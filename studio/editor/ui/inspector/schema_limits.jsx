// What a JSON Schema can say of a value beside its type: bounds, lengths, patterns, a default. One row for each that is said, and a
// list to say another.
import { X } from "lucide-react";
import { List, Tick } from "../frame/controls.jsx";
import { opensByArrow } from "../frame/focus.js";
import { useWhyLocked } from "../frame/locked.js";
import { Settled } from "./names.jsx";

const isCount = (value) => Number.isInteger(value) && value >= 0;
const isText = (value) => typeof value === "string";
const isScalar = (value) => value === null || ["string", "number", "boolean"].includes(typeof value);
const COUNT = { holds: isCount, read: (text) => (isCount(Number(text)) && text ? Number(text) : undefined), wants: "A whole number from 0 on, please." };
const NUMBER = { holds: Number.isFinite, read: (text) => (text && Number.isFinite(Number(text)) ? Number(text) : undefined), wants: "A number, please." };
const FORMATS = ["date", "date-time", "time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname"];

// Keyword -> {title, of: the types it belongs to, start, holds(value), read(text), wants, shape?: "tick" | "list"}
const LIMITS = {
  minimum: { title: "at least", of: ["number", "integer"], start: 0, ...NUMBER },
  maximum: { title: "at most", of: ["number", "integer"], start: 100, ...NUMBER },
  exclusiveMinimum: { title: "more than", of: ["number", "integer"], start: 0, ...NUMBER },
  exclusiveMaximum: { title: "less than", of: ["number", "integer"], start: 100, ...NUMBER },
  multipleOf: { title: "a multiple of", of: ["number", "integer"], start: 1, ...NUMBER, read: (text) => (Number(text) > 0 ? Number(text) : undefined), wants: "A number above 0, please." },
  minLength: { title: "fewest characters", of: ["string"], start: 1, ...COUNT },
  maxLength: { title: "most characters", of: ["string"], start: 200, ...COUNT },
  pattern: { title: "pattern", of: ["string"], start: "^.+$", holds: isText, read: asPattern, wants: "That is no regular expression.", code: true },
  format: { title: "format", of: ["string"], start: "date", holds: isText, shape: "list" },
  minItems: { title: "fewest items", of: ["array"], start: 1, ...COUNT },
  maxItems: { title: "most items", of: ["array"], start: 10, ...COUNT },
  uniqueItems: { title: "no item twice", of: ["array"], start: true, holds: (value) => value === true, shape: "tick" },
  additionalProperties: { title: "no other fields", of: ["object"], holds: (value) => value === false },
  default: { title: "default", of: ["string", "number", "integer", "boolean"], start: "", holds: isScalar, code: true },
};
const KINDS = { string: (text) => text, boolean: (text) => ({ true: true, false: false })[text], number: NUMBER.read, integer: (text) => (Number.isInteger(NUMBER.read(text)) ? Number(text) : undefined) };
const STARTS = { string: "", boolean: false, number: 0, integer: 0 };

function asPattern(text) {
  try {
    new RegExp(text, "u");
    return text;
  } catch {
    return undefined;
  }
}

export const isLimit = (key) => Object.hasOwn(LIMITS, key);

// Can its row show this? Of a type that the keyword says nothing about, it stays in the JSON.
export const fitsRow = (key, value, type) => LIMITS[key].of.includes(type) && LIMITS[key].holds(value);

export const withoutLimits = (shape) => Object.fromEntries(Object.entries(shape).filter(([key]) => !isLimit(key)));

export function Limits({ name, shape, type, put, readOnly }) {
  const said = Object.keys(LIMITS).filter((key) => Object.hasOwn(shape, key));
  const more = Object.keys(LIMITS).filter((key) => LIMITS[key].of.includes(type) && !said.includes(key));
  const change = (key, value) => {
    const { [key]: _, ...rest } = shape;
    put(value === undefined ? rest : { ...shape, [key]: value });
  };
  if (type === "object") return <Closed name={name} closed={said.length > 0} change={(closed) => change("additionalProperties", closed ? false : undefined)} readOnly={readOnly} />;
  return (
    <>
      {said.map((key) => <Limit key={key} of={name} keyword={key} value={shape[key]} type={type} change={(value) => change(key, value)} readOnly={readOnly} />)}
      {!readOnly && more.length > 0 && (
        <select className="hed-in" value="" aria-label={`Add a limit to ${name}`} onKeyDown={opensByArrow} onChange={(event) => event.target.value && change(event.target.value, event.target.value === "default" ? STARTS[type] : LIMITS[event.target.value].start)}>
          <option value="">Add a limit…</option>
          {more.map((key) => <option key={key} value={key}>{LIMITS[key].title}</option>)}
        </select>
      )}
    </>
  );
}

// The one thing that is said of objects.
function Closed({ name, closed, change, readOnly }) {
  return <label className="line"><Tick checked={closed} why={useWhyLocked(readOnly)} aria-label={`no other fields of ${name}`} onChange={(event) => change(event.target.checked)} /> no other fields</label>;
}

function Limit({ of, keyword, value, type, change, readOnly }) {
  const { title, shape, code } = LIMITS[keyword];
  const why = useWhyLocked(readOnly);
  const label = `${title} of ${of}`;
  return (
    <div className="line limit">
      <span className="mut" title={keyword}>{title}</span>
      {shape === "tick" ? <Tick checked why={why} aria-label={label} onChange={() => change(undefined)} />
        : shape === "list" ? <List value={value} why={why} aria-label={label} onChange={(event) => change(event.target.value)}>{[...new Set([value, ...FORMATS])].map((one) => <option key={one} value={one}>{one}</option>)}</List>
          : <Settled className={`hed-in ${code ? "mono" : "hed-num"}`} value={String(value)} save={(text) => saved(keyword, text, type, change)} readOnly={readOnly} label={label} />}
      {!readOnly && <button className="hed-icon" aria-label={`Remove ${label}`} title="Remove" onClick={() => change(undefined)}><X size={11} /></button>}
    </div>
  );
}

// What is wrong with the text, or null once it is saved.
function saved(keyword, text, type, change) {
  const { read, wants } = LIMITS[keyword];
  const value = keyword === "default" ? KINDS[type](text) : read(text);
  if (value === undefined) return keyword === "default" ? `The default is to be of type ${type}.` : wants;
  change(value);
  return null;
}
