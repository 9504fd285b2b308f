// What part of the canvas is seen: at first, after a command, and when something is to be shown.
import { useEffect, useMemo } from "react";
import { useSession, useValue } from "../core/store.js";
import { NOTE } from "../core/notes.js";
import { CARD } from "../graph/layered.js";
import { firstView } from "./beginning.js";
import { FRAME } from "./flow.js";
import { around, coversOf, onScreen, overlap, roomOf, viewOf } from "./seen.js";

const SETTLED_MS = 400;
const LEGIBLE = 0.4; // zoom; below, no name on a card can be read
const LEAST = { zoom: 0.1, size: 100 }; // one can zoom out so far, or until everything is so many pixels wide and high

// Returns the least zoom.
export function useViewport(flow, box) {
  useCentre(flow, box);
  useFirstFit(flow, box);
  useReveal(flow, box);
  useZoomCommands(flow, box);
  useLegend(flow, box);
  return useLeastZoom();
}

function useLeastZoom() {
  const session = useSession();
  const positions = useValue((s) => s.positions);
  const notes = useValue((s) => s.notes);
  return useMemo(() => {
    const rects = allOf(session.state);
    if (!rects.length) return LEAST.zoom;
    const { left, top, right, bottom } = around(rects);
    return Math.min(LEAST.zoom, LEAST.size / Math.max(right - left, bottom - top));
  }, [positions, notes, session]);
}

// For what is added without a place: the middle of what is seen.
function useCentre(flow, box) {
  const session = useSession();
  useEffect(() => {
    session.centre = () => {
      const { left, top } = box.current.getBoundingClientRect();
      const [across, down] = middleOf(roomOf(box.current));
      const { x, y } = flow.screenToFlowPosition({ x: left + across, y: top + down });
      return [x, y];
    };
    return () => { session.centre = null; };
  }, [flow, box, session]);
}

function useFirstFit(flow, box) {
  const session = useSession();
  const fit = useValue((s) => s.fit);
  const mode = useValue((s) => s.mode);
  const empty = useValue((s) => !s.graph?.nodes.length);
  useEffect(() => {
    if (empty) return undefined;
    // The panes around the canvas may still be finding their size: fit again with each, for a moment.
    const observer = new ResizeObserver(() => showFirst(flow, box.current, session));
    observer.observe(box.current);
    const settled = setTimeout(() => observer.disconnect(), SETTLED_MS);
    return () => {
      clearTimeout(settled);
      observer.disconnect();
    };
  }, [fit, mode, empty]);
}

// The card that the address leads to, or else the beginning.
function showFirst(flow, box, session) {
  const { state } = session;
  const [wanted] = state.reveal?.nodes ?? [];
  const at = state.selected.nodes.includes(wanted) && state.positions.get(wanted);
  if (at) centreOn(flow, box, cardAt(at), 0.9, 0);
  else showBeginning(flow, box, session);
}

function centreOn(flow, box, rect, zoom, duration) {
  const [x, y] = middleOf(roomOf(box));
  const [across, down] = middleOf(rect);
  flow.setViewport({ x: x - across * zoom, y: y - down * zoom, zoom }, { duration });
}

const middleOf = ({ left, top, right, bottom }) => [(left + right) / 2, (top + bottom) / 2];
const rectOf = ([left, top], width, height) => ({ left, top, right: left + width, bottom: top + height });
const cardAt = (at) => rectOf(at, CARD.width, CARD.height);
const cardsOf = ({ positions }, names) => names.map((name) => positions.get(name)).filter(Boolean).map(cardAt);
const notesOf = ({ notes }, ids) => ids.map((id) => notes.get(id)).filter(Boolean).map(({ at, size }) => rectOf(at, ...(size ?? [NOTE.width, NOTE.height])));

// Everything that stands on the canvas.
function allOf(state) {
  const frames = [...state.groups.values()].map(({ nodes }) => cardsOf(state, nodes)).filter((cards) => cards.length).map(around);
  return [
    ...[...state.positions.values()].map(cardAt),
    ...notesOf(state, [...state.notes.keys()]),
    ...frames.map(({ left, top, right, bottom }) => ({ left: left - FRAME.side, top: top - FRAME.top, right: right + FRAME.side, bottom: bottom + FRAME.bottom })),
  ];
}

const chosenOf = (state) => [...cardsOf(state, state.selected.nodes), ...notesOf(state, state.selected.notes)];

// Bring a chosen card into view, and move no more than needed; one that was looked for is shown so that it can be read.
function useReveal(flow, box) {
  const session = useSession();
  const reveal = useValue((s) => s.reveal);
  useEffect(() => {
    const [first] = reveal ? [...cardsOf(session.state, reveal.nodes), ...notesOf(session.state, reveal.notes)] : [];
    if (!first || !box.current) return;
    if (reveal.nodes.length) focusFollows(box.current, reveal.nodes[0]);
    const { clientWidth, clientHeight } = box.current;
    const seen = onScreen(first, flow.getViewport());
    const inside = seen.left > 0 && seen.top > 0 && seen.right < clientWidth && seen.bottom < clientHeight;
    const isSmall = reveal.close && flow.getZoom() < LEGIBLE;
    if (!inside || isSmall || coversOf(box.current).some((cover) => overlap(seen, cover))) centreOn(flow, box.current, first, Math.max(flow.getZoom(), 0.7), motion(160));
  }, [reveal]);
}

// Who works with the keyboard stands on a card: on the new one, once that is what is shown.
function focusFollows(box, name) {
  const here = document.activeElement?.closest?.(".react-flow__node");
  if (!here || here.dataset.id === name) return;
  requestAnimationFrame(() => { // it may just be drawn
    if (document.activeElement === here) box.querySelector(`.react-flow__node[data-id="${CSS.escape(name)}"]`)?.focus({ preventScroll: true });
  });
}

function useZoomCommands(flow, box) {
  const session = useSession();
  const zoom = useValue((s) => s.zoom);
  useEffect(() => {
    if (!zoom) return;
    const duration = motion(160);
    if (zoom.how === "in") flow.zoomIn({ duration });
    if (zoom.how === "out") flow.zoomOut({ duration });
    if (zoom.how === "full") flow.zoomTo(1, { duration });
    if (zoom.how === "fit") showWhole(flow, box.current, allOf(session.state), 1, duration);
    if (zoom.how === "selection") showWhole(flow, box.current, chosenOf(session.state), 1.4, duration);
  }, [zoom]);
}

// Where everything is seen, and the legend of the heat map comes to lie over a card: everything is fitted beside it.
function useLegend(flow, box) {
  const session = useSession();
  const heat = useValue((s) => (s.heat ? Boolean(s.heat.data ?? s.heat.error) : null)); // it grows with what it tells
  useEffect(() => {
    const legend = heat === null ? null : coversOf(box.current, ".hed-heat")[0];
    const rects = legend ? allOf(session.state) : [];
    const view = flow.getViewport();
    const seen = rects.map((rect) => onScreen(rect, view));
    if (seen.some((rect) => overlap(rect, legend)) && isWithin(around(seen), box.current)) showWhole(flow, box.current, rects, view.zoom, motion(160));
  }, [heat]);
}

const isWithin = ({ left, top, right, bottom }, { clientWidth, clientHeight }) => left >= 0 && top >= 0 && right <= clientWidth && bottom <= clientHeight;

const motion = (ms) => (matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : ms);

function showWhole(flow, box, rects, most, duration) {
  if (!box || !rects.length) return;
  const { x, y, zoom } = viewOf(box, rects, most);
  flow.setViewport({ x, y, zoom }, { duration });
}

function showBeginning(flow, box, session) {
  const { state } = session;
  const rects = allOf(state);
  if (!box || !rects.length) return;
  const entry = state.graph.nodes.find(({ type }) => state.view.specs[type]?.entry);
  const view = firstView(box, rects, entry && cardAt(state.positions.get(entry.name)));
  flow.setViewport(view);
  session.set({ isPart: !isWithin(onScreen(around(rects), view), box) });
}
