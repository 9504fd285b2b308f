// A dialog: keeps the focus inside, closes with Esc and by a click beside it, gives the focus back.
import { useEffect, useRef } from "react";

export function Dialog({ title, onClose, children, testid, wide = false }) {
  const box = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.querySelector("[data-autofocus], input, textarea, button")?.focus({ preventScroll: true }); // what it says is read from its beginning
    return () => before?.focus?.();
  }, []);
  const onKeyDown = (event) => {
    if (event.key === "Escape" && onClose) {
      event.preventDefault(); // what lies under the dialog stays open
      onClose();
    }
    if (event.key !== "Tab") return;
    const stops = [...box.current.querySelectorAll("button:not(:disabled), input, textarea, a[href]")];
    const [first, last] = [stops[0], stops.at(-1)];
    if (event.shiftKey ? document.activeElement === first : document.activeElement === last) {
      event.preventDefault();
      (event.shiftKey ? last : first)?.focus();
    }
  };
  return (
    <div className="hed-veil" onMouseDown={(event) => event.target === event.currentTarget && onClose?.()}>
      <div className={`hed-dialog ${wide ? "wide" : ""}`} role="dialog" aria-modal="true" aria-label={title} ref={box} onKeyDown={onKeyDown} data-testid={testid}>
        <h2>{title}</h2>
        {children}
      </div>
    </div>
  );
}
