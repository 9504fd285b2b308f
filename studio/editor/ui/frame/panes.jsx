// How wide the panes are: pulled with the mouse or with arrow keys on their edges, remembered in this browser.
import { useEffect, useMemo, useRef, useState } from "react";

const KEY = "heddle-panes";
const PANES = {
  yaml: { least: 200, most: 900, title: "Width of the YAML pane", axis: "x", sign: 1 },
  insp: { least: 260, most: 720, title: "Width of the inspector", axis: "x", sign: -1 },
  drawer: { least: 120, most: 640, title: "Height of the preview", axis: "y", sign: -1 },
};
const STEP = 24;
const SETTLED_MS = 400;

function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return Object.fromEntries(Object.keys(PANES).filter((name) => Number.isFinite(found?.[name])).map((name) => [name, clamp(name, found[name])]));
  } catch {
    return {};
  }
}

const clamp = (name, value) => Math.round(Math.max(PANES[name].least, Math.min(PANES[name].most, value)));

export function usePaneSizes() {
  const [sizes, setSizes] = useState(remembered);
  return useMemo(() => ({
    style: Object.fromEntries(Object.entries(sizes).map(([name, value]) => [`--${name}-size`, `${value}px`])),
    set: (name, value) => setSizes((now) => {
      const next = { ...now, [name]: clamp(name, value) };
      try {
        localStorage.setItem(KEY, JSON.stringify(next));
      } catch {
        // then it holds for this visit
      }
      return next;
    }),
  }), [sizes]);
}

export function Resizers({ sizes }) {
  return Object.keys(PANES).map((name) => <Resizer key={name} name={name} onSize={(value) => sizes.set(name, value)} />);
}

function Resizer({ name, onSize }) {
  const { title, axis, sign, least, most } = PANES[name];
  const [now, setNow] = useState(least);
  const start = useRef(null);
  const pane = () => document.querySelector(`.hed-${name}`).getBoundingClientRect();
  const size = () => (axis === "x" ? pane().width : pane().height);
  const measure = () => setNow(Math.round(size()));
  // Not at once: it would have the whole page laid out before it is complete.
  useEffect(() => {
    const later = setTimeout(measure, SETTLED_MS);
    return () => clearTimeout(later);
  }, []);
  const put = (value) => {
    onSize(value);
    setNow(clamp(name, value));
  };
  const along = (event) => (axis === "x" ? event.clientX : event.clientY);
  const onKeyDown = (event) => {
    const by = { ArrowLeft: -STEP, ArrowRight: STEP, ArrowUp: -STEP, ArrowDown: STEP }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    put(size() + by * sign);
  };
  return (
    <div
      className={`hed-resizer ${name}`} role="separator" aria-orientation={axis === "x" ? "vertical" : "horizontal"} aria-label={title} aria-valuemin={least} aria-valuemax={most} aria-valuenow={now} aria-valuetext={`${now} pixels`} tabIndex={0} onFocus={measure} title={`${title}: drag, or use the arrow keys`} onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        start.current = { at: along(event), size: size() };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => start.current && put(start.current.size + (along(event) - start.current.at) * sign)}
      onPointerUp={() => { start.current = null; }}
    />
  );
}
