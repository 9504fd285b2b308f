// Breadcrumb, what is saved and live, the panes, Run and Publish. In a narrow window the words of class "opt" are for screen
// readers alone.
import { Check, CloudOff, Command, History, Keyboard, LoaderCircle, Pause, Play, Redo2, Search, Square, TriangleAlert, Undo2 } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { CommandButton } from "./command_button.jsx";
import { ago } from "./format.js";
import { People } from "./people.jsx";
import { isFinal } from "../run/run.js";

export function TopBar() {
  const view = useValue((s) => s.view);
  return (
    <header className="hed-top">
      <nav className="hed-crumb" aria-label="Breadcrumb">
        <a href="/app/workflows">{view.tenant}</a>
        <span aria-hidden="true">/</span>
        <h1 title={view.description}>{view.name}</h1>
      </nav>
      <SaveState />
      <LiveVersion live={view.live} />
      <span className="grow" />
      <People />
      <HistoryButtons />
      <Modes />
      {view.can.run && <RunButton />}
      {view.can.publish && <CommandButton id="publish" label={<span>Publish<span className="opt"> version</span></span>} className="hed-btn primary" testid="publish" />}
    </header>
  );
}

const SAVE = {
  saved: ["saved", null], pending: ["unsaved", null], saving: ["saving", null],
  failed: ["not saved", CloudOff], conflict: ["conflict", TriangleAlert], readonly: ["View only", null],
};

function SaveState() {
  const save = useValue((s) => s.save);
  const [label, Icon] = SAVE[save.state];
  const bad = save.state === "failed" || save.state === "conflict";
  return (
    <span className={`hed-chip ${bad ? "warn" : ""}`} title={save.message} data-testid="save-state" data-state={save.state} aria-live="polite">
      {bad && Icon && <Icon size={11} />}
      <span>{save.state !== "readonly" && <span className="opt">Draft · </span>}{label}</span>
    </span>
  );
}

function showAddresses(session) {
  session.set({ publish: { number: session.state.view.live.number, step: "live" } });
  session.request("addresses");
}

function LiveVersion({ live }) {
  const session = useSession();
  if (!live) return <span className="hed-chip" data-testid="live-version">not published</span>;
  return (
    <button className="hed-chip ok" onClick={() => showAddresses(session)} data-testid="live-version" title={`Published ${ago(live.at)} (${new Date(live.at).toLocaleString()}). Show where it answers`}>
      <Check size={11} strokeWidth={2.5} /><span>v{live.number}<span className="opt"> live</span></span>
    </button>
  );
}

function HistoryButtons() {
  const can = useValue((s) => s.view.can.write);
  return (
    <div className="hed-icons">
      {can && <CommandButton id="undo" icon={Undo2} />}
      {can && <CommandButton id="redo" icon={Redo2} />}
      <CommandButton id="versions" icon={History} testid="open-versions" />
      <CommandButton id="search" icon={Search} />
      <CommandButton id="palette" icon={Command} />
      <CommandButton id="shortcuts" icon={Keyboard} />
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
  const busy = useValue((s) => s.busy || Boolean(s.run?.run_id && !isFinal(s.whole ?? s.run)));
  const waits = useValue((s) => s.run?.status === "suspended");
  const session = useSession();
  if (!busy) return <CommandButton id="run" icon={Play} size={14} label={<span className="opt">Run</span>} className="hed-btn" showKeys testid="run" />;
  return (
    <button className="hed-btn" onClick={() => session.runs.cancel()} data-testid="cancel-run" title="Cancel the run">
      {waits ? <><Pause size={14} /><span className="opt">Waiting</span></> : <><LoaderCircle size={14} className="hed-spin" /><span className="opt">Running</span></>} <Square size={11} fill="currentColor" aria-label="Cancel" />
    </button>
  );
}
