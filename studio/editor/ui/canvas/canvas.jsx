// The canvas: React Flow draws, the session decides.
import { useCallback, useEffect, useRef, useState } from "react";
import { Background, BackgroundVariant, MiniMap, ReactFlow, ReactFlowProvider, SelectionMode, useReactFlow, useStoreApi } from "@xyflow/react";
import { useSession, useValue } from "../core/store.js";
import { connect, setEdge, whyNoEdge } from "../core/actions.js";
import { pullSays } from "../core/read_only.js";
import { isText, onKey } from "../core/shortcuts.js";
import { CARD, GRID, snap } from "../graph/layered.js";
import { hasMap } from "../graph/graph.js";
import { wayAt } from "../graph/ways.js";
import { Beyond } from "./beyond.jsx";
import { useBorder } from "./border.js";
import { BranchEdge, ConnectionLine } from "./branch_edge.jsx";
import { useDragging } from "./dragging.js";
import { useDrops } from "./drops.js";
import { FAR, partOf, useFlowEdges, useFlowNodes } from "./flow.js";
import { Frame } from "./frame.jsx";
import { Guidance } from "./guidance.jsx";
import { useHand } from "./hand.js";
import { openMenu } from "./menu.jsx";
import { NodeCard } from "./node_card.jsx";
import { useShift } from "./shift.js";
import { Sticky } from "./sticky.jsx";
import { Corner, Tools } from "./tools.jsx";
import { HeatLegend } from "../run/heat_legend.jsx";
import { useViewport } from "./viewport.js";

const NODE_TYPES = { card: NodeCard, sticky: Sticky, frame: Frame };
const EDGE_TYPES = { branch: BranchEdge };
const SNAP = [GRID, GRID];
const DOTS = 0.1; // zoom; below, cards are dots that stay large enough to be seen
const MANY = 120; // nodes; above, only what is seen is in the page

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
  const inner = useStoreApi();
  const box = useRef(null);
  const routes = useRef(new Map());
  const canEdit = useValue((s) => s.view.can.write && s.valid);
  const size = useValue((s) => s.graph?.nodes.length ?? 0);
  const withMap = useValue(hasMap);
  const snaps = useValue((s) => s.snap);
  const hand = useHand();
  const { drag, over, onMoves, onStart, onStop } = useDragging(routes, hand);
  const drops = useDrops(flow, routes);
  const nodes = useFlowNodes(drag);
  const { edges, routes: ways } = useFlowEdges(drag, canEdit);
  routes.current = ways;
  const least = useViewport(flow, box);
  useBorder(box, hand);
  useShift(box);
  const wiring = useWiring(session, flow, hand);
  const pane = usePane(session, box);
  useEffect(() => session.set({ over: over ?? drops.over }), [over, drops.over]);

  const onNodesChange = useCallback((changes) => {
    onMoves(changes);
    selectBy(session, changes);
  }, [session, onMoves]);
  // A box that is drawn around cards is for them: React Flow marks their edges, too.
  const onEdgesChange = useCallback((changes) => {
    if (inner.getState().userSelectionActive) return;
    const on = changes.findLast((change) => change.type === "select" && change.selected);
    if (on) session.select([], { edge: on.id });
    else if (changes.some((change) => change.type === "select" && change.id === session.state.selected.edge)) session.select([]);
  }, [session, inner]);

  // What Enter does beyond selecting a card or note. React Flow would take it with Ctrl as "not selected any more".
  const pressed = (event) => {
    if (event.key !== "Enter" || isText(event.target)) return;
    const on = event.target.matches(".react-flow__node") ? partOf(event.target.dataset.id) : [];
    if (event.ctrlKey || event.metaKey) onKey(event.nativeEvent, session);
    else if (event.shiftKey && on.length) toggle(session, ...on);
    else if (on[0] === "note" && session.state.selected.notes.includes(on[1])) session.set({ writing: on[1] });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <section className={`hed-canvas ${drag ? "dragging" : ""}`} ref={box} data-testid="canvas" aria-label="Canvas" tabIndex={-1} onKeyDownCapture={pressed} {...drops.handlers}>
      <ReactFlow
        nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES}
        onNodesChange={onNodesChange} onEdgesChange={onEdgesChange}
        onNodeDragStart={onStart} onNodeDragStop={onStop} onSelectionDragStart={onStart} onSelectionDragStop={onStop}
        {...wiring} {...pane}
        nodesDraggable={canEdit} nodesConnectable={canEdit} deleteKeyCode={null} selectionMode={SelectionMode.Partial}
        multiSelectionKeyCode={["Shift", "Meta", "Control"]} panOnScroll autoPanOnConnect={false} autoPanSpeed={8} panOnDrag={[0, 1]} selectionKeyCode="Shift"
        minZoom={least} maxZoom={2} onlyRenderVisibleElements={size > MANY} elevateNodesOnSelect={false} disableKeyboardA11y={false}
        snapToGrid={snaps} snapGrid={SNAP} proOptions={{ hideAttribution: true }} zoomOnDoubleClick={false}
      >
        <Background variant={BackgroundVariant.Dots} gap={GRID} size={1.4} />
        {withMap && !drag && <MiniMap pannable zoomable nodeColor={mapColour} nodeStrokeColor={mapColour} ariaLabel="Overview" />}
      </ReactFlow>
      <Tools canEdit={canEdit} />
      <Corner canEdit={canEdit} />
      <HeatLegend />
      <Beyond />
      <Guidance size={size} canEdit={canEdit} />
    </section>
  );
}

const mapColour = (node) => (node.type === "card" ? `var(--${node.data.group})` : "transparent");

// Connecting, and moving the end of an edge to another node.
function useWiring(session, flow, hand) {
  const [wiring] = useState(() => ({
    onConnectStart: () => { hand.current.line = true; },
    onConnect: ({ source, target, sourceHandle }) => hand.current.letsGo || connect(session, source, target, wayAt(session.state, source, sourceHandle)),
    isValidConnection: ({ source, target }) => !whyNoEdge(session.state, source, target),
    connectionLineComponent: ConnectionLine,
    connectionRadius: 28,
    // Into the void: the picker opens there, with what can stand at that end.
    onConnectEnd: (event, { toNode, fromNode, fromHandle }) => {
      hand.current.line = false;
      if (hand.current.letsGo) return undefined;
      if (toNode && toNode.id !== fromNode?.id) return tellWhy(session, fromNode, toNode, fromHandle);
      if (toNode || !fromNode) return undefined;
      const { clientX, clientY } = event.changedTouches?.[0] ?? event;
      const card = document.elementFromPoint(clientX, clientY)?.closest(".react-flow__node-card")?.dataset.id;
      if (card) return joined(session, fromNode.id, card, fromHandle);
      const { x, y } = flow.screenToFlowPosition({ x: clientX, y: clientY });
      const backwards = fromHandle?.type === "target";
      const at = [snap(x - CARD.width / 2), snap(backwards ? y - CARD.height : y)];
      return session.set({ picker: { [backwards ? "to" : "from"]: fromNode.id, way: wayAt(session.state, fromNode.id, fromHandle?.id), at, screen: [clientX, clientY] } });
    },
    onReconnectStart: () => { hand.current.line = true; },
    onReconnectEnd: () => { hand.current.line = false; },
    onReconnect: (old, { source, target }) => {
      if (hand.current.letsGo) return;
      if (target !== old.target) setEdge(session, old.id, "to", target);
      if (source !== old.source) setEdge(session, old.id, "from", source);
    },
    onEdgeMouseEnter: (_event, edge) => session.set({ hovered: edge.id }),
    onEdgeMouseLeave: () => session.set({ hovered: null }),
  }));
  return wiring;
}

// A line that ends anywhere on a card leads to it.
function joined(session, from, card, handle) {
  if (card === from) return undefined;
  return handle?.type === "target" ? connect(session, card, from) : connect(session, from, card, wayAt(session.state, from, handle?.id));
}

function tellWhy(session, from, to, handle) {
  const [source, target] = handle?.type === "target" ? [to.id, from.id] : [from.id, to.id];
  const why = whyNoEdge(session.state, source, target);
  if (why) session.say(why);
}

function usePane(session, box) {
  const pulled = useRef(null); // where the mouse took hold of the canvas
  const [pane] = useState(() => ({
    onPaneClick: () => {
      session.set({ picker: null, menu: null });
      session.select([]);
    },
    onMove: (event, { zoom }) => {
      box.current?.toggleAttribute("data-far", zoom < FAR);
      if (box.current?.toggleAttribute("data-dots", zoom < DOTS)) box.current.style.setProperty("--zoom", zoom);
      if (event?.type === "mousemove" && pulled.current) pullSays(session, pulled.current);
      pulled.current = null;
      if (event && session.state.isPart) session.set({ isPart: false });
    },
    onPaneContextMenu: (event) => openMenu(session, event, "pane"),
    onNodeContextMenu: (event, node) => openMenu(session, event, ...partOf(node.id)),
    onSelectionContextMenu: (event) => openMenu(session, event, "selection"),
    onEdgeContextMenu: (event, edge) => openMenu(session, event, "edge", edge.id),
    onMoveStart: (event) => {
      pulled.current = event;
      if (event?.type === "wheel") session.set({ isPart: false });
      if (session.state.menu) session.set({ menu: null });
    },
  }));
  return pane;
}

function toggle(session, kind, key) {
  const { nodes, notes } = session.state.selected;
  const turned = (items) => (items.includes(key) ? items.filter((one) => one !== key) : [...items, key]);
  if (kind === "node") session.select(turned(nodes), { notes });
  else session.select(nodes, { notes: turned(notes) });
}

function selectBy(session, changes) {
  const picks = changes.filter((change) => change.type === "select");
  if (!picks.length) return;
  const now = session.state.selected;
  const next = { node: new Set(now.nodes), note: new Set(now.notes) };
  for (const { id, selected } of picks) {
    const [kind, key] = partOf(id);
    if (selected) next[kind]?.add(key);
    else next[kind]?.delete(key);
  }
  if (next.node.size || next.note.size || now.nodes.length || now.notes.length) session.select([...next.node], { notes: [...next.note] });
}
