// Where to look first: at the whole graph where its cards can be read then, else at its entry, with as much beside it as there is
// room for.
import { CARD } from "../graph/layered.js";
import { FAR } from "./flow.js";
import { around, coversOf, roomOf, viewOf } from "./seen.js";

const MARGIN = 32; // pixels around what is shown
const CLOSE = 0.75;
const PLACES = 12; // that are tried, in each direction

// The view, {x, y, zoom}. `entry`: the rectangle of the node that a run begins with, where there is one.
export function firstView(box, rects, entry) {
  const whole = viewOf(box, rects, 1);
  if (whole.zoom >= FAR) return whole;
  const room = roomOf(box, { upper: true });
  const [tools] = coversOf(box, ".hed-tools");
  const across = room.right - room.left - 2 * MARGIN;
  const down = Math.max(CARD.height, Math.min(room.bottom, tools?.top ?? room.bottom) - room.top - 2 * MARGIN);
  const all = around(rects);
  const zoom = Math.min(CLOSE, Math.max(FAR, across / (all.right - all.left)));
  const [left, top] = cornerOf(rects, all, entry ?? rects.find((rect) => rect.top === all.top), [across / zoom, down / zoom]);
  return { x: room.left + MARGIN - left * zoom, y: room.top + MARGIN - top * zoom, zoom };
}

// The upper left corner of the part of that size that holds the entry and the most beside it: rather with the entry above, in the
// middle.
function cornerOf(rects, all, entry, [width, height]) {
  const lefts = starts([entry.left, entry.right], [all.left, all.right], width, 0.5);
  const tops = starts([entry.top, entry.bottom], [all.top, all.bottom], height, 0);
  let best = { held: -1 };
  for (const top of tops) {
    for (const left of lefts) {
      const held = rects.filter((rect) => rect.left >= left && rect.top >= top && rect.right <= left + width && rect.bottom <= top + height).length;
      if (held > best.held) best = { held, left, top };
    }
  }
  return [best.left, best.top];
}

// Where a stretch may begin that holds the entry's, the best place first; `at`: where in it the entry is to stand, 0 to 1. What is
// shorter than the stretch stands in it likewise.
function starts([from, to], [first, last], length, at) {
  if (last - first <= length) return [first - (length - (last - first)) * at];
  const least = to - length;
  const wanted = least + (from - least) * (1 - at);
  const places = Array.from({ length: PLACES + 1 }, (_, i) => least + ((from - least) * i) / PLACES);
  return [wanted, ...places.sort((one, other) => Math.abs(one - wanted) - Math.abs(other - wanted))].map((start) => Math.min(Math.max(start, first), last - length));
}
