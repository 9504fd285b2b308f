// Input for runs that are not chats: a form made from the workflow's input schema, or JSON. What does not fit is said beside its
// field before anything runs, by the checks that the run itself makes (engine/execution/schema_check.py).
import { useEffect, useRef, useState } from "react";
import { Play } from "lucide-react";
import { checkInput } from "../core/api.js";
import { useSession, useValue } from "../core/store.js";
import { InputFields } from "./input_fields.jsx";
import { completed, fieldsOf, isWithin, keyOf, readJson, schemaOf, startOf, withValue } from "./input_schema.js";

const NO_OBJECT = 'The input must be an object, like {"message": "…"}.';

export function InputForm() {
  const session = useSession();
  const schema = useValue((s) => schemaOf(s.graph));
  const last = useValue((s) => s.run?.input);
  const can = useValue((s) => s.view.can.run);
  const submit = useValue((s) => s.drawer.submit);
  const names = fieldsOf(schema).map(({ name }) => name);
  const [way, setWay] = useState(names.length ? "form" : "json");
  const [values, setValues] = useState(() => ({ ...startOf(schema), ...last }));
  const [text, setText] = useState(() => JSON.stringify(last ?? sample(schema), null, 2));
  const [unread, setUnread] = useState([]); // [{at, message}] of fields whose text cannot be read
  const [faults, setFaults] = useState([]);
  const [round, setRound] = useState(0); // of the fields: they begin anew when the values come from the JSON
  const [refused, setRefused] = useState(0); // how often; then the first field that is to be mended has the focus
  const body = useRef(null);

  const forget = (path) => {
    setUnread((all) => all.filter(({ at }) => !isWithin(at, path)));
    setFaults((all) => all.filter(({ at }) => !isWithin(at, path) && at.length));
  };
  const change = (path, value, fault) => {
    setValues((now) => withValue(now, path, value));
    forget(path);
    if (fault) setUnread((all) => [...all, { at: path, message: fault }]);
  };
  // {value} or {wrong: [{at, message}]}
  const read = () => {
    if (way === "form") return unread.length ? { wrong: unread } : { value: completed(schema, values) };
    const { value, fault } = readJson(text);
    return isObject(value) ? { value } : { wrong: [{ at: [], message: fault ?? NO_OBJECT }] };
  };
  const run = async () => {
    const { value, wrong } = read();
    try {
      const found = wrong ?? (schema ? await checkInput(schema, value) : []);
      setFaults(found);
      if (found.length) setRefused((n) => n + 1);
      else session.runs.start(value);
    } catch (error) {
      setFaults([{ at: [], message: error.message }]);
    }
  };
  const turn = (next) => {
    if (next === way) return;
    const { value, wrong } = next === "form" ? read() : { value: values };
    setFaults(wrong ?? []);
    if (wrong) return;
    if (next === "json") setText(JSON.stringify(value, null, 2));
    else setRound(round + 1);
    setValues(value);
    setUnread([]);
    setWay(next);
  };
  useEffect(() => void (submit && run()), [submit]);
  useEffect(() => body.current?.querySelector("[aria-invalid=true]")?.focus(), [refused]);

  const shown = way === "form" ? [...unread, ...faults.filter(({ at }) => !unread.some((one) => keyOf(one.at) === keyOf(at)))] : [];
  const rest = way === "form" ? faults.filter(({ at }) => !names.includes(at[0])) : faults;
  return (
    <div className="hed-input" data-testid="input-form">
      <div className="body" ref={body}>
        {way === "json"
          ? <textarea className="hed-ta" value={text} onChange={(event) => setText(event.target.value)} spellCheck={false} aria-label="Input as JSON" data-testid="input-json" />
          : <InputFields key={round} schema={schema} values={values} form={{ change, forget, faults: shown }} />}
      </div>
      {faults.length > 0 && (
        <p className="hed-error error" role="alert">
          Not ready to run: {rest.length ? rest.map(({ at, message }) => [at.join("."), message].filter(Boolean).join(": ")).join(" ") : `look at ${faults.length === 1 ? "one field" : `${faults.length} fields`} again.`}
        </p>
      )}
      <div className="foot">
        {can && <button className="hed-btn" onClick={run} data-testid="run-input"><Play size={14} /> Run this input</button>}
        {names.length > 0 && (
          <div className="hed-seg" role="radiogroup" aria-label="Input as">
            {["form", "json"].map((one) => <button key={one} role="radio" aria-checked={way === one} onClick={() => turn(one)}>{one === "form" ? "Form" : "JSON"}</button>)}
          </div>
        )}
      </div>
    </div>
  );
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const sample = (schema) => {
  const names = fieldsOf(schema).map(({ name }) => name);
  return names.length ? { ...Object.fromEntries(names.map((name) => [name, ""])), ...startOf(schema) } : { message: "" };
};
