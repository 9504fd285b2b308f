// From the state to what React Flow draws. Objects keep their identity while nothing about them changes: React Flow repaints
// only the others. `drag` is a Map of id to [x, y] for what is being dragged, or null.
import { useMemo, useRef } from "react";
import { useValue } from "../core/store.js";
import { NOTE } from "../core/notes.js";
import { edgeLabel } from "../frame/format.js";
import { countOutgoing } from "../graph/graph.js";
import { CARD } from "../graph/layered.js";
import { bounds } from "../graph/places.js";
import { routeAll, routeMoved } from "../graph/routes.js";

const IN = { type: "target", position: "top", x: CARD.width / 2 - 5, y: -5, width: 10, height: 10 };
const OUT = { type: "source", position: "bottom", x: CARD.width / 2 - 5, y: CARD.height - 5, width: 10, height: 10 };
const HANDLES = [IN, OUT];
const NONE = [];
export const FAR = 0.64; // zoom; below, cards show their names alone
export const FRAME = { side: 16, top: 34, bottom: 18 };

// Titles of groups can be taken hold of where an edge passes; the frame itself lets the mouse through.
const ABOVE_EDGES = 1;
const ABOVE_FRAMES = 2;
const LETS_THROUGH = { pointerEvents: "none" };

export const noteId = (id) => `note:${id}`;
export const groupId = (id) => `group:${id}`;
export const partOf = (id) => (/^(note|group):/.test(id) ? id.split(":") : ["node", id]);

export function useFlowNodes(drag) {
  const cards = useCards(drag);
  const notes = useNotes(drag);
  const frames = useFrames(drag);
  return useMemo(() => [...frames, ...cards, ...notes], [frames, cards, notes]);
}

function useCards(drag) {
  const graph = useValue((s) => s.graph);
  const positions = useValue((s) => s.positions);
  const names = useValue((s) => s.selected.nodes);
  const specs = useValue((s) => s.view.specs);
  const cache = useRef(new Map());
  return useMemo(() => {
    const selected = new Set(names);
    const next = new Map();
    for (const node of graph?.nodes ?? []) {
      const [x, y] = drag?.get(node.name) ?? positions.get(node.name) ?? [0, 0];
      const on = selected.has(node.name);
      const known = cache.current.get(node.name);
      const same = known && known.data.node === node && known.position.x === x && known.position.y === y && known.selected === on;
      next.set(node.name, same ? known : {
        id: node.name, type: "card", position: { x, y }, selected: on, ...CARD, measured: CARD, handles: HANDLES, zIndex: ABOVE_FRAMES,
        data: { node, group: specs[node.type]?.group ?? "flow" }, ariaLabel: `${node.name}, ${specs[node.type]?.title ?? node.type}`,
      });
    }
    cache.current = next;
    return [...next.values()];
  }, [graph, positions, names, drag, specs]);
}

function useNotes(drag) {
  const notes = useValue((s) => s.notes);
  const selected = useValue((s) => s.selected.notes);
  return useMemo(() => [...notes].map(([key, note]) => {
    const id = noteId(key);
    const [x, y] = drag?.get(id) ?? note.at;
    const [width, height] = note.size ?? [NOTE.width, NOTE.height];
    return { id, type: "sticky", position: { x, y }, width, height, measured: { width, height }, zIndex: ABOVE_FRAMES, selected: selected.includes(key), data: { key, note }, connectable: false, ariaLabel: `Note: ${note.text.slice(0, 80)}` };
  }), [notes, selected, drag]);
}

// A frame around the cards of a group; it moves with them, and they with it.
function useFrames(drag) {
  const groups = useValue((s) => s.groups);
  const positions = useValue((s) => s.positions);
  return useMemo(() => [...groups].flatMap(([key, group]) => {
    const places = group.nodes.map((name) => drag?.get(name) ?? positions.get(name)).filter(Boolean);
    if (!places.length) return [];
    const { left, top, right, bottom } = bounds(places);
    const [width, height] = [right - left + 2 * FRAME.side, bottom - top + FRAME.top + FRAME.bottom];
    return [{
      id: groupId(key), type: "frame", position: { x: left - FRAME.side, y: top - FRAME.top }, width, height, measured: { width, height },
      zIndex: ABOVE_EDGES, style: LETS_THROUGH, selectable: false, focusable: false, connectable: false, dragHandle: ".hed-frame-title", data: { key, group },
    }];
  }), [groups, positions, drag]);
}

// The ends of an edge can be taken hold of once it is hovered or selected: two circles an edge would be drawn for nothing.
export function useFlowEdges(drag, canEdit) {
  const given = useValue((s) => s.graph?.edges) ?? NONE;
  const positions = useValue((s) => s.positions);
  const selected = useValue((s) => s.selected.edge);
  const hovered = useValue((s) => s.hovered);
  const resting = useMemo(() => routeAll(given, positions), [given, positions]);
  const routes = useMemo(() => (drag ? routeMoved(given, positions, drag, resting) : resting), [given, positions, drag, resting]);
  const cache = useRef(new Map());
  const edges = useMemo(() => {
    const out = countOutgoing(given);
    const next = new Map();
    for (const edge of given) {
      const route = routes.get(edge.key);
      if (!route) continue;
      const many = out.get(edge.from) > 1;
      const on = edge.key === selected;
      const reconnectable = canEdit && (on || edge.key === hovered);
      const known = cache.current.get(edge.key);
      const same = known && known.data.edge === edge && known.data.route === route && known.data.many === many && known.selected === on && known.reconnectable === reconnectable;
      next.set(edge.key, same ? known : {
        id: edge.key, type: "branch", source: edge.from, target: edge.to, selected: on, reconnectable,
        data: { edge, route, many, label: edgeLabel(edge, out.get(edge.from)) }, ariaLabel: `From ${edge.from} to ${edge.to}`,
      });
    }
    cache.current = next;
    return [...next.values()];
  }, [given, routes, selected, hovered, canEdit]);
  return { edges, routes };
}
