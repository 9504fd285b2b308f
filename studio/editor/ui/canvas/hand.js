// What the mouse holds: a card that is dragged, or a line that is drawn. Escape lets go of it, and nothing has happened.
import { useEffect, useRef } from "react";

// A ref to {card, line, letsGo}: what is held, and whether it is being let go by Escape just now.
export function useHand() {
  const hand = useRef({ card: false, line: false, letsGo: false });
  useEffect(() => {
    const onKey = (event) => {
      const now = hand.current;
      if (event.key !== "Escape" || !(now.card || now.line)) return;
      event.preventDefault();
      event.stopPropagation();
      now.letsGo = true; // React Flow and d3 know no other end of a drag than the button's
      document.dispatchEvent(new MouseEvent("mouseup", { bubbles: true, view: window }));
      now.letsGo = false;
    };
    window.addEventListener("keydown", onKey, true);
    return () => window.removeEventListener("keydown", onKey, true);
  }, []);
  return hand;
}
