// An edge: orthogonal with round corners, a chip where it is one branch of several, green and thick where a run went.
import { memo } from "react";
import { BaseEdge, EdgeLabelRenderer, getSmoothStepPath } from "@xyflow/react";
import { Plus } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { middleOf, pathOf } from "../graph/routes.js";
import { isFinal } from "../run/run.js";

// React Flow measures the handles again once they are drawn, and finds them a hair away; the way is our own.
const isSame = (a, b) => a.id === b.id && a.source === b.source && a.target === b.target && a.data === b.data && a.selected === b.selected;

export const BranchEdge = memo(function BranchEdge({ id, source, target, data, selected }) {
  const { edge, label, route } = data;
  const taken = useValue((s) => Boolean(s.run?.taken.has(`${source}->${target}`)));
  const moving = useValue((s) => taken && !isFinal(s.run) && s.run?.nodes[target]?.status === "running");
  const faded = useValue((s) => !taken && Boolean(s.run?.steps.length));
  const near = useValue((s) => s.hovered === id);
  const over = useValue((s) => s.over === id);
  const state = `${taken ? "taken" : ""} ${moving ? "moving" : ""} ${faded ? "faded" : ""} ${selected ? "sel" : ""} ${over ? "over" : ""}`;
  const dashed = label === "default" || edge.on !== "success";
  return (
    <>
      <BaseEdge id={id} path={pathOf(route.points)} interactionWidth={20} className={`hed-edge ${state} ${dashed ? "dashed" : ""} ${edge.on}`} />
      {(label || near || selected) && (
        <EdgeLabelRenderer>
          {label && <Chip id={id} edge={edge} label={label} at={route.label} state={state} />}
          {(near || selected) && <Insert id={id} at={middleOf(route.points)} />}
        </EdgeLabelRenderer>
      )}
    </>
  );
}, isSame);

const placed = ([x, y]) => ({ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` });

function Chip({ id, edge, label, at, state }) {
  const session = useSession();
  return (
    <button
      className={`hed-el nodrag nopan ${state} ${edge.on}`} title={edge.condition ?? "Taken when no other branch fits"} data-testid={`edge-${id}`} style={placed(at)}
      onClick={() => session.select([], { edge: id })}
    >
      {label}
    </button>
  );
}

// The way to a node in between.
function Insert({ id, at }) {
  const session = useSession();
  const canEdit = useValue((s) => s.view.can.write && s.valid);
  if (!canEdit) return null;
  return (
    <button
      className="hed-insert nodrag nopan" style={placed(at)} aria-label="Insert a node here" title="Insert a node here" data-testid={`insert-${id}`}
      onMouseEnter={() => session.set({ hovered: id })} onMouseLeave={() => session.set({ hovered: null })}
      onClick={(event) => session.set({ picker: { edge: id, screen: [event.clientX + 12, event.clientY - 20] } })}
    >
      <Plus size={12} strokeWidth={2.5} />
    </button>
  );
}

export function ConnectionLine({ fromX, fromY, toX, toY, fromPosition, toPosition }) {
  const [path] = getSmoothStepPath({ sourceX: fromX, sourceY: fromY, sourcePosition: fromPosition, targetX: toX, targetY: toY, targetPosition: toPosition, borderRadius: 8 });
  return <path d={path} className="hed-connection" fill="none" />;
}
