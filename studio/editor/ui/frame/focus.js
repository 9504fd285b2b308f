// What the keyboard needs beside keys: where the focus goes, and lists that open before they choose.
import { useEffect, useRef } from "react";

// Where the focus was before a panel took it: it goes back there, unless the person has put it elsewhere meanwhile.
export function useFocusBack(panel) {
  const before = useRef(document.activeElement);
  useEffect(() => {
    const inside = panel.current;
    return () => {
      const now = document.activeElement;
      const isLost = !now || now === document.body || inside?.contains(now);
      if (isLost && before.current?.isConnected) before.current.focus?.({ preventScroll: true });
    };
  }, []);
}

// On a list whose choice counts at once: an arrow key opens it, where the browser would take the next entry.
export function opensByArrow(event) {
  if (!["ArrowDown", "ArrowUp"].includes(event.key) || !event.target.showPicker) return;
  event.preventDefault();
  event.target.showPicker();
}
