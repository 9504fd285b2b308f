// The workflow editor: top bar, YAML, canvas, drawer and inspector around one session.
import { useEffect, useMemo, useState } from "react";
import "@xyflow/react/dist/style.css";
import "./editor.css";
import "./canvas/canvas.css";
import "./panels.css";
import "./fields.css";
import "./overlays.css";
import "./versions/versions.css";
import "./run/run.css";
import { Session } from "./core/session.js";
import { EditorContext } from "./core/store.js";
import { Frame, Waiting } from "./frame/frame.jsx";
import { IconContext } from "./frame/icons.jsx";

export function WorkflowEditor({ opened, saved, checked, started, published, icons, ...on }) {
  const session = useMemo(() => new Session(), []);
  const [shownIcons] = useState(icons ?? {}); // Reflex makes a new object at each answer of the server
  session.server = { commit: on.onCommit, run: on.onRun, cancel: on.onCancel, publish: on.onPublish, addresses: on.onAddresses, renew: on.onRenew };
  const [loaded, setLoaded] = useState(null);

  useEffect(() => {
    if (!opened?.load || opened.load === loaded || isOld(session, opened.load)) return;
    receive(session, opened);
    setLoaded(opened.load);
  }, [opened?.load]);
  useEffect(() => void (saved?.op && session.sync?.answer(saved)), [saved]);
  useEffect(() => void (checked?.op && session.checked(checked)), [checked]);
  useEffect(() => void (started?.op && session.runs.started(started)), [started]);
  useEffect(() => {
    if (published?.op) session.set((s) => ({ publish: { ...s.publish, ...published, busy: false }, view: published.live ? { ...s.view, live: published.live } : s.view }));
  }, [published]);
  useEffect(() => () => session.close(), []);

  // After a lost connection `opened` is empty for a moment: who is in the middle of something goes on with it.
  return (
    <IconContext.Provider value={shownIcons}>
      <EditorContext.Provider value={session}>
        {loaded && !opened?.error ? <Frame /> : <Waiting opened={opened} />}
      </EditorContext.Provider>
    </IconContext.Provider>
  );
}

// A page that is loaded again is first told what this tab's state held before, then what is there now. What an
// earlier session of the tab was given already is old: the draft went on since.
const GIVEN = "heddle.editor.given";

function isOld(session, load) {
  const given = sessionStorage.getItem(GIVEN) ?? "";
  if (given.startsWith(`${load}:`) && given !== `${load}:${session.id}`) return true;
  sessionStorage.setItem(GIVEN, `${load}:${session.id}`);
  return false;
}

// The same workflow again means that the connection was lost meanwhile: what was not saved yet stays.
function receive(session, opened) {
  if (!opened.workflow_id) return;
  if (session.view && session.state.view?.workflow_id === opened.workflow_id) return void session.reopened(opened);
  session.open(opened);
  const wanted = linkedNode();
  if (wanted) session.select([wanted], { reveal: true });
}

// The node that the address leads to: /app/workflows/name#node=other.
function linkedNode() {
  const found = /^#node=(\w{1,64})$/.exec(window.location.hash);
  return found ? found[1] : null;
}
