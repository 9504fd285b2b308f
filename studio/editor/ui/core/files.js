// A file that is let go over the editor: its nodes go onto the canvas. Without this the browser would leave for the file.
import { pasteText } from "./clipboard.js";

const MOST = 1_000_000; // bytes

export function fileDrops(session) {
  // The text pane takes files itself, as text.
  const isOurs = (event) => event.dataTransfer?.types.includes("Files") && !event.target.closest?.(".cm-editor");
  const over = (event) => isOurs(event) && event.preventDefault();
  const drop = async (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    const [file, ...more] = event.dataTransfer.files;
    if (!file || more.length) return session.say("Drop one file at a time.");
    if (file.size > MOST) return session.fail("The file is larger than a workflow may be.");
    return pasteText(session, await file.text());
  };
  window.addEventListener("dragover", over);
  window.addEventListener("drop", drop);
  return () => {
    window.removeEventListener("dragover", over);
    window.removeEventListener("drop", drop);
  };
}
