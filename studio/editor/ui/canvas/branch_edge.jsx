// An edge: orthogonal with round corners, a chip where it is one branch of several, green and thick where a run went.
import { memo } from "react";
import { BaseEdge, EdgeLabelRenderer, getSmoothStepPath } from "@xyflow/react";
import { useSession, useValue } from "../core/store.js";
import { isFinal } from "../run/run.js";
import { pathOf } from "../graph/routes.js";

export const BranchEdge = memo(function BranchEdge({ id, source, target, data, selected }) {
  const session = useSession();
  const { edge, label, route } = data;
  const taken = useValue((s) => Boolean(s.run?.taken.has(`${source}->${target}`)));
  const moving = useValue((s) => taken && !isFinal(s.run) && s.run?.nodes[target]?.status === "running");
  const faded = useValue((s) => !taken && Boolean(s.run?.steps.length));
  if (!route) return null;
  const state = `${taken ? "taken" : ""} ${moving ? "moving" : ""} ${faded ? "faded" : ""} ${selected ? "sel" : ""}`;
  const dashed = label === "default" || edge.on !== "success";
  return (
    <>
      <BaseEdge id={id} path={pathOf(route.points)} interactionWidth={20} className={`hed-edge ${state} ${dashed ? "dashed" : ""} ${edge.on}`} />
      {label && (
        <EdgeLabelRenderer>
          <button
            className={`hed-el nodrag nopan ${state} ${edge.on}`} title={edge.condition ?? "Taken when no other branch fits"} data-testid={`edge-${id}`}
            style={{ transform: `translate(-50%, -50%) translate(${route.label[0]}px, ${route.label[1]}px)` }}
            onClick={() => session.select([], { edge: id })}
          >
            {label}
          </button>
        </EdgeLabelRenderer>
      )}
    </>
  );
});

export function ConnectionLine({ fromX, fromY, toX, toY, fromPosition, toPosition }) {
  const [path] = getSmoothStepPath({ sourceX: fromX, sourceY: fromY, sourcePosition: fromPosition, targetX: toX, targetY: toY, targetPosition: toPosition, borderRadius: 8 });
  return <path d={path} className="hed-connection" fill="none" />;
}
