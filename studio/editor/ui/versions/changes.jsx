// Every change by name: nodes, then edges, then the settings of the workflow; each opens to its fields.
import { useEffect, useRef, useState } from "react";
import { ChevronRight, Minus, Pencil, Plus } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { count } from "../frame/format.js";
import { Values } from "./values.jsx";

export const KINDS = {
  added: { word: "added", icon: Plus },
  removed: { word: "removed", icon: Minus },
  changed: { word: "changed", icon: Pencil },
};

export function Changes({ data }) {
  const { difference } = data;
  if (!difference) return <p className="hed-hint">One of the two texts is not a workflow that can be read; the text shows what differs.</p>;
  const { nodes, edges, settings } = difference;
  if (!nodes.length && !edges.length && !settings.length) {
    return <p className="hed-hint" data-testid="no-changes">{data.before.text === data.after.text ? "Both are the same." : "Both say the same; only comments or formatting differ. The text shows where."}</p>;
  }
  return (
    <>
      <Group title="Nodes" of={nodes}>{nodes.map((one) => <One key={one.name} id={`node:${one.name}`} change={whole(one, data)} title={one.was ? `${one.was} → ${one.name}` : one.name} word={one.was ? "renamed" : null} />)}</Group>
      <Group title="Edges" of={edges}>{edges.map((one, i) => <One key={i} id={`edge:${i}`} change={one} title={`${one.from} → ${one.to}`} />)}</Group>
      <Group title="Settings" of={settings}>{settings.map((one, i) => <One key={i} id={`setting:${i}`} change={{ kind: one.kind, fields: [one] }} title={pathOf(one.path)} bare />)}</Group>
    </>
  );
}

// A node that is on one side only opens to all that it says.
function whole(change, { before, after }) {
  if (change.fields.length || change.was) return change;
  const { raw } = (change.kind === "added" ? after : before).graph.nodes.find((node) => node.name === change.name) ?? { raw: {} };
  const side = change.kind === "added" ? "after" : "before";
  return { ...change, fields: Object.entries(raw).filter(([key]) => key !== "name").map(([key, value]) => ({ path: [key], [side]: value })) };
}

function Group({ title, of, children }) {
  if (!of.length) return null;
  return <section aria-label={`${title}: ${count(of.length, "change")}`}><h2 className="hed-group">{title} <span>{of.length}</span></h2>{children}</section>;
}

const pathOf = (path) => path.map((step) => (typeof step === "number" ? `[${step + 1}]` : step)).join(".").replaceAll(".[", "[");
const fieldName = (path) => (path[0] === "(order)" ? "order among its node's edges" : pathOf(path[0] === "config" && path.length > 1 ? path.slice(1) : path));

function One({ id, change, title, word, bare = false }) {
  const session = useSession();
  const chosen = useValue((s) => s.versions?.node);
  const [open, setOpen] = useState(false);
  const row = useRef(null);
  const mine = chosen !== null && id === `node:${chosen}`;
  useEffect(() => {
    if (!mine) return;
    setOpen(true);
    row.current?.scrollIntoView({ block: "nearest" });
  }, [mine]);
  const { icon: Icon, word: usual } = KINDS[change.kind];
  const press = () => {
    setOpen(!open);
    if (id.startsWith("node:")) session.versions.patch({ node: open ? null : id.slice(5) });
  };
  return (
    <div className={`hed-change ${change.kind} ${mine ? "sel" : ""}`} ref={row} data-testid={`change-${id}`}>
      <button onClick={press} aria-expanded={change.fields.length ? open : undefined}>
        <ChevronRight size={13} className={change.fields.length ? "" : "none"} />
        <span className="name" title={title}>{title}</span>
        <span className="kind"><Icon size={11} strokeWidth={2.5} /> {word ?? usual}</span>
      </button>
      {open && change.fields.map((field, i) => (
        <div key={i} className="hed-fieldchange">
          {!bare && <code>{fieldName(field.path)}</code>}
          <Values before={field.before} after={field.after} />
        </div>
      ))}
    </div>
  );
}
