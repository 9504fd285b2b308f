// Where everything stands, and what the window's events do.
import { memo, useEffect } from "react";
import { useSession, useValue } from "../core/store.js";
import { clipboardEvents } from "../core/clipboard.js";
import { fileDrops } from "../core/files.js";
import { readOnlySays } from "../core/read_only.js";
import { isText, onKey } from "../core/shortcuts.js";
import { Canvas } from "../canvas/canvas.jsx";
import { Menu } from "../canvas/menu.jsx";
import { Tour } from "../first/tour.jsx";
import { Inspector } from "../inspector/inspector.jsx";
import { pathDrops } from "../inspector/path_drops.js";
import { Palette } from "../palette/palette.jsx";
import { Picker } from "../picker/picker.jsx";
import { Drawer } from "../run/drawer.jsx";
import { VersionsView } from "../versions/versions_view.jsx";
import { YamlPane } from "../text/pane.jsx";
import { ConflictDialog } from "./conflict_dialog.jsx";
import { PublishDialog } from "./dialogs.jsx";
import { ImportReport } from "./import_dialog.jsx";
import { KeptDraft, Unsaved } from "./notices.jsx";
import { Resizers, usePaneSizes } from "./panes.jsx";
import { ShortcutSheet } from "./shortcut_sheet.jsx";
import { Toast } from "./toast.jsx";
import { TopBar } from "./topbar.jsx";

// An answer of the server renders the page again; what stands in the frame follows the store alone.
export const Frame = memo(function Frame() {
  const mode = useValue((s) => s.mode);
  const drawerOpen = useValue((s) => s.drawer.open);
  const covered = useValue((s) => Boolean(s.versions));
  const sizes = usePaneSizes();
  useWindow();
  return (
    <div className={`hed mode-${mode} ${drawerOpen ? "" : "drawer-closed"}`} style={sizes.style} data-testid="editor">
      <TopBar />
      <div className="hed-main" inert={covered}>
        <YamlPane />
        {mode !== "yaml" && <Canvas />}
        <Drawer />
        <Inspector />
        <Resizers sizes={sizes} />
        <Tour />
      </div>
      <VersionsView />
      <Picker />
      <Menu />
      <Palette />
      <PublishDialog />
      <ConflictDialog />
      <ShortcutSheet />
      <ImportReport />
      <Unsaved />
      <KeptDraft />
      <Toast />
    </div>
  );
});

function useWindow() {
  const session = useSession();
  useEffect(() => {
    const pressed = (event) => onKey(event, session);
    const leaving = (event) => {
      session.drafts.flush();
      if (["saved", "readonly"].includes(session.state.save.state)) return;
      session.backup.keep();
      event.preventDefault();
    };
    window.addEventListener("keydown", pressed);
    window.addEventListener("beforeunload", leaving);
    const gone = () => session.presence.leave();
    window.addEventListener("pagehide", gone);
    const ends = [
      clipboardEvents(session, (target) => isText(target) || Boolean(session.state.versions)),
      fileDrops(session),
      pathDrops(session),
      readOnlySays(session),
      session.typing.watch(),
    ];
    return () => {
      window.removeEventListener("keydown", pressed);
      window.removeEventListener("beforeunload", leaving);
      window.removeEventListener("pagehide", gone);
      for (const end of ends) end();
    };
  }, [session]);
}

export function Waiting({ opened }) {
  if (opened?.error) {
    return (
      <div className="hed-missing" role="alert">
        <h1>{opened.title}</h1>
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
