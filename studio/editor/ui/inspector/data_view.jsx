// JSON as people read it: a tree that folds, or the text itself. And what a node got and gave in the last run.
import { useState } from "react";
import { ChevronRight, Copy } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { cost, duration } from "../frame/format.js";

export function DataTab({ node }) {
  const steps = useValue((s) => s.run?.steps);
  const chosen = useValue((s) => s.focusStep);
  const own = (steps ?? []).filter((step) => step.path === node.name || step.path.startsWith(`${node.name}/`));
  const step = own.find((one) => one.key === chosen) ?? own.findLast((one) => one.path === node.name) ?? own.at(-1);
  if (!step) {
    return (
      <div className="hed-nothing">
        <b>No data yet</b>
        <p>Run the workflow, and what this node got and gave stands here.</p>
      </div>
    );
  }
  return (
    <>
      {own.length > 1 && <StepChoice steps={own} step={step} />}
      <StepNumbers step={step} />
      {step.error && <StepError error={step.error} />}
      <DataBlock title="Input" value={step.input} />
      {step.output !== undefined && <DataBlock title="Output" value={step.output} />}
    </>
  );
}

function StepChoice({ steps, step }) {
  const session = useSession();
  return (
    <div className="hed-f">
      <label htmlFor="data-step">Step</label>
      <select id="data-step" className="hed-in" value={step.key} onChange={(event) => session.set({ focusStep: event.target.value })}>
        {steps.map((one) => <option key={one.key} value={one.key}>{one.path}{one.iteration ? ` · round ${one.iteration + 1}` : ""}</option>)}
      </select>
    </div>
  );
}

function StepNumbers({ step }) {
  const facts = [
    ["Status", step.status], ["Took", duration(step.duration_ms)], ["Cost", cost(step.cost)], ["Tier", step.tier], ["Model", step.model],
    ["Tokens", step.tokens_in || step.tokens_out ? `${step.tokens_in} in · ${step.tokens_out} out` : ""],
    ["Try", step.attempt > 1 ? step.attempt : ""],
  ].filter(([, value]) => value);
  return (
    <div className="hed-facts" data-testid="step-facts">
      {facts.map(([name, value]) => <div key={name}><span>{name}</span><b>{value}</b></div>)}
      {step.reason && <p className="hed-note">{(step.tier || step.model) && <><b>Why {step.tier ?? "this model"}</b> · </>}{step.reason}</p>}
    </div>
  );
}

export function StepError({ error }) {
  return (
    <div className="hed-f">
      <p className="hed-error error" role="alert"><b>{error.type ?? error.code}</b> {error.message}</p>
    </div>
  );
}

export function DataBlock({ title, value }) {
  const [form, setForm] = useState("tree");
  const text = JSON.stringify(value ?? null, null, 2);
  return (
    <div className="hed-f">
      <label>
        {title}
        <span className="side">
          {["tree", "json"].map((one) => (
            <button key={one} className={`hed-link ${form === one ? "chosen" : ""}`} onClick={() => setForm(one)} aria-pressed={form === one}>{one === "tree" ? "Tree" : "JSON"}</button>
          ))}
          <button className="hed-reset" title={`Copy the ${title.toLowerCase()}`} aria-label={`Copy the ${title.toLowerCase()}`} onClick={() => navigator.clipboard?.writeText(text)}><Copy size={11} /></button>
        </span>
      </label>
      <div className="hed-ta data">{form === "tree" ? <Tree value={value} /> : <pre>{text}</pre>}</div>
    </div>
  );
}

const LONG = 240;

export function Tree({ value, name, depth = 0 }) {
  const isNested = value !== null && typeof value === "object";
  const entries = isNested ? Object.entries(value) : [];
  const [open, setOpen] = useState(depth < 2 && entries.length <= 30);
  const [all, setAll] = useState(false);
  const key = name !== undefined && <span className="k">{name}</span>;
  if (!isNested) {
    const long = typeof value === "string" && value.length > LONG && !all;
    return (
      <div className="leaf">
        {key} <Leaf value={long ? value.slice(0, LONG) : value} />
        {long && <button className="hed-link" onClick={() => setAll(true)}>… {value.length - LONG} more</button>}
      </div>
    );
  }
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  if (!entries.length) return <div className="leaf">{key} <span className="mut">{size.replace("0", "")}</span></div>;
  if (name === undefined) return entries.map(([childName, child]) => <Tree key={childName} name={childName} value={child} depth={depth + 1} />);
  return (
    <div>
      <button className="fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        <ChevronRight size={11} />{key} <span className="mut">{size}</span>
      </button>
      {open && <div className="below">{entries.map(([childName, child]) => <Tree key={childName} name={childName} value={child} depth={depth + 1} />)}</div>}
    </div>
  );
}

function Leaf({ value }) {
  if (typeof value === "string") return <span className="s">"{value}"</span>;
  return <span className="n">{String(value ?? null)}</span>;
}
