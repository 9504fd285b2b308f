// Constants of the workflow: a name, a value, and what it is for. Everything in it can read them as variables.<name>.
import { Plus, X } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { addTo, itemsOf, removeFrom, renameVariable, setIn } from "../core/top.js";
import { List } from "../frame/controls.jsx";
import { useReadOnly, useWhyLocked } from "../frame/locked.js";
import { useDraft } from "./draft.js";
import { FieldFrame } from "./field.jsx";
import { Settled } from "./names.jsx";
import { Problem } from "./problem.jsx";
import { Fault, asText } from "./widgets_text.jsx";

const CONSTANTS = { key: "variables", title: "Variables", description: "Values that several nodes share, such as the shop's name: prompts read {variables.name}, expressions variables.name." };
const NAME = /^[A-Za-z_]\w{0,63}$/;

// How a value of each type is read from what is typed: {value}, or {fault}.
const TYPES = {
  string: { title: "text", read: (text) => ({ value: text }) },
  number: { title: "number", read: (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? { fault: "A number, please." } : { value: Number(text) }) },
  boolean: { title: "yes or no" },
  object: { title: "JSON", read: readJson },
};

function readJson(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { fault: `Not JSON yet: ${error.message.replace(/^JSON\.parse: /, "")}` };
  }
}

const typeOf = (value) => (value == null || typeof value === "string" ? "string" : ["number", "boolean"].includes(typeof value) ? typeof value : "object");
const FRESH = { string: (value) => asText(value), number: (value) => Number(value) || 0, boolean: Boolean, object: (value) => (value && typeof value === "object" ? value : {}) };

export function Variables({ editable }) {
  const session = useSession();
  const graph = useValue((s) => s.graph);
  const items = itemsOf(graph, "variables");
  const add = () => addTo(session, "variables", { name: "variable", default: "" }, (key) => setTimeout(() => document.getElementById(`${key}-name`)?.select()));
  return (
    <FieldFrame field={CONSTANTS} editable={false}>
      {items.map((item) => <Variable key={item.key} item={item} items={items} editable={editable} />)}
      {!items.length && <p className="hed-help">None.</p>}
      {editable && <button className="hed-link" onClick={add}><Plus size={12} /> Add a variable</button>}
    </FieldFrame>
  );
}

function Variable({ item: { key, index, raw }, items, editable }) {
  const session = useSession();
  const problem = useValue((s) => s.diagnostics.find((d) => d.path?.[0] === "variables" && d.path[1] === index));
  const why = useWhyLocked(!editable);
  const set = (path, value) => setIn(session, "variables", key, path, value);
  const rename = (name) => {
    if (!NAME.test(name)) return "Letters, digits and _ only, not starting with a digit.";
    if (items.some((other) => other.key !== key && other.raw.name === name)) return `There is a variable called ${name} already.`;
    return void renameVariable(session, key, name);
  };
  const type = typeOf(raw.default);
  return (
    <div className="hed-prop" data-testid={`variable-${raw.name}`}>
      <div className="line">
        <Settled id={`${key}-name`} className="hed-in mono" value={raw.name ?? ""} save={rename} readOnly={!editable} label={`Name of ${raw.name}`} />
        <List value={type} why={why} aria-label={`Type of ${raw.name}`} onChange={(event) => set(["default"], FRESH[event.target.value](raw.default))}>
          {Object.entries(TYPES).map(([one, { title }]) => <option key={one} value={one}>{title}</option>)}
        </List>
        {editable && <button className="hed-icon" aria-label={`Remove ${raw.name}`} title="Remove" onClick={() => removeFrom(session, "variables", key)}><X size={11} /></button>}
      </div>
      {type === "boolean"
        ? <List value={String(raw.default)} why={why} aria-label={`Value of ${raw.name}`} onChange={(event) => set(["default"], event.target.value === "true")}><option value="true">yes</option><option value="false">no</option></List>
        : <Value key={type} name={raw.name} id={`${key}-value`} value={raw.default} type={type} save={(value) => set(["default"], value)} readOnly={!editable} />}
      <Settled className="hed-in" value={raw.description ?? ""} save={(text) => void set(["description"], text || undefined)} readOnly={!editable} label={`Description of ${raw.name}`} placeholder="what it is for" />
      {problem && <Problem problem={problem} />}
    </div>
  );
}

function Value({ id, name, value, type, save, readOnly }) {
  const put = (text) => {
    const read = TYPES[type].read(text);
    return read.fault ?? void save(read.value);
  };
  const draft = useDraft(asText(value), put, { id, when: type === "object" ? "rest" : "key" });
  return (
    <>
      <input id={id} className={`hed-in ${type === "object" ? "mono" : ""}`} {...draft.bind} aria-label={`Value of ${name}`} placeholder="value" spellCheck={false} {...useReadOnly(readOnly)} />
      <Fault>{draft.error}</Fault>
    </>
  );
}
