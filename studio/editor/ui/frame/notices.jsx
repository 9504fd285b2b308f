// What the person must know about their changes: that they are not saved yet, or that older ones were kept in this browser.
import { CloudOff, RotateCcw } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { ago } from "./format.js";

export function Unsaved() {
  const session = useSession();
  const save = useValue((s) => s.save);
  if (save.state !== "failed") return null;
  return (
    <div className="hed-notice warn" role="alert" data-testid="unsaved">
      <CloudOff size={15} />
      <span><b>Not saved.</b> {save.message}</span>
      <button className="hed-btn small" onClick={() => session.sync.retry()}>Try now</button>
    </div>
  );
}

export function KeptDraft() {
  const session = useSession();
  const kept = useValue((s) => s.kept);
  const canWrite = useValue((s) => s.view.can.write);
  if (!kept || !canWrite) return null;
  const forget = () => {
    session.backup.forget(kept.key);
    session.set({ kept: null });
  };
  return (
    <div className="hed-notice" role="alert" data-testid="kept-draft">
      <RotateCcw size={15} />
      <span><b>Unsaved changes were kept in this browser</b> {ago(new Date(kept.at).toISOString())}. They are not in this draft.</span>
      <button className="hed-btn small" onClick={forget}>Forget them</button>
      <button className="hed-btn small primary" onClick={() => session.restore(kept)} data-testid="restore-kept">Bring them back</button>
    </div>
  );
}
