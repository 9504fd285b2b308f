// A line that rests at the canvas's border moves the view, until it leaves the border. React Flow would move it at once: who aims at
// a port that stands there would miss it.
import { useEffect } from "react";
import { useStoreApi } from "@xyflow/react";

const BORDER = 40; // pixels
const REST_MS = 350;
const STILL = 6; // pixels; who rests does not move further
const MOST = 8; // pixels a frame, at the very border and beyond

// `hand`: a ref to what the mouse holds (hand.js).
export function useBorder(box, hand) {
  const flow = useStoreApi();
  useEffect(() => {
    let line = null; // {at: [x, y], since, from: [x, y], moves}: where the end of the line is, and where it rests since when
    let frame = 0;
    const step = (now) => {
      frame = 0;
      const by = line && hand.current.line ? pull(line.at, box.current) : null;
      if (!by) return void (line = null);
      line.moves ||= now - line.since >= REST_MS;
      if (line.moves) flow.getState().panBy({ x: by[0], y: by[1] });
      frame = requestAnimationFrame(step);
      return undefined;
    };
    const onMove = ({ clientX, clientY }) => {
      if (!hand.current.line) return;
      const at = [clientX, clientY];
      if (!line || far(at, line.from)) line = { at, from: at, since: performance.now(), moves: line?.moves ?? false };
      else line.at = at;
      frame ||= requestAnimationFrame(step);
    };
    window.addEventListener("pointermove", onMove, true);
    return () => {
      window.removeEventListener("pointermove", onMove, true);
      cancelAnimationFrame(frame);
    };
  }, [flow, box, hand]);
}

const far = ([x, y], [fromX, fromY]) => Math.hypot(x - fromX, y - fromY) > STILL;

// How far the view is to move this frame, [x, y], or null away from the border.
function pull([x, y], box) {
  const { left, top, right, bottom } = box.getBoundingClientRect();
  const by = [toBorder(x - left, right - left), toBorder(y - top, bottom - top)];
  return by[0] || by[1] ? by : null;
}

function toBorder(at, size) {
  if (at < BORDER) return Math.min(1, (BORDER - at) / BORDER) * MOST;
  return at > size - BORDER ? -Math.min(1, (at - size + BORDER) / BORDER) * MOST : 0;
}
