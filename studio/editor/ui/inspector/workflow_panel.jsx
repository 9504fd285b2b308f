// The panel while nothing is selected: the workflow as a whole.
import { Pin } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { setTop } from "../core/actions.js";
import { count } from "../frame/format.js";
import { importOf } from "../frame/import_report.js";
import { strays, unpin } from "../run/pins.js";
import { FieldFrame } from "./field.jsx";
import { Triggers } from "./triggers.jsx";
import { Variables } from "./variables.jsx";

const CATEGORIES = ["customer_service", "e_commerce", "sales", "technical_support", "system"];
const PRIORITIES = ["critical", "high", "medium", "low"];
const FIELDS = [
  { key: "description", title: "Description", widget: "textarea", required: true, description: "What the workflow is for; shown in lists, and to workflows that call it." },
  { key: "version", title: "Version", widget: "text", required: true, description: "A version of your own for people, such as 1.2.0. Published versions are numbered by themselves." },
  { key: "category", title: "Category", widget: "select", required: true, options: CATEGORIES.map((value) => ({ value })), description: "What part of the business it belongs to." },
  { key: "priority", title: "Priority", widget: "select", required: true, options: PRIORITIES.map((value) => ({ value })), description: "How urgent its matters are, for those who look through the list." },
];
const LIMITS = [
  { key: "timeout_seconds", title: "Longest run", unit: "s", widget: "number", min: 0, default: 300, description: "A run that takes longer is ended as failed." },
  { key: "max_cost_usd", title: "Most cost", unit: "$", widget: "number", min: 0, placeholder: "no limit", description: "What the model calls of one run may cost together; then it is ended as failed. Empty: no limit." },
];
const INPUTS = { key: "inputs", title: "Input", widget: "schema", description: "What a run may be given: the chat preview, forms and the API check it. Empty: anything." };

export function WorkflowPanel() {
  const name = useValue((s) => s.view.name);
  const graph = useValue((s) => s.graph);
  const editable = useValue((s) => s.view.can.write && s.valid);
  if (!graph) return <aside className="hed-insp" aria-label="Workflow"><div className="hed-nothing"><b>No settings yet</b><p>They stand here as soon as the YAML can be read.</p></div></aside>;
  return (
    <aside className="hed-insp" aria-label="Workflow" data-testid="workflow-panel">
      <div className="hed-ih"><b className="hed-title" title={name}>{name}</b><span className="hed-chip">workflow</span></div>
      <div className="hed-sub">{count(graph.nodes.length, "node")} · {count(graph.edges.length, "edge")}. Select one to see its settings.<Import /></div>
      <div className="hed-scroll">
        {FIELDS.map((field) => <TopField key={field.key} field={field} path={[field.key]} value={graph.top.head[field.key]} editable={editable} />)}
        <div className="hed-two">
          {LIMITS.map((field) => <TopField key={field.key} field={field} path={["config", field.key]} value={graph.top.limits[field.key]} editable={editable} />)}
        </div>
        <Triggers editable={editable} />
        <Variables editable={editable} />
        <TopField field={INPUTS} path={["inputs"]} value={graph.top.inputs ?? undefined} editable={editable} />
        <StrayPins />
      </div>
    </aside>
  );
}

// What is pinned to nodes that are gone; it holds again for a node of that name.
function StrayPins() {
  const session = useSession();
  const pins = useValue((s) => s.pins);
  const graph = useValue((s) => s.graph);
  const can = useValue((s) => s.view.can.write);
  const names = strays({ pins, graph });
  if (!names.length) return null;
  return (
    <div className="hed-f" data-testid="stray-pins">
      <div className="hed-fl"><span>Pinned outputs without a node</span></div>
      <p className="hed-help">Runs take no notice of them, unless a node is called so again.</p>
      {names.map((name) => (
        <div key={name} className="hed-row hed-stray">
          <span className="mono"><Pin size={11} /> {name}</span>
          {can && <button className="hed-btn small" onClick={() => unpin(session, name, `What was pinned to ${name} is gone.`)}>Take it off</button>}
        </div>
      ))}
    </div>
  );
}

function Import() {
  const session = useSession();
  const view = useValue((s) => s.view);
  const report = importOf({ view });
  if (!report) return null;
  return <><br />From {report.from}. <button className="hed-link" onClick={() => session.set({ report: true })} data-testid="open-import-report">What became of it</button></>;
}

function TopField({ field, path, value, editable }) {
  const session = useSession();
  const problem = useValue((s) => s.diagnostics.find((d) => path.every((key, i) => d.path?.[i] === key)));
  const id = `top-${field.key}`;
  return <FieldFrame id={id} field={field} value={value} save={(next) => setTop(session, path, next)} editable={editable} problem={problem} testid={id} />;
}
