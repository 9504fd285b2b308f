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
import { useOpened } from "./core/opening.js";
import { EditorContext } from "./core/store.js";
import { Frame, Waiting } from "./frame/frame.jsx";
import { IconContext } from "./frame/icons.jsx";

export function WorkflowEditor({ saved, checked, started, published, icons, ...on }) {
  const session = useMemo(() => new Session(), []);
  const [shownIcons] = useState(icons ?? {}); // Reflex makes a new object at each answer of the server
  session.server = { commit: on.onCommit, run: on.onRun, cancel: on.onCancel, publish: on.onPublish, addresses: on.onAddresses, renew: on.onRenew };
  const opened = useOpened(session);

  // A page that is loaded again is first told what an earlier session of this tab was answered.
  const isOwn = (answer) => answer?.op?.startsWith(`${session.id}:`);
  useEffect(() => void (isOwn(saved) && session.sync?.answer(saved)), [saved]);
  useEffect(() => void (isOwn(checked) && session.checked(checked)), [checked]);
  useEffect(() => void (isOwn(started) && session.runs.started(started)), [started]);
  useEffect(() => {
    if (isOwn(published)) session.set((s) => ({ publish: { ...s.publish, ...published, busy: false }, view: published.live ? { ...s.view, live: published.live } : s.view }));
  }, [published]);
  useEffect(() => () => session.close(), []);

  return (
    <IconContext.Provider value={shownIcons}>
      <EditorContext.Provider value={session}>
        {opened?.name ? <Frame /> : <Waiting opened={opened} />}
      </EditorContext.Provider>
    </IconContext.Provider>
  );
}
