// Versions: the list on the left, what differs in the middle as canvas or text, every change by name on the right.
import { useEffect, useRef, useState } from "react";
import { ArrowRight, History, Radio, RotateCcw, X } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { Button } from "../frame/controls.jsx";
import { Dialog } from "../frame/dialog.jsx";
import { ago, count } from "../frame/format.js";
import { Changes } from "./changes.jsx";
import { DiffCanvas } from "./diff_canvas.jsx";
import { TextDiff } from "./text_diff.jsx";
import { isOlder, nameOf } from "./versions.js";

export function VersionsView() {
  const session = useSession();
  const state = useValue((s) => s.versions);
  const box = useRef(null);
  const isOpen = Boolean(state);
  useEffect(() => {
    if (!isOpen) return undefined;
    const before = document.activeElement;
    box.current.focus();
    return () => before?.focus?.();
  }, [isOpen]);
  if (!state) return null;
  return (
    <section className="hed-versions" aria-label="Versions" role="region" tabIndex={-1} ref={box} data-testid="versions">
      <Bar state={state} />
      <VersionList state={state} />
      <Middle state={state} />
      <aside className="hed-changes" aria-label="Changes">
        {state.data ? <Changes data={state.data} /> : !state.error && <span className="hed-bone" />}
      </aside>
      {state.asking && <AskLive state={state} close={() => session.versions.patch({ asking: false })} />}
      <button className="hed-icon close" onClick={() => session.versions.close()} aria-label="Close versions" title="Close (Esc)"><X size={16} /></button>
    </section>
  );
}

const label = (side) => (side === null ? "Draft" : `v${side}`);

function Bar({ state }) {
  const session = useSession();
  const { list, chosen, base, data, tab } = state;
  const [first, second] = isOlder(base, chosen) ? [base, chosen] : [chosen, base];
  const sides = [null, ...(list ?? []).map((one) => one.number)].filter((side) => side !== chosen);
  return (
    <header className="hed-vbar">
      <b><History size={15} /> Versions</b>
      {list?.length > 0 && (
        <label className="hed-against">
          <span className="mut">{label(chosen)} compared with</span>
          <select className="hed-in" value={base ?? "draft"} onChange={(event) => session.versions.compare(chosen, event.target.value === "draft" ? null : Number(event.target.value))} data-testid="compare-with">
            {sides.map((side) => <option key={side ?? "draft"} value={side ?? "draft"}>{label(side)}{side === state.live && side !== null ? " (live)" : ""}</option>)}
          </select>
        </label>
      )}
      {data && <span className="hed-chip" data-testid="compared">{label(first)} <ArrowRight size={11} aria-label="to" /> {label(second)}</span>}
      <div className="hed-seg" role="radiogroup" aria-label="Show as">
        {[["canvas", "Canvas"], ["text", "Text"]].map(([id, title]) => (
          <button key={id} role="radio" aria-checked={tab === id} onClick={() => session.versions.patch({ tab: id })} data-testid={`versions-${id}`}>{title}</button>
        ))}
      </div>
      <span className="grow" />
      <Actions state={state} />
    </header>
  );
}

function Actions({ state }) {
  const session = useSession();
  const can = useValue((s) => s.view.can);
  const { chosen, live, data } = state;
  if (chosen === null || !data) return null;
  const isLive = chosen === live;
  const same = session.versions.side.text === session.text;
  const whyNoRestore = !can.write ? "Your role does not allow changing the draft." : same ? "The draft says the same already." : null;
  const whyNotLive = !can.publish ? "Your role does not allow publishing." : isLive ? "This version is live." : null;
  return (
    <>
      <Button className="hed-btn" why={whyNoRestore} title="Put this version's text and layout into the draft; undo brings back what is there" onClick={() => session.versions.restore()} data-testid="restore">
        <RotateCcw size={13} /> Restore into the draft
      </Button>
      <Button className="hed-btn" why={whyNotLive} title="Let callers get this version; the draft stays as it is" onClick={() => session.versions.patch({ asking: true })} data-testid="make-live">
        <Radio size={13} /> {isOlder(chosen, live) && live !== null ? "Roll back to this" : "Make this live"}
      </Button>
    </>
  );
}

function AskLive({ state, close }) {
  const session = useSession();
  const [{ busy, error }, set] = useState({ busy: false, error: null });
  const { chosen, live } = state;
  const send = async () => {
    set({ busy: true, error: null });
    try {
      await session.versions.makeLive(chosen);
      close();
    } catch (refused) {
      set({ busy: false, error: refused.message });
    }
  };
  return (
    <Dialog title={`Make version ${chosen} live?`} onClose={close} testid="live-dialog">
      <p>
        Callers get {nameOf(chosen)} from now on{live === null ? "" : `, in place of ${nameOf(live)}`}, with the addresses and schedules it names. Runs under way end on
        the version they started with. The draft stays as it is.
      </p>
      {error && <p className="hed-error error" role="alert">{error}</p>}
      <footer>
        <button className="hed-btn" onClick={close} data-autofocus>Cancel</button>
        <Button className="hed-btn primary" onClick={send} why={busy ? "It is being published." : null} data-testid="live-confirm">{busy ? "Publishing…" : `Make version ${chosen} live`}</Button>
      </footer>
    </Dialog>
  );
}

function VersionList({ state }) {
  const session = useSession();
  const { list, draft, chosen, live } = state;
  const rows = list && [{ number: null, ...draft }, ...list];
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const next = step && rows[rows.findIndex((one) => one.number === chosen) + step];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    session.versions.choose(next.number);
    event.currentTarget.querySelector(`[data-side="${next.number ?? "draft"}"]`)?.focus();
  };
  return (
    <nav className="hed-vlist" aria-label="History" onKeyDown={onKeyDown}>
      {!rows && !state.error && [80, 60, 70].map((w, i) => <span key={i} className="hed-bone" style={{ width: `${w}%` }} />)}
      {rows?.map((one) => (
        <button key={one.number ?? "draft"} data-side={one.number ?? "draft"} aria-current={one.number === chosen} onClick={() => session.versions.choose(one.number)} data-testid={`version-${one.number ?? "draft"}`}>
          <span className="line"><b>{one.number === null ? "Draft" : `Version ${one.number}`}</b>{one.number !== null && one.number === live && <span className="hed-chip ok">live</span>}</span>
          {one.note && <span className="said">{one.note}</span>}
          <small title={new Date(one.at).toLocaleString()}>{one.by ? `${one.by}, ` : ""}{ago(one.at)}</small>
        </button>
      ))}
      {list?.length === 0 && <p className="hed-hint">Nothing is published yet. “Publish version” freezes the draft as version 1, which then stands here.</p>}
    </nav>
  );
}

function Middle({ state }) {
  const session = useSession();
  const { data, error, tab, list, chosen } = state;
  if (error) {
    return (
      <div className="hed-vmiddle alone" role="alert">
        <p>{error}</p>
        <button className="hed-btn" onClick={() => session.versions.open()}>Try again</button>
      </div>
    );
  }
  if (list && chosen === null && !list.length) return <div className="hed-vmiddle alone"><p className="mut">There is no version yet to compare the draft with.</p></div>;
  if (!data) return <div className="hed-vmiddle" aria-busy="true" />;
  if (tab === "text") return <div className="hed-vmiddle"><TextDiff data={data} /></div>;
  if (!data.difference) return <div className="hed-vmiddle alone"><p className="mut">One of the two texts cannot be drawn; look at the text instead.</p></div>;
  return (
    <div className="hed-vmiddle">
      <DiffCanvas data={data} />
      <Legend difference={data.difference} />
    </div>
  );
}

function Legend({ difference }) {
  const all = [...difference.nodes, ...difference.edges];
  return (
    <p className="hed-legend" data-testid="diff-legend">
      {["added", "changed", "removed"].map((kind) => <span key={kind} className={kind}><i />{all.filter((one) => one.kind === kind).length} {kind}</span>)}
      {difference.settings.length > 0 && <span>{count(difference.settings.length, "setting")}</span>}
    </p>
  );
}
