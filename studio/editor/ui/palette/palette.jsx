// One field for everything: Ctrl-K finds commands, Ctrl-F what stands in the workflow; both find the other as well.
import { useEffect, useMemo, useRef, useState } from "react";
import { Command, Search } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { perform } from "../core/commands.js";
import { shown } from "../core/keys.js";
import { TypeIcon } from "../frame/icons.jsx";
import { findCommands, findParts, go } from "./finding.js";

export function Palette() {
  const palette = useValue((s) => s.palette);
  return palette ? <Panel key={palette.kind} kind={palette.kind} /> : null;
}

function Panel({ kind }) {
  const session = useSession();
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef(null);
  const before = useRef(document.activeElement);
  const found = useMemo(() => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const parts = findParts(session.state, words);
    const commands = findCommands(session, words);
    if (kind === "search") return words.length ? [...parts, ...commands] : parts;
    return words.length ? [...commands, ...parts] : commands;
  }, [query, kind, session]);
  useEffect(() => void setAt(0), [query]);
  useEffect(() => void list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at]);
  useEffect(() => () => before.current?.isConnected && before.current.focus?.({ preventScroll: true }), []);
  const close = () => session.set({ palette: null });
  const choose = (one) => {
    if (!one) return;
    close();
    if (one.kind === "command") setTimeout(() => perform(session, one.id)); // after the focus went back
    else go(session, one);
  };
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) setAt((now) => (now + step + found.length) % Math.max(1, found.length));
    else if (event.key === "Enter") choose(found[at]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const Icon = kind === "search" ? Search : Command;
  return (
    <div className="hed-veil" onMouseDown={(event) => event.target === event.currentTarget && close()}>
      <div className="hed-palette" role="dialog" aria-modal="true" aria-label={kind === "search" ? "Search" : "Commands"} data-testid="palette">
        <div className="hed-search">
          <Icon size={15} />
          <input
            autoFocus value={query} onChange={(event) => setQuery(event.target.value)} onKeyDown={onKeyDown} aria-label={kind === "search" ? "Find in the workflow" : "Find a command"}
            placeholder={kind === "search" ? "Find a node, a condition, a text in a prompt…" : "What do you want to do?"}
            role="combobox" aria-expanded="true" aria-controls="hed-palette-list" aria-activedescendant={found[at] && `found-${at}`}
          />
          <kbd>Esc</kbd>
        </div>
        <div className="hed-found" role="listbox" id="hed-palette-list" aria-label="Found" ref={list}>
          {found.map((one, i) => <Found key={`${one.kind}:${one.id}`} one={one} number={i} heading={one.group !== found[i - 1]?.group} chosen={i === at} onHover={() => setAt(i)} onChoose={() => choose(one)} />)}
          {!found.length && <p className="hed-none">Nothing found for “{query}”.</p>}
        </div>
      </div>
    </div>
  );
}

function Found({ one, number, heading, chosen, onHover, onChoose }) {
  const spec = useValue((s) => s.view.specs[one.type]);
  return (
    <>
      {heading && <div className="hed-group" role="presentation">{one.group}</div>}
      <div role="option" id={`found-${number}`} aria-selected={chosen} aria-disabled={Boolean(one.why)} style={{ "--g": `var(--${spec?.group ?? "flow"})` }} onMouseMove={onHover} onClick={onChoose} data-testid={`found-${one.id}`}>
        {one.kind === "node" && <span className="ic"><TypeIcon name={spec?.icon} size={14} /></span>}
        <b>{one.title}</b>
        <small>{one.why ?? one.detail}</small>
        {one.keys && <kbd>{shown(one.keys)}</kbd>}
      </div>
    </>
  );
}
