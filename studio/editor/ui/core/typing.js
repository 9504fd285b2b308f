// Whether the person is typing just now: what needs a choice waits until that rests.
import { isText } from "./shortcuts.js";

const REST_MS = 1_500;
const LOOK_MS = 250;

const isWritten = (target) => isText(target) && !target.closest("[role=dialog]");

export class Typing {
  last = -Infinity;

  // Until what it gives back is called.
  watch() {
    const note = ({ target }) => { if (isWritten(target)) this.last = Date.now(); };
    window.addEventListener("keydown", note, true);
    return () => window.removeEventListener("keydown", note, true);
  }

  get isUnderWay() {
    return Date.now() - this.last < REST_MS && isWritten(document.activeElement ?? document.body);
  }

  async rests() {
    while (this.isUnderWay) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
