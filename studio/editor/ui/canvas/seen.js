// The part of the canvas that can be seen: beside the bars and the map that lie over it, and the inspector in a narrow window.
// Rectangles are {left, top, right, bottom}.
const OVER = ".hed-tools, .hed-corner > *, .hed-heat, .hed-banner, .hed-offer, .hed-insp, .react-flow__minimap";
const MARGIN = 16;
const BESIDE = 0.04; // of the width
const EDGE = 46; // above and below: nearer to the canvas' own edge, a line that rests there would move the view
const ASIDE = 0.5; // so much smaller, as a share of how far it is moved aside, is as good
const AIR = 6; // pixels between a card and what lies over the canvas

const sizeOf = ({ left, top, right, bottom }) => [right - left, bottom - top];
export const overlap = (one, other, air = 0) => one.left < other.right + air && other.left < one.right + air && one.top < other.bottom + air && other.top < one.bottom + air;

export function around(rects) {
  const side = (name, pick) => pick(...rects.map((rect) => rect[name]));
  return { left: side("left", Math.min), top: side("top", Math.min), right: side("right", Math.max), bottom: side("bottom", Math.max) };
}

// What lies over the canvas, or the part of that which a selector finds, in pixels from its upper left corner.
export function coversOf(box, what = OVER) {
  const at = box.getBoundingClientRect();
  const found = [...box.closest(".hed-main").querySelectorAll(what)].map((one) => one.getBoundingClientRect());
  return found.filter((one) => one.width && one.height && overlap(one, at)).map(({ left, top, right, bottom }) => ({ left: left - at.left, top: top - at.top, right: right - at.left, bottom: bottom - at.top }));
}

// The largest part of the canvas that nothing lies over; `upper`: as far as its upper half goes.
export function roomOf(box, { upper = false } = {}) {
  const { clientWidth, clientHeight } = box;
  const covers = coversOf(box).filter(({ top }) => !upper || top < clientHeight / 2);
  const clear = roomsIn(box, covers).filter((room) => !covers.some((cover) => overlap(room, cover)));
  return clear.reduce((best, room) => (areaOf(room) > areaOf(best) ? room : best), clear[0] ?? { left: 0, top: 0, right: clientWidth, bottom: clientHeight });
}

// The view in which all of `rects` is seen, and nothing lies over any of them: large, and rather in the middle than a bit larger.
export function viewOf(box, rects, most) {
  const all = around(rects);
  const [wide, high] = sizeOf(all);
  const covers = coversOf(box);
  const views = roomsIn(box, covers).map((whole) => {
    const room = within(whole, box);
    const [width, height] = sizeOf(room);
    const aside = Math.max(Math.abs(room.left + room.right - box.clientWidth) / box.clientWidth, Math.abs(room.top + room.bottom - box.clientHeight) / box.clientHeight) / 2;
    const zoom = Math.min(most, width / wide, height / high);
    return { x: room.left + (width - wide * zoom) / 2 - all.left * zoom, y: room.top + (height - high * zoom) / 2 - all.top * zoom, zoom, worth: zoom * (1 - ASIDE * aside) };
  });
  views.sort((one, other) => other.worth - one.worth);
  return views.find((view) => !rects.some((rect) => covers.some((cover) => overlap(onScreen(rect, view), cover, AIR)))) ?? views[0];
}

function within({ left, top, right, bottom }, { clientWidth, clientHeight }) {
  const beside = Math.max(MARGIN, clientWidth * BESIDE);
  return { left: left + beside, right: right - beside, top: top + (top ? MARGIN : EDGE), bottom: bottom - (bottom < clientHeight ? MARGIN : EDGE) };
}

export const onScreen = ({ left, top, right, bottom }, { x, y, zoom }) => ({ left: left * zoom + x, top: top * zoom + y, right: right * zoom + x, bottom: bottom * zoom + y });

const areaOf = (rect) => sizeOf(rect).reduce((one, other) => one * other);

// Every part of the canvas whose sides are its own or those of something over it.
function roomsIn({ clientWidth, clientHeight }, covers) {
  const sides = (first, name) => [...new Set([first, ...covers.map((cover) => cover[name])])];
  const spans = (starts, ends) => starts.flatMap((start) => ends.filter((end) => end - start > 2 * EDGE + MARGIN).map((end) => [start, end]));
  const or = (found, length) => (found.length ? found : [[0, length]]); // there is hardly a canvas
  const across = or(spans(sides(0, "right"), sides(clientWidth, "left")), clientWidth);
  const down = or(spans(sides(0, "bottom"), sides(clientHeight, "top")), clientHeight);
  return across.flatMap(([left, right]) => down.map(([top, bottom]) => ({ left, top, right, bottom })));
}
