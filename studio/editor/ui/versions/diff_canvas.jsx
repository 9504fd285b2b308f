// Both graphs on one canvas, to look at: what came is green, what went is red, what changed is amber, each with its sign.
import { memo, useMemo, useRef } from "react";
import { Background, BackgroundVariant, BaseEdge, Controls, EdgeLabelRenderer, Handle, Position, ReactFlow, ReactFlowProvider } from "@xyflow/react";
import { useSession, useValue } from "../core/store.js";
import { breakable } from "../frame/breakable.jsx";
import { edgeLabel } from "../frame/format.js";
import { TypeIcon } from "../frame/icons.jsx";
import { CARD, GRID } from "../graph/layered.js";
import { pathOf } from "../graph/routes.js";
import { KINDS } from "./changes.jsx";
import { united } from "./union.js";

const FAR = 0.64; // below, cards show their names alone, larger
const FIT = { padding: { x: "60px", top: "56px", bottom: "24px" }, maxZoom: 1 }; // beside the buttons, below the legend
const HANDLES = [
  { type: "target", position: "top", x: CARD.width / 2, y: 0, width: 1, height: 1 },
  { type: "source", position: "bottom", x: CARD.width / 2, y: CARD.height, width: 1, height: 1 },
];

export function DiffCanvas({ data }) {
  const session = useSession();
  const specs = useValue((s) => s.view.specs);
  const chosen = useValue((s) => s.versions?.node);
  const box = useRef(null);
  const both = useMemo(() => united(data), [data]);
  const nodes = useMemo(() => both.nodes.map(({ node, at: [x, y], change }) => ({
    id: node.name, type: "compared", position: { x, y }, ...CARD, measured: CARD, handles: HANDLES, selected: node.name === chosen,
    data: { node, change, spec: specs[node.type] }, ariaLabel: `${node.name}, ${change ? KINDS[change.kind].word : "unchanged"}`,
  })), [both, specs, chosen]);
  const edges = useMemo(() => both.edges.map(({ edge, route, change, siblings }) => ({
    id: edge.key, type: "compared", source: edge.from, target: edge.to, data: { edge, route, change, label: edgeLabel(edge, siblings) },
    ariaLabel: `From ${edge.from} to ${edge.to}, ${change ? KINDS[change.kind].word : "unchanged"}`,
  })), [both]);
  return (
    <div className="hed-canvas hed-diff" ref={box} data-testid="diff-canvas">
      <ReactFlowProvider>
        <ReactFlow
          nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES} fitView fitViewOptions={FIT}
          nodesDraggable={false} nodesConnectable={false} edgesFocusable={false} deleteKeyCode={null} panOnScroll minZoom={0.1} maxZoom={2}
          onlyRenderVisibleElements={nodes.length > 120} proOptions={{ hideAttribution: true }}
          onMove={(_event, { zoom }) => box.current?.toggleAttribute("data-far", zoom < FAR)}
          onNodeClick={(_event, node) => session.versions.patch({ node: node.id })} onPaneClick={() => session.versions.patch({ node: null })}
        >
          <Background variant={BackgroundVariant.Dots} gap={GRID} size={1.4} />
          <Controls showInteractive={false} fitViewOptions={FIT} />
        </ReactFlow>
      </ReactFlowProvider>
    </div>
  );
}

const Card = memo(function Card({ id, data, selected }) {
  const { node, change, spec } = data;
  const kind = change?.kind;
  const { icon: Icon, word } = KINDS[kind] ?? {};
  return (
    <div className={`hed-node ${kind ? `diff-${kind}` : "diff-same"} ${selected ? "sel" : ""}`} style={{ "--g": `var(--${spec?.group ?? "flow"})` }} data-testid={`diff-${id}`} data-change={kind ?? "same"}>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      <div className="t">
        <span className="ic"><TypeIcon name={spec?.icon} /></span>
        <span className="name">{breakable(id)}</span>
        {Icon && <span className="sign" title={word}><Icon size={11} strokeWidth={3} /></span>}
      </div>
      <div className="u">{summary(change) ?? node.subtitle}</div>
      <Handle type="source" position={Position.Bottom} isConnectable={false} />
    </div>
  );
});

function summary(change) {
  if (change?.was) return `was ${change.was}`;
  if (change?.kind !== "changed") return null;
  return change.fields.map(({ path }) => path.at(path[0] === "config" && path.length > 1 ? 1 : 0)).filter((name, i, all) => all.indexOf(name) === i).join(", ");
}

const Edge = memo(function Edge({ id, data }) {
  const { edge, route, change, label } = data;
  const kind = change ? `diff-${change.kind}` : "diff-same";
  const [x, y] = route.label;
  return (
    <>
      <BaseEdge id={id} path={pathOf(route.points)} className={`hed-edge ${kind}`} />
      {label && (
        <EdgeLabelRenderer>
          <span className={`hed-el ${kind}`} style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }} title={edge.condition ?? undefined}>{label}</span>
        </EdgeLabelRenderer>
      )}
    </>
  );
});

const NODE_TYPES = { compared: Card };
const EDGE_TYPES = { compared: Edge };
