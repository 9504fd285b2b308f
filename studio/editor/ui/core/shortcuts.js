// From a key press to a command.
import { COMMANDS, perform } from "./commands.js";
import { matches } from "./keys.js";

export const isText = (target) => Boolean(target.closest?.("input, textarea, select, .cm-content, [role=dialog], [role=listbox]"));
const ONE_HISTORY = new Set(["undo", "redo"]);

export function onKey(event, session) {
  if (event.defaultPrevented || event.isComposing) return;
  const inText = isText(event.target);
  if (event.key === "Escape") return escape(event, session, inText);
  const found = COMMANDS.find((command) => !command.native && command.keys?.some((keys) => matches(keys, event)));
  if (!found) return;
  // Fields of the inspector have no history of their own: undo there is undo everywhere.
  const shared = ONE_HISTORY.has(found.id) && event.target.closest?.(".hed-insp");
  if (inText && !found.inText && !shared) return;
  if (isOpen(session.state) && !found.inText) return;
  // Enter and Space on a button press it.
  event.preventDefault();
  perform(session, found.id);
}

const isOpen = ({ palette, publish, conflict, sheet, report, versions }) => Boolean(palette || publish || conflict || sheet || report || versions);

function escape(event, session, inText) {
  const { palette, picker, menu, publish, sheet, report, tour, versions, wide } = session.state;
  if (palette || picker || menu || publish || sheet || report) session.set({ palette: null, picker: null, menu: null, publish: null, sheet: false, report: false });
  else if (versions) session.versions.close();
  else if (tour !== null) session.set({ tour: null });
  else if (wide && (!inText || event.target.closest?.(".hed-insp"))) session.set({ wide: false });
  else if (!inText) session.select([]);
}
