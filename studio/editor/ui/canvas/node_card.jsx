// The card of a node: colour of its group, what it is, what it did in the run that lies over the canvas.
import { memo, useMemo, useState } from "react";
import { Handle, Position } from "@xyflow/react";
import { Check, CircleX, Clock, Pause, Pin, TriangleAlert } from "lucide-react";
import { useValue } from "../core/store.js";
import { breakable } from "../frame/breakable.jsx";
import { TypeIcon } from "../frame/icons.jsx";
import { Face } from "../frame/people.jsx";
import { cost, duration } from "../frame/format.js";
import { heatAt } from "../run/heat.js";
import { isFinal } from "../run/run.js";
import { Ways } from "./ways.jsx";

const ONE_LINE = 17; // characters of a name

export const NodeCard = memo(function NodeCard({ id, data, selected, isConnectable }) {
  const { node, group } = data;
  const spec = useValue((s) => s.view.specs[node.type]);
  const step = useValue((s) => s.run?.nodes[id]);
  const over = useValue((s) => Boolean(s.run && isFinal(s.run) && s.run.steps.length));
  const problem = useValue((s) => worst(s.diagnostics, id));
  const pinned = useValue((s) => id in s.pins);
  const differs = useValue((s) => s.compare?.nodes[id]);
  const visitor = useValue((s) => s.people.find((one) => one.node === id));
  const heat = useValue((s) => s.heat);
  const warm = useMemo(() => heatAt(heat, id), [heat, id]);
  const status = step?.status ?? (over ? "skipped" : "");
  const isLong = id.length > ONE_LINE;
  const [near, setNear] = useState(false);
  return (
    <div
      className={`hed-node ${status} ${selected ? "sel" : ""} ${node.disabled ? "off" : ""} ${problem?.severity ?? ""} ${spec?.remark ? "remark" : ""} ${isLong ? "long" : ""}`}
      style={{ "--g": `var(--${group})`, "--heat": warm?.share }} data-heat={warm?.text} data-testid={`node-${id}`} data-status={status} data-differs={differs?.join(", ")} title={node.description ?? (isLong ? id : undefined)}
      onMouseEnter={() => setNear(true)} onMouseLeave={() => setNear(false)}
    >
      {!spec?.entry && !spec?.remark && <Handle type="target" position={Position.Top} isConnectable={isConnectable} />}
      <div className="t">
        <span className="ic"><TypeIcon name={spec?.icon} /></span>
        <span className="name">{breakable(id)}</span>
        <Status status={status} problem={problem} />
      </div>
      <div className="u">{subtitle(node, step)}</div>
      {visitor && <span className="visitor" data-testid={`visitor-${id}`}><Face one={visitor} /></span>}
      {differs && <span className="df" title={`Differs from the other run: ${differs.join(", ")}`}>≠ {differs[0]}{differs.length > 1 && ` +${differs.length - 1}`}</span>}
      {heat ? <Warmth warm={warm} /> : <Badges step={step} node={node} spec={spec} pinned={pinned} />}
      {(spec?.leads ?? true) && <Handle type="source" position={Position.Bottom} isConnectable={isConnectable} />}
      {isConnectable && (near || selected) && <Ways node={node} spec={spec} selected={selected} />}
    </div>
  );
});

// Stable reference per node: the selector returns an element of the list.
function worst(diagnostics, name) {
  return diagnostics.find((d) => d.node === name && d.severity === "error") ?? diagnostics.find((d) => d.node === name && d.severity === "warning");
}

function subtitle(node, step) {
  if (step?.status === "running") return step.inner ? `${step.inner}…` : step.attempt > 1 ? `try ${step.attempt}…` : "running…";
  if (step?.status === "failed") return step.error?.message ?? "failed";
  if (node.disabled) return "off";
  return node.subtitle;
}

function Status({ status, problem }) {
  if (status === "succeeded") return <span className="st ok" title="Succeeded"><Check size={9} strokeWidth={3.5} /></span>;
  if (status === "failed") return <span className="st bad" title="Failed"><CircleX size={13} /></span>;
  if (status === "running") return <span className="st run" title="Running" />;
  if (status === "suspended") return <span className="st wait" title="Waiting"><Pause size={9} strokeWidth={3} /></span>;
  if (status === "queued") return <span className="st idle" title="Queued"><Clock size={11} /></span>;
  if (!problem) return null;
  return (
    <span className={`st ${problem.severity === "error" ? "bad" : "warn"}`} title={problem.message}>
      <TriangleAlert size={13} />
    </span>
  );
}

// After a run: which tier answered, what it cost, how long it took. Before: which tier will answer.
function Badges({ step, node, spec, pinned }) {
  const pin = pinned && <span className="pin" title="The output is pinned: runs of the draft take it instead of running the node" role="img" aria-label="Output pinned" data-testid={`pinned-${node.name}`}><Pin size={10} /></span>;
  if (!step || !["succeeded", "failed"].includes(step.status)) {
    const asked = askedTier(node, spec);
    if (!asked && !pin) return null;
    return <div className="bd">{pin}{asked && <span className="a asked" title={asked === "auto" ? "The router chooses the tier" : `Tier ${asked}`}>{asked}</span>}</div>;
  }
  const money = cost(step.cost);
  return (
    <div className="bd">
      {pin}
      {step.tier && <span className="a" title={step.reason ?? undefined}>{step.tier}</span>}
      {money && <span>{money}</span>}
      {step.duration_ms != null && <span>{duration(step.duration_ms)}</span>}
    </div>
  );
}

function Warmth({ warm }) {
  if (!warm) return null;
  return <div className="bd" title={warm.title}>{warm.each && <span>{warm.each}</span>}<span className="share">{warm.text}</span></div>;
}

function askedTier(node, spec) {
  const field = spec?.fields.find((one) => one.widget === "model" && !one.key.includes("."));
  if (!field) return null;
  const model = node.config[field.key] ?? field.default ?? "auto";
  return /^tier:[ABC]$/.test(model) ? model.slice(5) : model === "auto" ? "auto" : null;
}
