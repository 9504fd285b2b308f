// The searchable list of what can be added: by group, with the keyboard alone if one likes, or dragged onto the canvas.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Search } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { useFocusBack } from "../frame/focus.js";
import { TypeIcon } from "../frame/icons.jsx";
import { DRAG_TYPE, GROUPS, drag, entriesOf, place, search, takeDragged } from "./entries.js";

export function Picker() {
  const picker = useValue((s) => s.picker);
  return picker ? <PickerPanel key={picker.edge ?? picker.into ?? picker.from ?? picker.to ?? ""} picker={picker} /> : null;
}

function PickerPanel({ picker }) {
  const session = useSession();
  const view = useValue((s) => s.view);
  const hasStart = useValue((s) => Boolean(s.graph?.nodes.some((node) => s.view.specs[node.type]?.entry)));
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef(null);
  const entries = useMemo(() => entriesOf(view), [view]);
  const found = useMemo(() => search(entries, query, { ...picker, hasStart }), [entries, query, picker, hasStart]);
  const choose = (entry) => entry && place(session, entry, picker);
  useEffect(() => void setAt(0), [query]);
  useEffect(() => void list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at]);
  const onKey = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) setAt((now) => (now + step + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter") choose(found[at]);
    else if (event.key === "Escape") session.set({ picker: null });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <Anchored screen={picker.screen}>
      <div className="hed-search">
        <Search size={15} />
        <input
          autoFocus value={query} onChange={(event) => setQuery(event.target.value)} onKeyDown={onKey} placeholder="What should happen next?"
          aria-label="Search node types, tools and workflows" role="combobox" aria-expanded="true" aria-controls="hed-picker-list" aria-activedescendant={found[at] && `pick-${found[at].key}`}
        />
        <kbd>Esc</kbd>
      </div>
      <Place picker={picker} />
      <div className="hed-options" role="listbox" aria-label="What can be added" id="hed-picker-list" ref={list}>
        {found.map((entry, i) => (
          <Option key={entry.key} entry={entry} heading={entry.group !== found[i - 1]?.group} chosen={i === at} onHover={() => setAt(i)} onChoose={() => choose(entry)} />
        ))}
        {!found.length && <p className="hed-none">Nothing is called that. Try a word for what it should do.</p>}
      </div>
    </Anchored>
  );
}

function Option({ entry, heading, chosen, onHover, onChoose }) {
  const session = useSession();
  const start = (event) => {
    drag(entry);
    event.dataTransfer.setData(DRAG_TYPE, entry.key);
    event.dataTransfer.effectAllowed = "copy";
    const panel = event.target.closest(".hed-picker");
    setTimeout(() => panel.classList.add("away")); // it must not cover where one wants to drop
  };
  const end = (event) => {
    event.target.closest(".hed-picker")?.classList.remove("away");
    if (!takeDragged()) session.set({ picker: null }); // it was dropped
  };
  return (
    <>
      {heading && <div className="hed-group" role="presentation">{GROUPS[entry.group] ?? entry.group}</div>}
      <div
        role="option" id={`pick-${entry.key}`} aria-selected={chosen} style={{ "--g": `var(--${entry.colour})` }} data-testid={`pick-${entry.key}`}
        draggable onDragStart={start} onDragEnd={end} onMouseMove={onHover} onClick={onChoose}
      >
        <span className="ic"><TypeIcon name={entry.icon} /></span>
        <span><b>{entry.title}</b><small>{entry.summary}</small></span>
      </div>
    </>
  );
}

function Place({ picker }) {
  const edge = useValue((s) => s.graph?.edges.find((one) => one.key === (picker.edge ?? picker.into)));
  if (edge) return <div className="hed-picker-note">Between <b>{edge.from}</b> and <b>{edge.to}</b></div>;
  if (picker.from) return <div className="hed-picker-note">Follows <b>{picker.from}</b>{picker.way && <>, {picker.way.label}</>}</div>;
  if (picker.to) return <div className="hed-picker-note">Leads to <b>{picker.to}</b></div>;
  return null;
}

// At the place where an edge was dropped, or over the canvas' upper right corner; always whole inside the window. It leaves
// the canvas free, so that entries can be dragged there.
function Anchored({ screen, children }) {
  const session = useSession();
  const panel = useRef(null);
  useFocusBack(panel);
  useLayoutEffect(() => {
    const canvas = document.querySelector(".hed-canvas")?.getBoundingClientRect() ?? { right: innerWidth, top: 48 };
    const { width } = panel.current.getBoundingClientRect();
    const height = Math.min(520, innerHeight - 80);
    const [x, y] = screen ?? [canvas.right - width - 12, canvas.top + 52];
    Object.assign(panel.current.style, { left: `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`, top: `${Math.max(8, Math.min(y, innerHeight - height - 8))}px`, maxHeight: `${height}px` });
  }, [screen]);
  useEffect(() => {
    const outside = (event) => panel.current?.contains(event.target) || event.target.closest?.(".react-flow__handle") || session.set({ picker: null });
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [session]);
  return <div className="hed-picker" role="dialog" aria-label="Add a node" data-testid="picker" ref={panel}>{children}</div>;
}
