// The canvas: React Flow draws, the session decides. Dragging stays here until it ends.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Background, BackgroundVariant, MiniMap, ReactFlow, ReactFlowProvider, SelectionMode, useReactFlow } from "@xyflow/react";
import { Eraser, Map as MapIcon, Maximize, Minus, Plus, TriangleAlert, WandSparkles } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { countOutgoing } from "../graph/places.js";
import { CARD, GRID, snap } from "../graph/layered.js";
import { count, edgeLabel } from "../frame/format.js";
import { NodeCard } from "./node_card.jsx";
import { BranchEdge, ConnectionLine } from "./branch_edge.jsx";
import { routeAll } from "../graph/routes.js";

const NODE_TYPES = { card: NodeCard };
const EDGE_TYPES = { branch: BranchEdge };
const HANDLES = [
  { type: "target", position: "top", x: CARD.width / 2 - 5, y: -5, width: 10, height: 10 },
  { type: "source", position: "bottom", x: CARD.width / 2 - 5, y: CARD.height - 5, width: 10, height: 10 },
];
const FIT = { padding: 0.08, maxZoom: 1, minZoom: 0.2 };
const SNAP = [GRID, GRID];
const READABLE = 0.44; // the least zoom at which names can be read
const SETTLED_MS = 400;
const MAP_FROM = 16; // nodes; smaller graphs are seen whole

export function Canvas() {
  return (
    <ReactFlowProvider>
      <Surface />
    </ReactFlowProvider>
  );
}

function Surface() {
  const session = useSession();
  const flow = useReactFlow();
  const box = useRef(null);
  const canEdit = useValue((s) => s.view.can.write && s.valid);
  const size = useValue((s) => s.graph?.nodes.length ?? 0);
  const [drag, setDrag] = useState(null);
  const [map, setMap] = useState(null);
  const nodes = useNodes(drag);
  const edges = useEdges(drag);
  useFitting(flow, box, size);

  const dragging = useRef(false);
  const latest = useRef(null);
  latest.current = drag;
  const settle = useSettled(() => {
    if (!latest.current || dragging.current) return;
    session.move(Object.fromEntries(Object.entries(latest.current).map(([name, [x, y]]) => [name, [snap(x), snap(y)]])));
    setDrag(null);
  });
  const grabbed = useCallback(() => {
    dragging.current = true;
  }, []);

  const onNodesChange = useCallback((changes) => {
    const moves = changes.filter((change) => change.type === "position" && change.position);
    if (moves.length) setDrag((now) => ({ ...now, ...Object.fromEntries(moves.map(({ id, position }) => [id, [position.x, position.y]])) }));
    if (moves.length && !dragging.current) settle(); // arrow keys: no drag that ends
    selectBy(session, changes);
  }, [session]);
  const onEdgesChange = useCallback((changes) => {
    const on = changes.findLast((change) => change.type === "select" && change.selected);
    if (on) session.select([], { edge: on.id });
    else if (changes.some((change) => change.type === "select" && change.id === session.state.selected.edge)) session.select([]);
  }, [session]);
  const dropped = useCallback((_event, _node, moved) => {
    dragging.current = false;
    setDrag(null);
    session.move(Object.fromEntries(moved.map(({ id, position }) => [id, [snap(position.x), snap(position.y)]])));
  }, [session]);
  const onConnectEnd = useCallback((event, connection) => {
    if (connection.toNode || !connection.fromNode || connection.fromHandle?.type !== "source") return;
    const { clientX, clientY } = event.changedTouches?.[0] ?? event;
    const { x, y } = flow.screenToFlowPosition({ x: clientX, y: clientY });
    session.set({ picker: { from: connection.fromNode.id, at: [snap(x - CARD.width / 2), snap(y)] } });
  }, [flow, session]);
  const onReconnect = useCallback((old, { source, target }) => {
    if (target !== old.target) session.setEdge(old.id, "to", target);
    if (source !== old.source) session.setEdge(old.id, "from", source);
  }, [session]);

  return (
    <section className="hed-canvas" ref={box} data-testid="canvas" aria-label="Canvas" tabIndex={-1}>
      <ReactFlow
        nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES}
        onNodesChange={onNodesChange} onEdgesChange={onEdgesChange}
        onNodeDragStart={grabbed} onSelectionDragStart={grabbed} onNodeDragStop={dropped} onSelectionDragStop={(event, moved) => dropped(event, null, moved)}
        onConnect={({ source, target }) => session.connect(source, target)} onConnectEnd={onConnectEnd}
        onReconnect={onReconnect} edgesReconnectable={canEdit} isValidConnection={(c) => c.source !== c.target}
        connectionLineComponent={ConnectionLine} connectionRadius={28}
        onPaneClick={() => session.select([])} onMove={(_event, { zoom }) => box.current?.classList.toggle("far", zoom < 0.64)}
        nodesDraggable={canEdit} nodesConnectable={canEdit} deleteKeyCode={null} selectionMode={SelectionMode.Partial}
        multiSelectionKeyCode={["Shift", "Meta", "Control"]} panOnScroll panOnDrag={[0, 1, 2]} selectionKeyCode="Shift"
        minZoom={0.15} maxZoom={2} onlyRenderVisibleElements={size > 120} elevateNodesOnSelect={false} disableKeyboardA11y={false}
        snapToGrid snapGrid={SNAP} proOptions={{ hideAttribution: true }}
      >
        <Background variant={BackgroundVariant.Dots} gap={GRID} size={1.4} />
        {(map ?? size >= MAP_FROM) && <MiniMap pannable zoomable nodeColor={(node) => `var(--${node.data.group})`} ariaLabel="Overview" />}
      </ReactFlow>
      <Tools flow={flow} canEdit={canEdit} map={map ?? size >= MAP_FROM} setMap={setMap} />
      <Corner canEdit={canEdit} />
      <Guidance size={size} canEdit={canEdit} />
    </section>
  );
}

// Calls `act` a moment after the last call of what it gives back.
function useSettled(act) {
  const timer = useRef(null);
  const run = useRef(act);
  run.current = act;
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => run.current(), 300);
  }, []);
}

function selectBy(session, changes) {
  const picks = changes.filter((change) => change.type === "select");
  if (!picks.length) return;
  const names = new Set(session.state.selected.nodes);
  for (const { id, selected } of picks) {
    if (selected) names.add(id);
    else names.delete(id);
  }
  if (names.size || session.state.selected.nodes.length) session.select([...names]);
}

// Node objects keep their identity while nothing about them changes: React Flow repaints only the others.
function useNodes(drag) {
  const graph = useValue((s) => s.graph);
  const positions = useValue((s) => s.positions);
  const selected = useValue((s) => s.selected.nodes);
  const specs = useValue((s) => s.view.specs);
  const cache = useRef(new Map());
  return useMemo(() => {
    const old = cache.current;
    const next = new Map();
    for (const node of graph?.nodes ?? []) {
      const [x, y] = drag?.[node.name] ?? positions[node.name] ?? [0, 0];
      const on = selected.includes(node.name);
      const known = old.get(node.name);
      const same = known && known.data.node === node && known.position.x === x && known.position.y === y && known.selected === on;
      next.set(node.name, same ? known : {
        id: node.name, type: "card", position: { x, y }, selected: on, ...CARD, measured: CARD, handles: HANDLES,
        data: { node, group: specs[node.type]?.group ?? "flow" }, ariaLabel: `${node.name}, ${node.type}`,
      });
    }
    cache.current = next;
    return [...next.values()];
  }, [graph, positions, selected, drag, specs]);
}

function useEdges(drag) {
  const graph = useValue((s) => s.graph);
  const positions = useValue((s) => s.positions);
  const selected = useValue((s) => s.selected.edge);
  const routes = useMemo(() => routeAll(graph?.edges ?? [], drag ? { ...positions, ...drag } : positions), [graph, positions, drag]);
  return useMemo(() => {
    if (!graph) return [];
    const out = countOutgoing(graph.edges);
    return graph.edges.filter((edge) => positions[edge.from] && positions[edge.to]).map((edge) => ({
      id: edge.key, type: "branch", source: edge.from, target: edge.to, selected: edge.key === selected,
      data: { edge, label: edgeLabel(edge, out.get(edge.from)), route: routes.get(edge.key), many: out.get(edge.from) > 1 },
    }));
  }, [graph, positions, selected, routes]);
}

function useFitting(flow, box, size) {
  const fit = useValue((s) => s.fit);
  const reveal = useValue((s) => s.reveal);
  const positions = useValue((s) => s.positions);
  const mode = useValue((s) => s.mode);
  useEffect(() => {
    if (!size) return undefined;
    // The panes around the canvas may still be finding their size: fit again with each, for a moment.
    const observer = new ResizeObserver(() => show(flow, box.current, Object.values(positions)));
    observer.observe(box.current);
    const settled = setTimeout(() => observer.disconnect(), SETTLED_MS);
    return () => {
      clearTimeout(settled);
      observer.disconnect();
    };
  }, [fit, mode, size > 0]);
  useEffect(() => {
    const at = reveal && positions[reveal.nodes[0]];
    if (!at || !box.current) return;
    const { width, height } = box.current.getBoundingClientRect();
    const { x, y, zoom } = flow.getViewport();
    const [left, top] = [at[0] * zoom + x, at[1] * zoom + y];
    const seen = left > 0 && top > 0 && left + CARD.width * zoom < width && top + CARD.height * zoom < height;
    if (!seen) flow.setCenter(at[0] + CARD.width / 2, at[1] + CARD.height / 2, { zoom: Math.max(zoom, 0.7), duration: 160 });
  }, [reveal]);
}

// The whole graph where it stays readable, else its beginning; the map shows the rest.
function show(flow, box, places) {
  if (!box || !places.length) return;
  const { width, height } = box.getBoundingClientRect();
  const left = Math.min(...places.map(([x]) => x));
  const top = Math.min(...places.map(([, y]) => y));
  const wide = Math.max(...places.map(([x]) => x)) + CARD.width - left;
  const high = Math.max(...places.map(([, y]) => y)) + CARD.height - top;
  const whole = Math.min(FIT.maxZoom, Math.min(width / wide, height / high) * (1 - FIT.padding));
  if (whole >= READABLE) {
    flow.setViewport({ x: (width - wide * whole) / 2 - left * whole, y: (height - high * whole) / 2 - top * whole, zoom: whole });
    return;
  }
  const zoom = Math.min(0.75, Math.max(READABLE, (width / wide) * (1 - FIT.padding)));
  const centre = wide * zoom <= width ? left + wide / 2 : (places.find(([, y]) => y === top)?.[0] ?? left) + CARD.width / 2;
  flow.setViewport({ x: width / 2 - centre * zoom, y: 32 - top * zoom, zoom });
}

function Tools({ flow, canEdit, map, setMap }) {
  const session = useSession();
  return (
    <div className="hed-tools" role="toolbar" aria-label="View">
      <button onClick={() => flow.zoomOut({ duration: 120 })} title="Zoom out" aria-label="Zoom out"><Minus size={15} /></button>
      <button onClick={() => flow.zoomIn({ duration: 120 })} title="Zoom in" aria-label="Zoom in"><Plus size={15} /></button>
      <button onClick={() => flow.fitView({ ...FIT, duration: 160 })} title="Fit to view" aria-label="Fit to view"><Maximize size={14} /></button>
      {canEdit && <button onClick={() => session.tidy()} title="Tidy up the layout" aria-label="Tidy up the layout"><WandSparkles size={14} /></button>}
      <button onClick={() => setMap(!map)} title="Overview map" aria-label="Overview map" aria-pressed={map}><MapIcon size={14} /></button>
    </div>
  );
}

function Corner({ canEdit }) {
  const session = useSession();
  const hasRun = useValue((s) => Boolean(s.run?.steps.length));
  const many = useValue((s) => s.selected.nodes.length);
  return (
    <>
      <div className="hed-corner left">
        {hasRun && <button className="hed-btn" onClick={() => session.runs.clear()}><Eraser size={14} /> Clear run</button>}
        {many > 1 && <span className="hed-chip solid">{count(many, "node")} selected</span>}
      </div>
      {canEdit && (
        <div className="hed-corner right">
          <button className="hed-btn" data-testid="add-node" onClick={() => session.set({ picker: { from: session.state.selected.nodes[0] ?? null } })}>
            <Plus size={15} /> Add node <kbd>N</kbd>
          </button>
        </div>
      )}
    </>
  );
}

const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

function Guidance({ size, canEdit }) {
  const session = useSession();
  const valid = useValue((s) => s.valid);
  const error = useValue((s) => s.diagnostics.find((d) => d.severity === "error"));
  if (!valid) {
    return (
      <div className={`hed-banner ${size ? "" : "alone"}`} role="alert" data-testid="yaml-error">
        <TriangleAlert size={15} />
        <span>
          <b>Line {error?.line ?? 1}:</b> {sentence(error?.message ?? "The YAML cannot be read")}{" "}
          {size ? "The canvas shows the last good state." : "Mend it in the YAML pane and the canvas appears."}
        </span>
        {error && <button className="hed-btn small" onClick={() => session.showProblem({ ...error, node: null })}>Go to line</button>}
      </div>
    );
  }
  if (size || !canEdit) return null;
  return (
    <div className="hed-empty-canvas">
      <button onClick={() => session.set({ picker: { from: null } })} data-testid="first-node">
        <Plus size={20} />
        <b>Add the first node</b>
        <span>Most workflows begin with a start node, then an agent that reads the message.</span>
      </button>
    </div>
  );
}
