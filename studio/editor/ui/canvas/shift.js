// Shift and drag, and Shift and click, while the cursor is in a text: React Flow does not listen to keys there, and the browser would
// select the text of the page from the cursor on.
import { useEffect } from "react";
import { isText } from "../core/shortcuts.js";

export function useShift(box) {
  useEffect(() => {
    const canvas = box.current;
    let told = false; // that Shift is held
    const tell = (held) => {
      told = held;
      document.body.dispatchEvent(new KeyboardEvent(held ? "keydown" : "keyup", { key: "Shift", code: "ShiftLeft", shiftKey: held, bubbles: true }));
    };
    const onMove = ({ shiftKey }) => {
      if (shiftKey !== told && (told || isText(document.activeElement))) tell(shiftKey);
    };
    const onUp = (event) => told && event.isTrusted && event.key === "Shift" && tell(false);
    const onDown = (event) => {
      if (!event.shiftKey || isText(event.target)) return;
      event.preventDefault();
      if (isText(document.activeElement)) canvas.focus({ preventScroll: true });
    };
    canvas.addEventListener("pointermove", onMove, true);
    canvas.addEventListener("mousedown", onDown, true);
    window.addEventListener("keyup", onUp, true);
    return () => {
      canvas.removeEventListener("pointermove", onMove, true);
      canvas.removeEventListener("mousedown", onDown, true);
      window.removeEventListener("keyup", onUp, true);
    };
  }, [box]);
}
