// The workflow editor: top bar, YAML, canvas, drawer and inspector around one session.
import { useEffect, useMemo, useState } from "react";
import "@xyflow/react/dist/style.css";
import "./editor.css";
import "./canvas/canvas.css";
import "./panels.css";
import { Session } from "./core/session.js";
import { EditorContext, useSession, useValue } from "./core/store.js";
import { IconContext } from "./frame/icons.jsx";
import { TopBar } from "./frame/topbar.jsx";
import { YamlPane } from "./text/pane.jsx";
import { Canvas } from "./canvas/canvas.jsx";
import { Inspector } from "./inspector/inspector.jsx";
import { Drawer } from "./run/drawer.jsx";
import { Picker } from "./picker/picker.jsx";
import { ConflictDialog, PublishDialog, ShortcutSheet } from "./frame/dialogs.jsx";

export function WorkflowEditor({ opened, saved, started, published, icons, onCommit, onRun, onCancel, onPublish, onAddresses, onRenew }) {
  const session = useMemo(() => new Session(), []);
  session.server = { commit: onCommit, run: onRun, cancel: onCancel, publish: onPublish, addresses: onAddresses, renew: onRenew };
  const [loaded, setLoaded] = useState(null);

  useEffect(() => {
    if (!opened?.load || opened.load === loaded) return;
    if (opened.workflow_id) session.open(opened);
    const wanted = opened.workflow_id && linkedNode();
    if (wanted) session.select([wanted], { reveal: true });
    setLoaded(opened.load);
  }, [opened?.load]);
  useEffect(() => void (saved?.op && session.sync?.answer(saved)), [saved]);
  useEffect(() => void (started?.op && session.runs.started(started)), [started]);
  useEffect(() => {
    if (published?.op) session.set((s) => ({ publish: { ...s.publish, ...published, busy: false }, view: published.live ? { ...s.view, live: published.live } : s.view }));
  }, [published]);
  useEffect(() => () => session.close(), []);

  return (
    <IconContext.Provider value={icons ?? {}}>
      <EditorContext.Provider value={session}>
        {loaded && opened?.workflow_id ? <Frame /> : <Waiting opened={opened} />}
      </EditorContext.Provider>
    </IconContext.Provider>
  );
}

// The node that the address leads to: /app/workflows/name#node=other.
function linkedNode() {
  const found = /^#node=(\w{1,64})$/.exec(window.location.hash);
  return found ? found[1] : null;
}

function Frame() {
  const session = useSession();
  const mode = useValue((s) => s.mode);
  const drawerOpen = useValue((s) => s.drawer.open);
  useEffect(() => {
    const onKey = (event) => shortcuts(event, session);
    window.addEventListener("keydown", onKey);
    const leaving = (event) => !["saved", "readonly"].includes(session.state.save.state) && event.preventDefault();
    window.addEventListener("beforeunload", leaving);
    return () => {
      window.removeEventListener("keydown", onKey);
      window.removeEventListener("beforeunload", leaving);
    };
  }, [session]);
  return (
    <div className={`hed mode-${mode} ${drawerOpen ? "" : "drawer-closed"}`} data-testid="editor">
      <TopBar />
      <div className="hed-main">
        <YamlPane />
        {mode !== "yaml" && <Canvas />}
        <Drawer />
        <Inspector />
      </div>
      <Picker />
      <PublishDialog />
      <ConflictDialog />
      <ShortcutSheet />
      <Toast />
    </div>
  );
}

const typing = (target) => target.closest?.("input, textarea, select, [contenteditable], [role=dialog]");

function shortcuts(event, session) {
  const key = event.key.toLowerCase();
  const mod = event.ctrlKey || event.metaKey;
  const inText = typing(event.target);
  const act = (action) => {
    event.preventDefault();
    action();
  };
  if (event.defaultPrevented) return undefined;
  if (mod && key === "s") return act(() => session.saveNow());
  if (mod && key === "enter") return act(() => session.runs.again());
  if (key === "escape" && !inText) return escape(session);
  if (inText) return undefined;
  if (mod && key === "z") return act(() => (event.shiftKey ? session.redo() : session.undo()));
  if (mod && key === "y") return act(() => session.redo());
  if (mod && key === "c" && !String(window.getSelection())) return act(() => session.copy());
  if (mod && key === "v") return act(() => session.paste());
  if (mod && key === "d") return act(() => session.duplicate());
  if (mod && key === "a") return act(() => session.select(session.state.graph?.nodes.map((node) => node.name) ?? []));
  if (mod || event.altKey) return undefined;
  if (key === "n" && session.canEdit) return act(() => session.set({ picker: { from: session.state.selected.nodes[0] ?? null } }));
  if (event.key === "?") return act(() => session.set({ sheet: true }));
  if (key === "delete" || key === "backspace") return act(() => session.removeSelected());
  return undefined;
}

function escape(session) {
  const { picker, publish, sheet } = session.state;
  if (picker || publish || sheet) session.set({ picker: null, publish: null, sheet: false });
  else session.select([]);
}

function Waiting({ opened }) {
  if (opened?.error) {
    return (
      <div className="hed-missing" role="alert">
        <h2>{opened.title}</h2>
        <p>{opened.error}</p>
        <a className="hed-btn primary" href="/app/workflows">Back to the workflows</a>
      </div>
    );
  }
  return (
    <div className="hed hed-waiting" aria-busy="true" aria-label="Opening the workflow">
      <div className="hed-top"><span className="hed-bone" style={{ width: 260 }} /></div>
      <div className="hed-main">
        <div className="hed-yaml">{[70, 50, 40, 60, 30, 66, 58, 44].map((w, i) => <span key={i} className="hed-bone" style={{ width: `${w}%` }} />)}</div>
        <div className="hed-canvas" />
        <div className="hed-drawer" />
        <div className="hed-insp" />
      </div>
    </div>
  );
}

function Toast() {
  const session = useSession();
  const toast = useValue((s) => s.toast);
  useEffect(() => {
    if (!toast) return undefined;
    const timer = setTimeout(() => session.set({ toast: null }), toast.tone === "error" ? 7000 : 2600);
    return () => clearTimeout(timer);
  }, [toast]);
  if (!toast) return null;
  return (
    <div className={`hed-toast ${toast.tone}`} role={toast.tone === "error" ? "alert" : "status"}>
      <span>{toast.message}</span>
      <button className="hed-icon" onClick={() => session.set({ toast: null })} aria-label="Dismiss">×</button>
    </div>
  );
}
