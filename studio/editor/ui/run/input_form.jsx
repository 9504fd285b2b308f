// Input for runs that are not chats: a form made from the workflow's input schema, or JSON.
import { useEffect, useState } from "react";
import { Play } from "lucide-react";
import { useSession, useValue } from "../core/store.js";

export function InputForm() {
  const session = useSession();
  const schema = useValue((s) => s.graph?.top?.inputs);
  const last = useValue((s) => s.run?.input);
  const can = useValue((s) => s.view.can.run);
  const submit = useValue((s) => s.drawer.submit);
  const fields = Object.entries(schema?.properties ?? {});
  const [form, setForm] = useState(fields.length ? "form" : "json");
  const [values, setValues] = useState(last ?? {});
  const [text, setText] = useState(() => JSON.stringify(last ?? sample(schema), null, 2));
  const [error, setError] = useState(null);
  const run = () => {
    try {
      const input = form === "json" ? JSON.parse(text) : values;
      if (!input || typeof input !== "object" || Array.isArray(input)) throw new Error("the input must be an object, like {\"message\": \"…\"}");
      const missing = (schema?.required ?? []).filter((key) => input[key] === undefined || input[key] === "");
      if (missing.length) throw new Error(`${missing.join(", ")} must be given`);
      setError(null);
      session.runs.start(input);
    } catch (fault) {
      setError(`Not ready to run: ${fault.message}.`);
    }
  };
  useEffect(() => void (submit && run()), [submit]);
  const turn = (next) => {
    if (next === "json") setText(JSON.stringify(values, null, 2));
    setForm(next);
  };
  return (
    <div className="hed-input" data-testid="input-form">
      {fields.length > 0 && (
        <div className="hed-seg">
          {["form", "json"].map((one) => <button key={one} role="radio" aria-checked={form === one} onClick={() => turn(one)}>{one === "form" ? "Form" : "JSON"}</button>)}
        </div>
      )}
      <div className="body">
        {form === "json"
          ? <textarea className="hed-ta" value={text} onChange={(event) => setText(event.target.value)} spellCheck={false} aria-label="Input as JSON" data-testid="input-json" />
          : fields.map(([name, field]) => (
            <InputField key={name} name={name} field={field} required={schema.required?.includes(name)} value={values[name]}
              change={(value) => setValues((now) => { const { [name]: _, ...rest } = now; return value === undefined ? rest : { ...rest, [name]: value }; })} />
          ))}
      </div>
      {error && <p className="hed-error error" role="alert">{error}</p>}
      {can && <button className="hed-btn" onClick={run} data-testid="run-input"><Play size={14} /> Run with this input</button>}
    </div>
  );
}

const sample = (schema) => {
  const names = Object.keys(schema?.properties ?? {});
  return names.length ? Object.fromEntries(names.map((name) => [name, ""])) : { message: "" };
};

function InputField({ name, field, required, value, change }) {
  const id = `in-${name}`;
  const label = <label htmlFor={id}>{field.title ?? name}{required && <span className="side">required</span>}</label>;
  if (field.enum) {
    return (
      <div className="hed-f">{label}
        <select id={id} className="hed-in" value={value ?? ""} onChange={(event) => change(event.target.value || undefined)}>
          <option value="">not set</option>
          {field.enum.map((one) => <option key={one} value={one}>{one}</option>)}
        </select>
      </div>
    );
  }
  if (field.type === "boolean") {
    return <div className="hed-f">{label}<input id={id} type="checkbox" checked={Boolean(value)} onChange={(event) => change(event.target.checked)} /></div>;
  }
  const numeric = field.type === "number" || field.type === "integer";
  const parse = (text) => (text === "" ? undefined : numeric && !Number.isNaN(Number(text)) ? Number(text) : text);
  return (
    <div className="hed-f">{label}
      <input id={id} className="hed-in" value={typeof value === "object" ? JSON.stringify(value) : value ?? ""} inputMode={numeric ? "decimal" : undefined}
        placeholder={field.description ?? ""} onChange={(event) => change(parse(event.target.value))} />
    </div>
  );
}
