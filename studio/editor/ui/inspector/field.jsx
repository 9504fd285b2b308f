// One field of a form: label, unit, help, reset, widget, and what is wrong with it. `field` is described by the node type's
// config model: {key, title, description, unit, widget, reads, options?, default, required}.
import { useState } from "react";
import { CircleHelp, RotateCcw } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { setField } from "../core/actions.js";
import { tokens } from "../frame/format.js";
import { Problem, pathAt, valueAt } from "./problem.jsx";
import { JsonInput, NumberInput, WIDGETS } from "./widgets.js";

export function Field({ node, field, editable, note }) {
  const session = useSession();
  const value = valueAt(node.config, field.key);
  const path = ["config", ...field.key.split(".")];
  const save = (next) => setField(session, node.name, path, next);
  const problem = useValue((s) => s.diagnostics.find((d) => d.node === node.name && pathAt(d, path)));
  return <FieldFrame id={`f-${node.name}-${field.key}`} field={field} value={value} save={save} editable={editable} problem={problem} note={note} />;
}

// The same for a value that lives anywhere: in a list of objects, at the top of the file. `children`: a control of its own in place of
// the widget; `why`: a reason of this field alone not to be changed now.
export function FieldFrame({ id, field, value, save, editable, problem, note, testid, why, children }) {
  const [helps, setHelps] = useState(false);
  const set = value !== undefined;
  const Widget = WIDGETS[field.widget] ?? JsonInput;
  const instead = note?.instead && !set;
  return (
    <div className={`hed-f ${problem?.severity ?? ""}`} data-testid={testid ?? `field-${field.key}`}>
      <div className="hed-fl">
        <Title id={id} field={field} />
        <span className="side">
          {field.widget === "prompt" && <span className="num" title="Rough: four characters a token">{tokens(value)} tokens</span>}
          {field.unit && WIDGETS[field.widget] !== NumberInput && <span>{field.unit}</span>}
          {field.description && <button type="button" className="hed-reset" aria-label={`What is ${field.title}?`} aria-expanded={helps} title={field.description} onClick={() => setHelps(!helps)}><CircleHelp size={11} /></button>}
          {set && !field.required && editable && (
            <button type="button" className="hed-reset" title={`Back to the default${field.default != null ? ` (${JSON.stringify(field.default)})` : ""}`} aria-label={`Reset ${field.title}`} onClick={() => save(undefined)}>
              <RotateCcw size={11} />
            </button>
          )}
        </span>
      </div>
      {helps && <p className="hed-help">{field.description}{field.default != null && field.default !== "" && <> Default: <code>{JSON.stringify(field.default)}</code>.</>}</p>}
      {children ?? (instead ? note.shown : <Widget id={id} value={value} field={field} save={save} readOnly={!editable} why={why} />)}
      {problem && <Problem problem={problem} />}
      {!instead && note?.shown}
    </div>
  );
}

// Of a single control, or without an `id` of several.
function Title({ id, field: { title, description, required } }) {
  const text = <>{title}{required && <span className="req" title="Required" aria-label="required">*</span>}</>;
  return id ? <label htmlFor={id} title={description} onClick={() => document.getElementById(id)?.focus()}>{text}</label> : <span title={description}>{text}</span>;
}
