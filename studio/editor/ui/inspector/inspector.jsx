// The panel of what is selected: a node (settings, data of the last run, its YAML) or an edge.
import { useEffect, useRef, useState } from "react";
import { ArrowRight, ChevronRight, Copy, Maximize2, Minimize2, Play, Trash2 } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { removeEdge, removeSelected, rename } from "../core/actions.js";
import { duplicate } from "../core/clipboard.js";
import { CommandButton } from "../frame/command_button.jsx";
import { TypeIcon } from "../frame/icons.jsx";
import { edgeLabel, things } from "../frame/format.js";
import { useReadOnly } from "../frame/locked.js";
import { edgeOf, linesOfNode, nodeOf } from "../graph/graph.js";
import { useDraft } from "./draft.js";
import { Field } from "./field.jsx";
import { Problem, valueAt } from "./problem.jsx";
import { ReadingContext, useNodeReading } from "./scope.js";
import { WorkflowPanel } from "./workflow_panel.jsx";
import { Branches, EdgeFields } from "./branches.jsx";
import { Failure } from "./failure.jsx";
import { Cache } from "./cache.jsx";
import { DataTab, OutputSide, ReadableSide } from "./data_view.jsx";

const LONGEST_NAME = 64;
const TABS = [["settings", "Settings"], ["data", "Data"], ["yaml", "YAML"]];

export function Inspector() {
  const session = useSession();
  const selected = useValue((s) => s.selected);
  const node = useValue((s) => nodeOf(s.graph, s.selected.nodes[0]));
  const edge = useValue((s) => edgeOf(s.graph, s.selected.edge));
  if (edge) return <EdgePanel edge={edge} />;
  if (selected.nodes.length && selected.nodes.length + selected.notes.length > 1) return <ManyPanel selected={selected} />;
  if (node) return <NodePanel key={session.names.panelOf(node.name)} node={node} />;
  return <WorkflowPanel />;
}

function NodePanel({ node }) {
  const session = useSession();
  const spec = useValue((s) => s.view.specs[node.type]);
  const tab = useValue((s) => s.inspector);
  const wide = useValue((s) => s.wide);
  const canRun = useValue((s) => s.view.can.run);
  const reading = useNodeReading(node);
  return (
    <ReadingContext.Provider value={reading}>
    <aside className={`hed-insp ${wide ? "wide" : ""}`} aria-label={`Settings of ${node.name}`} data-testid="inspector" style={{ "--g": `var(--${spec?.group ?? "flow"})` }}>
      <div className="hed-ih">
        <i><TypeIcon name={spec?.icon} /></i>
        <NodeName node={node} />
        <span className="hed-chip" title={[node.type, spec?.summary].filter(Boolean).join(": ")}>{node.type}</span>
        {canRun && spec && !spec.remark && <CommandButton id="run-node" icon={Play} size={13} testid="run-node" />}
        <button className="hed-icon" onClick={() => session.set({ wide: !wide })} aria-pressed={wide} data-testid="wide"
          title={wide ? "Back to the canvas (Esc)" : "Settings beside the data of the last run"} aria-label={wide ? "Back to the canvas" : "Settings beside the data"}>
          {wide ? <Minimize2 size={14} /> : <Maximize2 size={14} />}
        </button>
      </div>
      {wide ? (
        <div className="hed-beside">
          <ReadableSide node={node} />
          <div className="hed-scroll"><Settings node={node} spec={spec} /></div>
          <OutputSide node={node} />
        </div>
      ) : (
        <>
          <div className="hed-tabs" role="tablist">
            {TABS.map(([key, title]) => (
              <button key={key} role="tab" aria-selected={tab === key} onClick={() => session.set({ inspector: key })}>{title}</button>
            ))}
          </div>
          <div className="hed-scroll" role="tabpanel" aria-label={TABS.find(([key]) => key === tab)[1]}>
            {tab === "settings" && <Settings node={node} spec={spec} />}
            {tab === "data" && <DataTab node={node} />}
            {tab === "yaml" && <NodeYaml node={node} />}
          </div>
          {tab === "settings" && spec && <Below node={node} />}
        </>
      )}
    </aside>
    </ReadingContext.Provider>
  );
}

// What the node can read, below its settings: to be dragged up into a field, where there is no room for the wide view.
function Below({ node }) {
  const session = useSession();
  const open = useValue((s) => s.reads);
  return (
    <div className={`hed-below ${open ? "open" : ""}`}>
      <button className="hed-more" aria-expanded={open} onClick={() => session.set({ reads: !open })} data-testid="reads"><ChevronRight size={13} /> What it can read</button>
      {open && <ReadableSide node={node} heading={false} />}
    </div>
  );
}

const SHORTEST_SHOWN = 8; // the name has as much room as it needs before the type has

function NodeName({ node }) {
  const session = useSession();
  const editable = useValue((s) => s.view.can.write && s.valid);
  const taken = useValue((s) => s.graph);
  const save = (name) => {
    if (name === node.name) return null;
    if (!name) return "A node needs a name.";
    if (!/^[A-Za-z_]\w*$/.test(name)) return "Letters, digits and _ only, not starting with a digit.";
    if (name.length > LONGEST_NAME) return `At most ${LONGEST_NAME} characters.`;
    if (taken.nodes.some((other) => other.name === name)) return `There is a node called ${name} already.`;
    rename(session, node.name, name);
    return null;
  };
  const draft = useDraft(node.name, save, { when: "leave", id: "name" });
  const input = useRef(null);
  const focus = useValue((s) => s.focusName);
  useEffect(() => void (focus && Date.now() - focus < 1000 && input.current?.select()), [focus]);
  return (
    <span className="hed-name">
      <input ref={input} {...draft.bind} size={Math.max(SHORTEST_SHOWN, draft.bind.value.length)} {...useReadOnly(!editable)} aria-label="Node name" spellCheck={false} data-testid="node-name" />
      {draft.error && <span className="hed-error" role="alert">{draft.error}</span>}
    </span>
  );
}

function Settings({ node, spec }) {
  const session = useSession();
  const editable = useValue((s) => s.view.can.write && s.valid);
  const step = useValue((s) => s.run?.nodes[node.name]);
  const branches = useValue((s) => s.graph.edges.filter((edge) => edge.from === node.name).length);
  if (!spec) return <p className="hed-none">There is no node type <code>{node.type}</code>. Change the type in the YAML, or delete the node.</p>;
  const main = spec.fields.filter((field) => !field.common && !field.rare);
  const rest = spec.fields.filter((field) => field.common || field.rare);
  return (
    <>
      <General node={node} />
      {pairs(main).map((row) => (
        <div key={row[0].key} className={row.length > 1 ? "hed-two" : undefined}>
          {row.map((field) => <Field key={field.key} node={node} field={field} editable={editable} note={noteFor(field, node, step)} />)}
        </div>
      ))}
      {(branches > 0 || spec.leads) && <Branches node={node} editable={editable} />}
      {spec.runs && <Failure node={node} editable={editable} />}
      <More fields={rest} node={node} editable={editable}>{spec.caches && <Cache node={node} editable={editable} />}</More>
      {editable && (
        <div className="hed-actions">
          <button className="hed-btn small" onClick={() => duplicate(session)}><Copy size={13} /> Duplicate</button>
          <button className="hed-btn small danger" onClick={() => removeSelected(session)} data-testid="delete-node"><Trash2 size={13} /> Delete node</button>
        </div>
      )}
    </>
  );
}

// What few nodes need; open where something is set.
function More({ fields, node, editable, children }) {
  const used = node.raw.cache !== undefined || fields.some((field) => valueAt(node.config, field.key) !== undefined);
  const [open, setOpen] = useState(used);
  return (
    <>
      <button className="hed-more" aria-expanded={open} onClick={() => setOpen(!open)}><ChevronRight size={13} /> More settings</button>
      {open && pairs(fields).map((row) => (
        <div key={row[0].key} className={row.length > 1 ? "hed-two" : undefined}>
          {row.map((field) => <Field key={field.key} node={node} field={field} editable={editable} />)}
        </div>
      ))}
      {open && children}
    </>
  );
}

// Problems that belong to the node as a whole rather than to one field.
function General({ node }) {
  const problems = useValue((s) => s.diagnostics);
  const own = problems.filter((d) => d.node === node.name && d.path?.[0] !== "edges" && !(d.path?.length > 2 && ["config", "retry", "on_error"].includes(d.path[2])));
  return own.map((d, i) => <Problem key={i} problem={d} />);
}

const isSmall = (field) => field.widget === "number" || field.widget === "slider";

// Two numbers share a row, as in a form on paper.
function pairs(fields) {
  const rows = [];
  for (const field of fields) {
    const last = rows.at(-1);
    if (last && last.length === 1 && isSmall(last[0]) && isSmall(field)) last.push(field);
    else rows.push([field]);
  }
  return rows;
}

function noteFor(field, node, step) {
  if (field.widget === "model" && step?.tier) {
    return { shown: <div className="hed-note"><b>{step.tier} answered</b> · {step.reason ?? step.model}</div> };
  }
  if (field.key === "output_schema" && !node.config.output_schema && node.inferred) {
    const { branches, fields } = node.inferred;
    const shown = (
      <div className="hed-inferred" data-testid="inferred">
        <span className="hed-link">inferred from {branches} {branches === 1 ? "branch" : "branches"}</span>
        {fields.map(({ name, values, type }) => (
          <div key={name}>
            <span className="mut">{name}</span>
            {values ? values.map((value) => <span key={String(value)} className="hed-tag">{String(value)}</span>) : <span className="hed-tag">{type}</span>}
          </div>
        ))}
      </div>
    );
    return { shown, instead: true };
  }
  return null;
}

function NodeYaml({ node }) {
  const session = useSession();
  const [text, setText] = useState("");
  const graph = useValue((s) => s.graph);
  const lines = linesOfNode(graph, node.name);
  useEffect(() => {
    const doc = session.view.state.doc;
    const [first, last] = linesOfNode(graph, node.name);
    const shown = [];
    for (let n = first; n <= Math.min(last, doc.lines); n += 1) shown.push(doc.line(n).text.replace(/\r$/, ""));
    setText(shown.join("\n"));
  }, [graph, node]);
  return (
    <div className="hed-f">
      <label>Lines {lines?.[0]} to {lines?.[1]} <button className="hed-link" onClick={() => session.showProblem({ line: lines?.[0] })}>Edit in the YAML pane</button></label>
      <pre className="hed-ta">{text}</pre>
    </div>
  );
}

function EdgePanel({ edge }) {
  const session = useSession();
  const editable = useValue((s) => s.view.can.write && s.valid);
  const siblings = useValue((s) => s.graph.edges.filter((one) => one.from === edge.from).length);
  const from = useValue((s) => nodeOf(s.graph, edge.from));
  const reading = useNodeReading(from ?? { name: edge.from }, { after: true });
  return (
    <aside className="hed-insp" aria-label="Settings of the edge" data-testid="inspector" style={{ "--g": "var(--flow)" }}>
      <div className="hed-ih">
        <span className="hed-name flat" title={`${edge.from} → ${edge.to}`}>
          <button className="hed-link" onClick={() => session.select([edge.from], { reveal: true })}>{edge.from}</button>
          <ArrowRight size={13} />
          <button className="hed-link" onClick={() => session.select([edge.to], { reveal: true })}>{edge.to}</button>
        </span>
        <span className="hed-chip">{edgeLabel(edge, siblings) ?? "edge"}</span>
      </div>
      <div className="hed-scroll">
        <ReadingContext.Provider value={reading}><EdgeFields edge={edge} editable={editable} key={edge.key} /></ReadingContext.Provider>
        {editable && (
          <div className="hed-actions">
            <button className="hed-btn small danger" onClick={() => removeEdge(session, edge.key)}><Trash2 size={13} /> Delete edge</button>
          </div>
        )}
      </div>
    </aside>
  );
}

function ManyPanel({ selected }) {
  const session = useSession();
  const editable = useValue((s) => s.view.can.write && s.valid);
  return (
    <aside className="hed-insp" aria-label="Selected nodes" data-testid="inspector">
      <div className="hed-ih"><b>{things(selected)}</b></div>
      <div className="hed-scroll">
        <div className="hed-f">{selected.nodes.map((name) => <button key={name} className="hed-tag" onClick={() => session.select([name], { reveal: true })}>{name}</button>)}</div>
        {editable && (
          <div className="hed-actions">
            <button className="hed-btn small" onClick={() => duplicate(session)}><Copy size={13} /> Duplicate</button>
            <button className="hed-btn small danger" onClick={() => removeSelected(session)}><Trash2 size={13} /> Delete {selected.notes.length ? "all" : "nodes"}</button>
          </div>
        )}
      </div>
    </aside>
  );
}

