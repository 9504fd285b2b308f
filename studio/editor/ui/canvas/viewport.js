// What part of the canvas is seen: at first, after a command, and when something is to be shown.
import { useEffect } from "react";
import { useSession, useValue } from "../core/store.js";
import { CARD } from "../graph/layered.js";
import { bounds } from "../graph/places.js";

const PADDING = 0.08;
const READABLE = 0.44; // the least zoom at which names can be read
const SETTLED_MS = 400;

export function useViewport(flow, box) {
  useCentre(flow, box);
  useFirstFit(flow, box);
  useReveal(flow, box);
  useZoomCommands(flow, box);
}

// For what is added without a place: the middle of what is seen.
function useCentre(flow, box) {
  const session = useSession();
  useEffect(() => {
    session.centre = () => {
      const { left, top, width, height } = box.current.getBoundingClientRect();
      const { x, y } = flow.screenToFlowPosition({ x: left + width / 2, y: top + height / 2 });
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
    const observer = new ResizeObserver(() => showFirst(flow, box.current, session.state));
    observer.observe(box.current);
    const settled = setTimeout(() => observer.disconnect(), SETTLED_MS);
    return () => {
      clearTimeout(settled);
      observer.disconnect();
    };
  }, [fit, mode, empty]);
}

// The card that the address leads to, or else the beginning.
function showFirst(flow, box, { positions, selected, reveal }) {
  const [wanted] = reveal?.nodes ?? [];
  const at = selected.nodes.includes(wanted) && positions.get(wanted);
  if (at) centreOn(flow, at, 0.9, 0);
  else showBeginning(flow, box, [...positions.values()]);
}

const centreOn = (flow, [x, y], zoom, duration) => flow.setCenter(x + CARD.width / 2, y + CARD.height / 2, { zoom, duration });

// Bring a chosen card into view, and move no more than needed.
function useReveal(flow, box) {
  const session = useSession();
  const reveal = useValue((s) => s.reveal);
  useEffect(() => {
    const at = reveal && session.state.positions.get(reveal.nodes[0]);
    if (!at || !box.current) return;
    focusFollows(box.current, reveal.nodes[0]);
    const { width, height } = box.current.getBoundingClientRect();
    const { x, y, zoom } = flow.getViewport();
    const [left, top] = [at[0] * zoom + x, at[1] * zoom + y];
    const seen = left > 0 && top > 0 && left + CARD.width * zoom < width && top + CARD.height * zoom < height;
    if (!seen) centreOn(flow, at, Math.max(zoom, 0.7), motion(160));
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
    const { positions, selected } = session.state;
    const all = [...positions.values()];
    const duration = motion(160);
    if (zoom.how === "in") flow.zoomIn({ duration });
    if (zoom.how === "out") flow.zoomOut({ duration });
    if (zoom.how === "full") flow.zoomTo(1, { duration });
    if (zoom.how === "fit") showWhole(flow, box.current, all, 1, duration);
    if (zoom.how === "selection") showWhole(flow, box.current, selected.nodes.map((name) => positions.get(name)).filter(Boolean), 1.4, duration);
  }, [zoom]);
}

const motion = (ms) => (matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : ms);

function measure(box, places) {
  const { width, height } = box.getBoundingClientRect();
  const { left, top, right, bottom } = bounds(places);
  const [wide, high] = [right - left, bottom - top];
  return { width, height, left, top, wide, high, whole: Math.min(width / wide, height / high) * (1 - PADDING) };
}

function showWhole(flow, box, places, most, duration) {
  if (!box || !places.length) return;
  const { width, height, left, top, wide, high, whole } = measure(box, places);
  const zoom = Math.max(0.1, Math.min(most, whole));
  flow.setViewport({ x: (width - wide * zoom) / 2 - left * zoom, y: (height - high * zoom) / 2 - top * zoom, zoom }, { duration });
}

// The whole graph where it stays readable, else its beginning; the map shows the rest.
function showBeginning(flow, box, places) {
  if (!box || !places.length) return;
  const { width, left, top, wide, whole } = measure(box, places);
  if (whole >= READABLE) return void showWhole(flow, box, places, 1, 0);
  const zoom = Math.min(0.75, Math.max(READABLE, (width / wide) * (1 - PADDING)));
  const centre = wide * zoom <= width ? left + wide / 2 : (places.find(([, y]) => y === top)?.[0] ?? left) + CARD.width / 2;
  flow.setViewport({ x: width / 2 - centre * zoom, y: 32 - top * zoom, zoom });
}
