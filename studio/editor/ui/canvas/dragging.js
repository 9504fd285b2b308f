// Dragging stays on the client until it ends. Moves of the mouse are gathered and shown once a frame; those of the arrow keys
// at once, for each begins where the card stands.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useSession } from "../core/store.js";
import { move, putOnEdge } from "../core/actions.js";
import { edgeOf } from "../graph/graph.js";
import { CARD, snap } from "../graph/layered.js";
import { edgeAt } from "../graph/routes.js";
import { FRAME, partOf } from "./flow.js";

const KEYS_REST_MS = 300;

// {drag, over, onMoves, onStart, onStop}: `drag` is a Map of id to [x, y] or null, `over` the key of the edge that a dropped
// card would stand in. `mouse`: a ref to what it holds (hand.js).
export function useDragging(routesNow, mouse) {
  const session = useSession();
  const [drag, setDrag] = useState(null);
  const [over, setOver] = useState(null);
  const hand = useRef({ held: null, next: null, frame: 0, rest: 0 });

  const paint = useCallback(() => {
    const now = hand.current;
    now.frame = 0;
    setDrag(now.next);
    setOver(now.held && now.held.loose ? edgeUnder(now.next.get(now.held.id), routesNow.current) : null);
  }, []);
  const take = useCallback((moves) => {
    const now = hand.current;
    now.next = new Map(now.next);
    for (const [id, at] of moves) now.next.set(id, at);
    if (now.held) now.frame ||= requestAnimationFrame(paint);
    else paint();
  }, []);
  const drop = useCallback(() => {
    const now = hand.current;
    cancelAnimationFrame(now.frame);
    const [moved, held] = [now.next, now.held];
    Object.assign(now, { held: null, next: null, frame: 0 });
    mouse.current.card = false;
    setDrag(null);
    setOver(null);
    if (moved && !mouse.current.letsGo) settle(session, moved, held, routesNow.current);
  }, [session]);

  useEffect(() => () => {
    cancelAnimationFrame(hand.current.frame);
    clearTimeout(hand.current.rest);
  }, []);
  return useMemo(() => ({
    drag, over,
    onStart: (_event, node, nodes) => {
      mouse.current.card = true;
      hand.current.held = nodes?.length > 1 ? {} : { id: node?.id, loose: isLoose(session.state, node?.id) };
    },
    onStop: drop,
    onMoves: (changes) => {
      const moves = changes.filter((change) => change.type === "position" && change.position);
      if (!moves.length) return;
      take(moves.flatMap(({ id, position }) => movedWith(session.state, hand.current.next, id, [position.x, position.y])));
      if (hand.current.held) return;
      clearTimeout(hand.current.rest); // arrow keys: no drag that ends
      hand.current.rest = setTimeout(drop, KEYS_REST_MS);
    },
  }), [drag, over, session, take, drop]);
}

// A frame takes the cards of its group along.
function movedWith(state, moving, id, at) {
  const [kind, key] = partOf(id);
  if (kind !== "group") return [[id, at]];
  const group = state.groups.get(key);
  const places = group.nodes.filter((name) => state.positions.has(name)).map((name) => [name, moving?.get(name) ?? state.positions.get(name)]);
  const left = Math.min(...places.map(([, [x]]) => x)) - FRAME.side;
  const top = Math.min(...places.map(([, [, y]]) => y)) - FRAME.top;
  return places.map(([name, [x, y]]) => [name, [x + at[0] - left, y + at[1] - top]]);
}

const isLoose = ({ graph, view }, id) => {
  const node = graph?.byName.get(id);
  const spec = node && view.specs[node.type];
  return Boolean(spec?.leads && !spec.entry && view.can.write && !graph.edges.some((edge) => edge.from === id || edge.to === id));
};

// Who lets a card go on an edge may mean that it is to stand in it: what that needs is said, the first time.
function tellOnce(session, moved, held, routes) {
  const key = held?.id && !held.loose && session.canEdit && edgeUnder(moved.get(held.id), routes);
  const edge = key && edgeOf(session.state.graph, key);
  if (!edge || edge.from === held.id || edge.to === held.id || session.toldOfEdges) return;
  session.toldOfEdges = true;
  session.say(`${held.id} has edges of its own. A node without any is put into an edge by a drop on it.`);
}

const edgeUnder = (at, routes) => at && edgeAt([at[0] + CARD.width / 2, at[1] + CARD.height / 2], routes, 26);

function settle(session, moved, held, routes) {
  const on = (value) => (session.state.snap ? snap(value) : Math.round(value));
  const nodes = [];
  const notes = [];
  for (const [id, [x, y]] of moved) {
    const [kind, key] = partOf(id);
    if (kind === "note") notes.push([key, [Math.round(x), Math.round(y)]]);
    else nodes.push([id, [on(x), on(y)]]);
  }
  const edge = held?.loose && edgeUnder(moved.get(held.id), routes);
  if (edge) return putOnEdge(session, held.id, edge, nodes[0][1]);
  move(session, nodes, notes);
  return tellOnce(session, moved, held, routes);
}
