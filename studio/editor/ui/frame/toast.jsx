// One sentence about what just happened.
import { useEffect } from "react";
import { useSession, useValue } from "../core/store.js";

const READING_MS = 60; // a character

export function Toast() {
  const session = useSession();
  const toast = useValue((s) => s.toast);
  useEffect(() => {
    if (!toast) return undefined;
    const timer = setTimeout(() => session.set({ toast: null }), toast.tone === "error" ? 7000 : Math.max(2600, READING_MS * toast.message.length));
    return () => clearTimeout(timer);
  }, [toast]);
  if (!toast) return null;
  return (
    <div className={`hed-toast ${toast.tone}`} role={toast.tone === "error" ? "alert" : "status"}>
      <span>{toast.message}</span>
      <button className="hed-icon" onClick={() => session.set({ toast: null })} aria-label="Dismiss">×</button>
    </div>
  );
}
