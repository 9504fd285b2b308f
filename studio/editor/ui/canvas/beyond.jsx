// How much of the workflow lies beyond the canvas' borders, where it opened with a part of it: until the person moves the view.
// A click on it moves on to there.
import { ArrowDown, ArrowLeft, ArrowRight, ArrowUp } from "lucide-react";
import { useReactFlow, useStore, useViewport } from "@xyflow/react";
import { useValue } from "../core/store.js";
import { count } from "../frame/format.js";
import { CARD } from "../graph/layered.js";

const STEP = 0.7; // of what is seen
const SIDES = [
  { side: "left", icon: ArrowLeft, by: [1, 0], where: "to the left" },
  { side: "right", icon: ArrowRight, by: [-1, 0], where: "to the right" },
  { side: "top", icon: ArrowUp, by: [0, 1], where: "above" },
  { side: "bottom", icon: ArrowDown, by: [0, -1], where: "below" },
];

export function Beyond() {
  const isPart = useValue((s) => s.isPart);
  return isPart ? <Sides /> : null;
}

function Sides() {
  const flow = useReactFlow();
  const view = useViewport();
  const width = useStore((s) => s.width);
  const height = useStore((s) => s.height);
  const positions = useValue((s) => s.positions);
  const more = counted([...positions.values()], view, width, height);
  const go = ([across, down]) => flow.setViewport({ x: view.x + across * width * STEP, y: view.y + down * height * STEP, zoom: view.zoom }, { duration: 160 });
  return SIDES.filter(({ side }) => more[side]).map(({ side, icon: Icon, by, where }) => (
    <button key={side} className={`hed-beyond ${side}`} data-testid={`beyond-${side}`} onClick={() => go(by)} title={`${count(more[side], "node")} ${where}: go there`}>
      <Icon size={12} /> {more[side]} more
    </button>
  ));
}

// Cards whose middle is not seen, each counted on one side.
function counted(places, { x, y, zoom }, width, height) {
  const more = { left: 0, right: 0, top: 0, bottom: 0 };
  for (const [left, top] of places) {
    const [across, down] = [(left + CARD.width / 2) * zoom + x, (top + CARD.height / 2) * zoom + y];
    if (across < 0) more.left += 1;
    else if (across > width) more.right += 1;
    else if (down < 0) more.top += 1;
    else if (down > height) more.bottom += 1;
  }
  return more;
}
