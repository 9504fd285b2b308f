// The run over the canvas held against another one, step by step; each step opens to its outputs.
import { useState } from "react";
import { ArrowLeftRight, ChevronRight, X } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { cost, duration } from "../frame/format.js";
import { TypeIcon } from "../frame/icons.jsx";
import { Values } from "../versions/values.jsx";
import { inOrder, same } from "./compare.js";

export function Comparison() {
  const session = useSession();
  const { run, rows } = useValue((s) => s.compare);
  const mine = useValue((s) => s.run);
  const [all, setAll] = useState(false);
  const differing = rows.filter((row) => row.differs.length);
  const shown = all ? rows : differing;
  return (
    <section className="hed-compare" aria-label="Two runs compared" data-testid="comparison">
      <header>
        <span className="two">
          <b className="mono" title={`Run ${mine.run_id}, over the canvas`}>{mine.run_id.slice(-6)}</b> against <b className="mono" title={`Run ${run.run_id}`}>{run.run_id.slice(-6)}</b>
          <span className="mut">{change(duration(run.duration_ms), duration(mine.duration_ms))}{(run.cost || mine.cost) > 0 && ` · ${change(cost(run.cost) || "$0", cost(mine.cost) || "$0")}`}</span>
        </span>
        <button className="hed-icon" onClick={() => session.runs.swap()} title="Lay the other run over the canvas" aria-label="Swap the two runs"><ArrowLeftRight size={13} /></button>
        <button className="hed-icon" onClick={() => session.set({ compare: null })} title="End the comparison" aria-label="End the comparison" data-testid="compare-end"><X size={14} /></button>
      </header>
      <div className="rows">
        {!shown.length && <p className="hed-hint">No step differs but in time and cost.</p>}
        {shown.map((row) => <Row key={row.key} row={row} />)}
        {rows.length > differing.length && (
          <button className="hed-link" onClick={() => setAll(!all)} aria-pressed={all}>{all ? "Only what differs" : `Show all ${rows.length} steps`}</button>
        )}
      </div>
    </section>
  );
}

// What changed from the other run to the one over the canvas.
const change = (before, after) => (before === after ? after : `${before} → ${after}`);

function Row({ row }) {
  const session = useSession();
  const spec = useValue((s) => s.view.specs[row.type]);
  const [open, setOpen] = useState(false);
  const { a, b, differs, path } = row;
  const press = () => {
    setOpen(!open);
    session.select([path.split("/")[0]], { reveal: true });
  };
  return (
    <div className={`one ${differs.length ? "differs" : ""}`} style={{ "--g": `var(--${spec?.group ?? "flow"})` }} data-testid={`compared-${path}`}>
      <button onClick={press} aria-expanded={open}>
        <ChevronRight size={12} className="turn" />
        <span className="ic"><TypeIcon name={spec?.icon} size={13} /></span>
        <span className="name" title={path}>{path.includes("/") && "· "}{path.split("/").pop()}{row.iteration > 0 && ` #${row.iteration + 1}`}</span>
        <span className="what">{differs.map((one) => <em key={one}>{one}</em>)}</span>
        <span className="numbers">{numbers(a, b)}</span>
      </button>
      {open && <Details a={a} b={b} />}
    </div>
  );
}

function numbers(a, b) {
  const pairs = [[duration(b?.duration_ms), duration(a?.duration_ms)], [cost(b?.cost), cost(a?.cost)], [b?.tier ?? "", a?.tier ?? ""]];
  const told = pairs.filter(([before, after]) => before || after);
  return told.map(([before, after]) => (a && b ? change(before || "–", after || "–") : after || before)).join(" · ");
}

const PARTS = [["Status", "status"], ["Model", "model"], ["Why", "reason"], ["Input", "input"], ["Output", "output"], ["Error", "error"]];

function Details({ a, b }) {
  const told = PARTS.filter(([, key]) => !same(a?.[key], b?.[key]));
  if (!told.length) return <div className="parts"><Part title="Output, the same in both" before={undefined} after={a.output} /></div>;
  return <div className="parts">{told.map(([title, key]) => <Part key={key} title={title} before={b?.[key] ?? undefined} after={a?.[key] ?? undefined} />)}</div>;
}

function Part({ title, before, after }) {
  return <><h3>{title}</h3><Values before={inOrder(before)} after={inOrder(after)} /></>;
}
