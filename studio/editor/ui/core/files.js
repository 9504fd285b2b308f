// A file that is let go over the editor: its nodes go onto the canvas. Without this the browser would leave for the file.
import { pasteText } from "./clipboard.js";
import { tooLong } from "../text/longest.js";

const BYTES = 4; // of a character, at most

export function fileDrops(session) {
  // The text pane takes files itself, as text.
  const isOurs = (event) => event.dataTransfer?.types.includes("Files") && !event.target.closest?.(".cm-editor");
  const over = (event) => isOurs(event) && event.preventDefault();
  const drop = async (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    const [file, ...more] = event.dataTransfer.files;
    if (!file || more.length) return session.say("Drop one file at a time.");
    const most = session.state.view.max_text;
    if (file.size > BYTES * most) return session.fail(tooLong(most));
    return pasteText(session, await file.text());
  };
  window.addEventListener("dragover", over);
  window.addEventListener("drop", drop);
  return () => {
    window.removeEventListener("dragover", over);
    window.removeEventListener("drop", drop);
  };
}
