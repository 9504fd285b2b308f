// The ports of a node's known ways, each with its name: below the card while it is pointed at or selected. A line that is drawn from
// one is an edge for that way. Edges themselves leave the card in one place (docs/adr/0009).
import { useEffect, useMemo } from "react";
import { Handle, Position, useUpdateNodeInternals } from "@xyflow/react";
import { useSession, useValue } from "../core/store.js";
import { edgeAlong, portOf, waysOf } from "../graph/ways.js";

const MOST = 12; // more are reached through the form

export function Ways({ node, spec, selected }) {
  const session = useSession();
  const measure = useUpdateNodeInternals();
  const edges = useValue((s) => s.graph.edges);
  const shown = useMemo(() => (selected || node.ways ? waysOf(node, spec).slice(0, MOST) : []), [node, spec, selected]);
  useEffect(() => void (shown.length && measure(node.name)), [shown, measure, node.name]);
  if (!shown.length) return null;
  return (
    <div className="hed-ports nodrag nopan" data-testid={`ways-${node.name}`}>
      {shown.map((way, i) => {
        const edge = edgeAlong(edges, node.name, way);
        return (
          <Handle
            key={way.label} id={portOf(i)} type="source" position={Position.Bottom} className={`hed-way ${way.on} ${edge ? "used" : ""}`} isConnectable={!edge}
            title={edge ? `${way.label}: leads to ${edge.to}` : `${way.label}: drag to where it leads`} data-testid={`way-${way.label}`}
            onClick={(event) => {
              event.stopPropagation(); // it is the edge that is meant, not the card
              if (edge) session.select([], { edge: edge.key });
            }}
          >
            {way.label}
          </Handle>
        );
      })}
    </div>
  );
}
