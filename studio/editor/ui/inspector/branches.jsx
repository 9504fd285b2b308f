// The ways on from a node, in the order in which they are tried; and the form of a single edge.
import { useState } from "react";
import { ArrowDown, ArrowUp, Plus, Trash2 } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { connect, goBothWays, moveEdge, removeEdge, setEdge, setOtherwise } from "../core/actions.js";
import { Button, List } from "../frame/controls.jsx";
import { opensByArrow } from "../frame/focus.js";
import { isDefault } from "../frame/format.js";
import { useReadOnly, useWhyLocked } from "../frame/locked.js";
import { placeOfEdge } from "../graph/graph.js";
import { edgeAlong, undecided, waysOf } from "../graph/ways.js";
import { useDraft } from "./draft.js";
import { FieldFrame } from "./field.jsx";
import { Problem } from "./problem.jsx";
import { ReadingContext, useNodeReading, useReading } from "./scope.js";
import { useNames } from "./widgets_pick.jsx";
import { ExpressionInput, Fault } from "./widgets_text.jsx";

const THEN = { key: "then", title: "Then", description: "Where the run goes on from here." };
const BRANCHES = { key: "branches", title: "Branches", unit: "the first that is true wins", description: "Where the run goes on from here: along the first edge whose condition is true, from above; one without a condition is taken when no other fits." };
const CONDITION = { key: "condition", title: "Condition", description: "An expression, for example context.intent == 'faq'. Empty: taken when no other branch fits." };
const LEADS = { key: "to", title: "Leads to", required: true, description: "The node that comes next along this edge." };
const TAKEN = { key: "on", default: "success", description: "An edge for success is the usual one; one for failure or for running out of time is taken in place of failing the run." };
const LABEL = { key: "label", title: "Label on the canvas", description: "What stands on the edge. Empty: a short form of its condition." };

export function Branches({ node, editable }) {
  const graph = useValue((s) => s.graph);
  const view = useValue((s) => s.view);
  const edges = graph.edges.filter((edge) => edge.from === node.name);
  const several = node.type === "condition" || edges.length > 1;
  const reading = useNodeReading(node, { after: true });
  return (
    <ReadingContext.Provider value={reading}>
      <FieldFrame field={several ? BRANCHES : THEN} testid="branches">
        {edges.map((edge, i) => (
          <Branch key={edge.key} edge={edge} editable={editable} first={i === 0} last={i === edges.length - 1} several={several} />
        ))}
        {editable && undecided({ graph, view }, node.name).length > 0 && (
          <div className="hed-note" data-testid="undecided">Several ways have no condition, and only one of them can be taken. Write when the others are. <Both from={node.name} /></div>
        )}
        {editable && <AddBranch node={node} edges={edges} several={several} />}
      </FieldFrame>
    </ReadingContext.Provider>
  );
}

function useEdgeProblem(edge) {
  return useValue((s) => {
    const index = placeOfEdge(s.graph, edge.key)?.index;
    return s.diagnostics.find((d) => d.path?.[0] === "edges" && d.path[1] === index);
  });
}

function Branch({ edge, editable, first, last, several }) {
  const session = useSession();
  const problem = useEdgeProblem(edge);
  return (
    <div className="hed-branch" data-testid={`branch-${edge.to}`}>
      {several && (
        <div className="line">
          <span className="mut">if</span>
          <Condition edge={edge} editable={editable} />
        </div>
      )}
      <div className="line">
        <span className="mut">{edge.on === "success" ? "to" : `on ${edge.on}`}</span>
        <Target edge={edge} editable={editable} />
        {editable && several && (
          <>
            <Sooner edge={edge} by={-1} why={first ? "It is tried first already." : null} className="hed-icon" label="Try earlier" size={12} />
            <Sooner edge={edge} by={1} why={last ? "It is tried last already." : null} className="hed-icon" label="Try later" size={12} />
          </>
        )}
        {editable && <button className="hed-icon" onClick={() => removeEdge(session, edge.key)} aria-label={`Delete the way to ${edge.to}`} title="Delete"><Trash2 size={12} /></button>}
      </div>
      {problem && <Problem problem={problem} />}
    </div>
  );
}

// One place up or down among the branches; at the end of the list it says that it is there.
function Sooner({ edge, by, why, label, size, className = "hed-btn small", children }) {
  const session = useSession();
  const Icon = by < 0 ? ArrowUp : ArrowDown;
  return (
    <Button className={className} why={why} aria-label={label} title={label} onClick={() => moveEdge(session, edge.key, by)}>
      <Icon size={size} />{children && ` ${children}`}
    </Button>
  );
}

function Condition({ edge, editable, id }) {
  const session = useSession();
  const shown = isDefault(edge.condition) ? "" : edge.condition;
  const asked = useAsked(edge);
  const field = { title: `Condition of the way to ${edge.to}`, placeholder: "nothing else fits (default)" };
  return (
    <ExpressionInput id={id} value={shown} field={field} reads="expression" readOnly={!editable} asked={asked} testid={`condition-${edge.to}`}
      save={(text) => setEdge(session, edge.key, "condition", text === undefined ? null : text.trim())} />
  );
}

const SOON_MS = 2_000; // a form that opens later was not opened for the question

// A new value when the condition of this edge is asked for; another one once it is known what it can read.
function useAsked(edge) {
  const asks = useValue((s) => (s.asksWhen?.edge === edge.key ? s.asksWhen : null));
  const { offered } = useReading();
  return asks && Date.now() - asks.at < SOON_MS ? `${asks.at} ${offered.length > 0}` : null;
}

// Of several ways without a condition: what this one needs, and what else could be meant.
function Undecided({ edge }) {
  const session = useSession();
  const graph = useValue((s) => s.graph);
  const view = useValue((s) => s.view);
  const other = undecided({ graph, view }, edge.from).findLast((one) => one.key !== edge.key);
  if (!other || !isDefault(edge.condition) || edge.on !== "success") return null;
  return (
    <div className="hed-note" data-testid="undecided">
      <b>{edge.from}</b> leads to <b>{other.to}</b> as well. Write when the run comes here; in all other cases it goes to {other.to}.
      <div className="hed-row">
        <button className="hed-btn small" onClick={() => setOtherwise(session, edge.key)}>This is for all other cases</button>
        <Both from={edge.from} />
      </div>
    </div>
  );
}

// A node of a type that goes all ways at once stands between.
function Both({ from }) {
  const session = useSession();
  const type = useValue((s) => Object.values(s.view.specs).find((spec) => spec.branches)?.type);
  return type ? <button className="hed-btn small" title={`Puts a ${type} node in between`} onClick={() => goBothWays(session, from, type)}>Go both ways at once</button> : null;
}

function Target({ edge, editable, id }) {
  const session = useSession();
  const names = useNames().filter(({ value }) => value !== edge.from);
  return (
    <List id={id} value={edge.to} why={useWhyLocked(!editable)} onChange={(event) => setEdge(session, edge.key, "to", event.target.value)} aria-label="Leads to">
      {names.map(({ value }) => <option key={value} value={value}>{value}</option>)}
      {!names.some(({ value }) => value === edge.to) && <option value={edge.to}>{edge.to} (missing)</option>}
    </List>
  );
}

function AddBranch({ node, edges, several }) {
  const session = useSession();
  const spec = useValue((s) => s.view.specs[node.type]);
  const [open, setOpen] = useState(null); // {way}: the known way that is to be led on, or none
  const close = () => setOpen(null);
  const ways = waysOf(node, spec).filter((way) => !edgeAlong(edges, node.name, way));
  const taken = new Set([node.name, ...edges.map((edge) => edge.to)]);
  const names = useNames().filter(({ value }) => !taken.has(value));
  if (!open) {
    return (
      <div className="hed-open-ways">
        <button className="hed-link" onClick={() => setOpen({})}><Plus size={12} /> {several ? "Add a branch" : edges.length ? "Add a way on" : "Lead on to…"}</button>
        {ways.map((way) => <button key={way.label} className={`hed-tag ${way.on}`} title={`Not led on yet: ${way.label}`} onClick={() => setOpen({ way })}>{way.label} →</button>)}
      </div>
    );
  }
  return (
    <select autoFocus className="hed-in" defaultValue="" aria-label={open.way ? `${open.way.label} leads to` : "New branch leads to"} onKeyDown={opensByArrow} onBlur={close}
      onChange={(event) => { connect(session, node.name, event.target.value, open.way, { here: true }); close(); }}>
      <option value="" disabled>{open.way ? `${open.way.label}: leads to…` : "Leads to…"}</option>
      {names.map(({ value }) => <option key={value} value={value}>{value}</option>)}
    </select>
  );
}

const toCanvas = ({ key }) => document.querySelector(`.react-flow__edge[data-id="${CSS.escape(key)}"]`)?.focus();

const WHEN = [["success", "it succeeds"], ["error", "it fails"], ["timeout", "it times out"]];

export function EdgeFields({ edge, editable }) {
  const session = useSession();
  const problem = useEdgeProblem(edge);
  const edges = useValue((s) => s.graph.edges);
  const why = useWhyLocked(!editable);
  const readOnly = useReadOnly(!editable);
  const siblings = edges.filter((one) => one.from === edge.from).map((one) => one.key);
  const set = (field, value) => setEdge(session, edge.key, field, value);
  const label = useDraft(edge.label ?? "", (text) => void set("label", text.trim() || null));
  return (
    <>
      {editable && <Undecided edge={edge} />}
      <FieldFrame id="edge-condition" field={CONDITION} value={isDefault(edge.condition) ? undefined : edge.condition} save={() => set("condition", null)} editable={editable} problem={problem}>
        <div onKeyDown={(event) => event.key === "Escape" && !event.defaultPrevented && toCanvas(edge)}><Condition edge={edge} editable={editable} id="edge-condition" /></div>
      </FieldFrame>
      <FieldFrame id="edge-to" field={LEADS} value={edge.to} editable={editable}>
        <Target edge={edge} editable={editable} id="edge-to" />
      </FieldFrame>
      <FieldFrame field={{ ...TAKEN, title: `Taken when ${edge.from}` }} value={edge.on === "success" ? undefined : edge.on} save={() => set("on", null)} editable={editable}>
        <div className="hed-seg hed-wide" id="edge-on" role="radiogroup" aria-label="Taken when">
          {WHEN.map(([value, text]) => (
            <Button key={value} role="radio" aria-checked={edge.on === value} why={why} onClick={() => set("on", value === "success" ? null : value)}>{text}</Button>
          ))}
        </div>
      </FieldFrame>
      <FieldFrame id="edge-label" field={LABEL} value={edge.label ?? undefined} save={() => set("label", null)} editable={editable}>
        <input id="edge-label" className="hed-in" {...label.bind} {...readOnly} placeholder="made from the condition" />
        <Fault>{label.error}</Fault>
      </FieldFrame>
      {editable && siblings.length > 1 && (
        <div className="hed-f">
          <div className="hed-label">Order among the branches</div>
          <div className="hed-row">
            <Sooner edge={edge} by={-1} why={siblings.at(0) === edge.key ? "It is tried first already." : null} label="Try earlier" size={13}>Earlier</Sooner>
            <Sooner edge={edge} by={1} why={siblings.at(-1) === edge.key ? "It is tried last already." : null} label="Try later" size={13}>Later</Sooner>
          </div>
        </div>
      )}
    </>
  );
}
