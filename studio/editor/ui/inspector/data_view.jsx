// What a node got and gave in the run that is looked at; and everything that it could read there.
import { useState } from "react";
import { Copy } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { cost, duration } from "../frame/format.js";
import { Table, Tree } from "./data_forms.jsx";
import { Pick } from "./pick.jsx";
import { Pinned } from "./pinned.jsx";
import { useLookedAt, useReading } from "./scope.js";

const ofNode = (run, name) => (run?.steps ?? []).filter((step) => step.path === name || step.path.startsWith(`${name}/`));

function useStep(node) {
  const steps = ofNode(useLookedAt(), node.name);
  const chosen = useValue((s) => s.focusStep);
  return [steps, steps.find((one) => one.key === chosen) ?? steps.findLast((one) => one.path === node.name) ?? steps.at(-1)];
}

export function DataTab({ node }) {
  const [steps, step] = useStep(node);
  if (!step) {
    return (
      <>
        <Pinned node={node} />
        <NoData>Run the workflow, and what this node got and gave stands here.</NoData>
      </>
    );
  }
  return (
    <>
      <Pinned node={node} />
      {steps.length > 1 && <StepChoice steps={steps} step={step} />}
      <StepNumbers step={step} />
      {step.error && <StepError error={step.error} />}
      <DataBlock title="Input" value={step.input} />
      {step.output !== undefined && <DataBlock title="Output" value={step.output} path={outputPath(step)} />}
    </>
  );
}

// Where expressions read a step's output; steps inside of other nodes are read there only.
const outputPath = (step) => (step.path.includes("/") ? undefined : `nodes.${step.path}.output`);

function NoData({ children }) {
  return <div className="hed-nothing"><b>No data yet</b><p>{children}</p></div>;
}

// ---- beside the settings

const ROOTS = [["context", "Context"], ["nodes", "Outputs of nodes"], ["inputs", "Input of the run"], ["variables", "Variables"], ["item", "Item of the loop"]];

// The data of a run where there is one, or else the paths that the file tells. A click or a drag puts a path into a field.
export function ReadableSide({ node, heading = true }) {
  const { seen, offered } = useReading();
  const run = useLookedAt();
  const hint = "Drag a name or its value into a field, or click it to insert its path where the cursor was last.";
  return (
    <section className="hed-scroll" aria-label={`What ${node.name} can read`} data-testid="readable">
      {heading && <h2 className="hed-side">What it can read{seen && <small title={`Run ${run?.run_id}`}>last run</small>}</h2>}
      <p className="hed-help">{hint}</p>
      {seen
        ? ROOTS.filter(([root]) => hasAny(seen.roots[root])).map(([root, title]) => <DataBlock key={root} title={title} value={seen.roots[root]} path={root} pick />)
        : <Paths offered={offered} />}
    </section>
  );
}

const hasAny = (value) => value != null && (typeof value !== "object" || Object.keys(value).length > 0);

function Paths({ offered }) {
  if (!offered.length) return <NoData>Nothing is known before the first run.</NoData>;
  return (
    <div className="hed-paths">
      {offered.map(({ path, type, origin, description }) => (
        <div key={path} title={description}><Pick path={path} label={path} /><span className="mut">{[type, origin].filter(Boolean).join(" · ")}</span></div>
      ))}
    </div>
  );
}

export function OutputSide({ node }) {
  const [steps, step] = useStep(node);
  return (
    <section className="hed-scroll" aria-label={`What ${node.name} gave`} data-testid="given">
      <h2 className="hed-side">What it gave{step && <small>last run</small>}</h2>
      <Pinned node={node} />
      {step ? (
        <>
          {steps.length > 1 && <StepChoice steps={steps} step={step} />}
          <StepNumbers step={step} />
          {step.error && <StepError error={step.error} />}
          {step.output !== undefined && <DataBlock title="Output" value={step.output} path={outputPath(step)} pick />}
          <DataBlock title="Input" value={step.input} />
        </>
      ) : <NoData>Run the workflow, and the output of this node stands here.</NoData>}
    </section>
  );
}

// ---- parts

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
      {facts.map(([name, value]) => <div key={name}><span>{name}</span><b title={value}>{value}</b></div>)}
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

const FORMS = [["tree", "Tree"], ["table", "Table"], ["json", "JSON"]];

// `path`: where expressions read the value; with `pick` its names can be put into fields.
export function DataBlock({ title, value, path, pick = false }) {
  const [form, setForm] = useState("tree");
  const text = JSON.stringify(value ?? null, null, 2);
  const own = pick ? path : undefined;
  return (
    <div className="hed-f">
      <div className="hed-fl">
        <span>{title}</span>
        <span className="side">
          {FORMS.map(([key, name]) => (
            <button key={key} className={`hed-link ${form === key ? "chosen" : ""}`} onClick={() => setForm(key)} aria-pressed={form === key}>{name}</button>
          ))}
          <button className="hed-reset" title={`Copy the ${title.toLowerCase()}`} aria-label={`Copy the ${title.toLowerCase()}`} onClick={() => navigator.clipboard?.writeText(text)}><Copy size={11} /></button>
        </span>
      </div>
      <div className="hed-ta data" tabIndex={0} role="region" aria-label={title}>
        {form === "tree" && <Tree value={value} path={own} />}
        {form === "table" && <Table value={value} path={own} />}
        {form === "json" && <pre>{text}</pre>}
      </div>
    </div>
  );
}
