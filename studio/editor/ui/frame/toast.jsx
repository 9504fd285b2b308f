// One sentence about what just happened. Clicks mean what lies beneath it, until somebody comes to it and rests there: then it stays,
// and its button can be pressed.
import { useEffect, useRef, useState } from "react";
import { useSession, useValue } from "../core/store.js";

const READING_MS = 60; // a character
const REST_MS = 350; // who only passes by, or clicks where it appeared, does not mean it

export function Toast() {
  const session = useSession();
  const toast = useValue((s) => s.toast);
  const box = useRef(null);
  const isMeant = useRest(box, toast);
  useEffect(() => {
    if (!toast || isMeant) return undefined;
    const timer = setTimeout(() => session.set({ toast: null }), toast.tone === "error" ? 7000 : Math.max(2600, READING_MS * toast.message.length));
    return () => clearTimeout(timer);
  }, [toast, isMeant]);
  if (!toast) return null;
  return (
    <div className="hed-toasts">
      <div ref={box} className={`hed-toast ${toast.tone} ${isMeant ? "meant" : ""}`} role={toast.tone === "error" ? "alert" : "status"}>
        <span>{toast.message}</span>
        <button className="hed-icon" onClick={() => session.set({ toast: null })} aria-label="Dismiss">×</button>
      </div>
    </div>
  );
}

// Whether the mouse came to the box from elsewhere and rests on it.
function useRest(box, toast) {
  const [rests, setRests] = useState(false);
  useEffect(() => {
    setRests(false);
    if (!toast) return undefined;
    let timer = 0;
    let wasOutside = false;
    const onMove = ({ clientX, clientY }) => {
      const { left, top, right, bottom } = box.current.getBoundingClientRect();
      const isInside = clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
      if (!isInside) {
        wasOutside = true;
        clearTimeout(timer);
        timer = 0;
        setRests(false);
      } else if (wasOutside) timer ||= setTimeout(() => setRests(true), REST_MS);
    };
    window.addEventListener("pointermove", onMove, true);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("pointermove", onMove, true);
    };
  }, [toast]);
  return rests;
}
