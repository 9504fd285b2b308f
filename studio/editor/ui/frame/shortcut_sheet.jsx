// All keys, from the list of commands; what only the mouse knows stands below.
import { useSession, useValue } from "../core/store.js";
import { COMMANDS } from "../core/commands.js";
import { shown } from "../core/keys.js";
import { Dialog } from "./dialog.jsx";

const BY_HAND = [
  ["Select several", "Shift drag"], ["Add to the selection", "Shift click"], ["Pan", "Drag the canvas"], ["Zoom", "Ctrl wheel"],
  ["Add a node that follows", "Drag from its lower edge"], ["Menu of a node or an edge", "Right click"],
];
const ON_CANVAS = [
  ["Next node, note or edge", "Tab"], ["Select it", "Enter"], ["Add it to the selection", "Shift ↵"], ["Move the selection", "Arrow keys"], ["Write on the note that is selected", "Enter"],
  ["Size of a note", "Tab to its corner, arrow keys"], ["Put a node on the edge that is selected", "N"], ["Width of a pane", "Tab to its edge, arrow keys"],
];

export function ShortcutSheet() {
  const session = useSession();
  const open = useValue((s) => s.sheet);
  if (!open) return null;
  const withKeys = COMMANDS.filter((command) => command.keys);
  const groups = [...new Set(withKeys.map((command) => command.group))];
  const close = () => session.set({ sheet: false });
  return (
    <Dialog title="Keyboard" onClose={close} wide testid="shortcut-sheet">
      <div className="hed-sheet">
        {groups.map((group) => <Keys key={group} title={group} rows={withKeys.filter((one) => one.group === group).map((one) => [one.title, one.keys.map(shown).join("  or  ")])} />)}
        <Keys title="On the canvas" rows={ON_CANVAS} />
        <Keys title="Mouse" rows={BY_HAND} />
      </div>
      <footer><button className="hed-btn" onClick={close} data-autofocus>Close</button></footer>
    </Dialog>
  );
}

function Keys({ title, rows }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl className="hed-keys">{rows.map(([what, keys]) => <div key={what}><dt>{what}</dt><dd><kbd>{keys}</kbd></dd></div>)}</dl>
    </section>
  );
}
