// Breadcrumb, what is saved and live, the panes, Run and Publish.
import { Check, CloudOff, Keyboard, LoaderCircle, Play, Redo2, Square, TriangleAlert, Undo2 } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { ago } from "./format.js";
import { isFinal } from "../run/run.js";

export function TopBar() {
  const session = useSession();
  const view = useValue((s) => s.view);
  return (
    <header className="hed-top">
      <nav className="hed-crumb" aria-label="Breadcrumb">
        <a href="/app/workflows">{view.tenant}</a>
        <span aria-hidden="true">/</span>
        <b title={view.description}>{view.name}</b>
      </nav>
      <SaveState />
      <LiveVersion live={view.live} />
      <span className="grow" />
      <HistoryButtons />
      <Modes />
      <RunButton />
      {view.can.publish && (
        <button className="hed-btn primary" onClick={() => session.set({ publish: { step: "form" } })} data-testid="publish">
          Publish version
        </button>
      )}
    </header>
  );
}

const SAVE = {
  saved: ["Draft · saved", Check], pending: ["Draft · unsaved", null], saving: ["Draft · saving", null],
  failed: ["Draft · not saved", CloudOff], conflict: ["Draft · conflict", TriangleAlert], readonly: ["View only", null],
};

function SaveState() {
  const save = useValue((s) => s.save);
  const [label, Icon] = SAVE[save.state];
  const bad = save.state === "failed" || save.state === "conflict";
  return (
    <span className={`hed-chip ${bad ? "warn" : ""}`} title={save.message} data-testid="save-state" data-state={save.state} aria-live="polite">
      {bad && Icon && <Icon size={11} />}
      {label}
    </span>
  );
}

function LiveVersion({ live }) {
  const session = useSession();
  if (!live) return <span className="hed-chip" data-testid="live-version">not published</span>;
  return (
    <button className="hed-chip ok" onClick={() => session.showAddresses()} data-testid="live-version" title={`Published ${ago(live.at)} (${new Date(live.at).toLocaleString()}). Show where it answers`}>
      <Check size={11} strokeWidth={2.5} />v{live.number} live
    </button>
  );
}

function HistoryButtons() {
  const session = useSession();
  const history = useValue((s) => s.history);
  const can = useValue((s) => s.view.can.write);
  return (
    <div className="hed-icons">
      {can && (
        <>
          <button className="hed-icon" onClick={() => session.undo()} disabled={!history.undo} title="Undo (Ctrl Z)" aria-label="Undo"><Undo2 size={15} /></button>
          <button className="hed-icon" onClick={() => session.redo()} disabled={!history.redo} title="Redo (Ctrl Shift Z)" aria-label="Redo"><Redo2 size={15} /></button>
        </>
      )}
      <button className="hed-icon" onClick={() => session.set({ sheet: true })} title="Keyboard shortcuts (?)" aria-label="Keyboard shortcuts"><Keyboard size={15} /></button>
    </div>
  );
}

function Modes() {
  const session = useSession();
  const mode = useValue((s) => s.mode);
  return (
    <div className="hed-seg" role="radiogroup" aria-label="Panes">
      {["canvas", "split", "yaml"].map((one) => (
        <button key={one} role="radio" aria-checked={mode === one} onClick={() => session.setMode(one)} data-testid={`mode-${one}`}>
          {{ canvas: "Canvas", split: "Split", yaml: "YAML" }[one]}
        </button>
      ))}
    </div>
  );
}

function RunButton() {
  const session = useSession();
  const busy = useValue((s) => s.busy || Boolean(s.run?.run_id && !isFinal(s.run)));
  const can = useValue((s) => s.view.can.run);
  if (!can) return null;
  if (busy) {
    return (
      <button className="hed-btn" onClick={() => session.runs.cancel()} data-testid="cancel-run">
        <LoaderCircle size={14} className="hed-spin" /> Running <Square size={11} fill="currentColor" aria-label="Cancel" />
      </button>
    );
  }
  return (
    <button className="hed-btn" onClick={() => session.runs.again()} data-testid="run">
      <Play size={14} /> Run <kbd>Ctrl ↵</kbd>
    </button>
  );
}
