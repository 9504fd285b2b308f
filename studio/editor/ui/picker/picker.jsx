// The searchable list of node types: by group, with the keyboard alone if one likes.
import { useEffect, useMemo, useRef, useState } from "react";
import { Search } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { TypeIcon } from "../frame/icons.jsx";

const GROUPS = { flow: "Flow", model: "Models", tools: "Tools", data: "Data", people: "People", msg: "Messages", safe: "Safety" };

export function Picker() {
  const picker = useValue((s) => s.picker);
  return picker ? <PickerPanel picker={picker} /> : null;
}

function PickerPanel({ picker }) {
  const session = useSession();
  const specs = useValue((s) => s.view.specs);
  const hasStart = useValue((s) => Boolean(s.graph?.nodes.some((node) => node.type === "start")));
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef(null);
  const found = useMemo(() => search(specs, query, hasStart), [specs, query, hasStart]);
  const choose = (spec) => spec && session.addNode(spec.type, { from: picker.from, at: picker.at });
  useEffect(() => void setAt(0), [query]);
  useEffect(() => void list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at]);
  const onKey = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((now) => (now + step + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter") choose(found[at]);
    else if (event.key === "Escape") session.set({ picker: null });
    else return;
    event.preventDefault();
  };
  let group = null;
  return (
    <div className="hed-veil" onMouseDown={(event) => event.target === event.currentTarget && session.set({ picker: null })}>
      <div className="hed-picker" role="dialog" aria-label="Add a node" data-testid="picker">
        <div className="hed-search">
          <Search size={15} />
          <input autoFocus value={query} onChange={(event) => setQuery(event.target.value)} onKeyDown={onKey} placeholder="Which node?" aria-label="Search node types" />
          <kbd>Esc</kbd>
        </div>
        {picker.from && <div className="hed-picker-note">Follows <b>{picker.from}</b></div>}
        <div className="hed-options" role="listbox" aria-label="Node types" ref={list}>
          {found.map((spec, i) => {
            const heading = spec.group !== group && <div className="hed-group">{GROUPS[(group = spec.group)] ?? spec.group}</div>;
            return (
              <div key={spec.type}>
                {heading}
                <button
                  role="option" aria-selected={i === at} style={{ "--g": `var(--${spec.group})` }} data-testid={`pick-${spec.type}`}
                  onMouseMove={() => setAt(i)} onClick={() => choose(spec)}
                >
                  <span className="ic"><TypeIcon name={spec.icon} /></span>
                  <span><b>{spec.title}</b><small>{spec.summary}</small></span>
                </button>
              </div>
            );
          })}
          {!found.length && <p className="hed-none">No node type is called that. Try a word for what it should do.</p>}
        </div>
      </div>
    </div>
  );
}

function search(specs, query, hasStart) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const order = Object.keys(GROUPS);
  const fits = (spec) => words.every((word) => `${spec.title} ${spec.type} ${spec.summary}`.toLowerCase().includes(word));
  const rank = (spec) => (words.length && spec.title.toLowerCase().startsWith(words[0]) ? 0 : 1);
  return Object.values(specs)
    .filter((spec) => fits(spec) && !(spec.type === "start" && hasStart))
    .sort((a, b) => rank(a) - rank(b) || order.indexOf(a.group) - order.indexOf(b.group) || a.title.localeCompare(b.title));
}
