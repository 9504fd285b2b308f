// The tour: six places in a minute. It points, it blocks nothing, and it can be left at any time.
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { X } from "lucide-react";
import { useSession, useValue } from "../core/store.js";

const SEEN = "heddle-tour";
const STOPS = [
  { at: ".hed-canvas", title: "This is the workflow", text: "Each card is a step, each line says what comes next. Drag cards, pull a line from a card's lower edge to another card." },
  { at: "[data-testid=add-node]", title: "Add a node", text: "Press N, or let go of a line over the empty canvas. You can search by what the node should do." },
  { at: ".hed-insp", title: "Settings of what is selected", text: "Click a card and its settings stand here, checked while you type. Under Data is what it got and gave in the last run." },
  { at: ".hed-yaml", title: "The same, as a file", text: "The YAML is the truth. Edit either side; the other follows, and comments stay where you put them." },
  { at: ".hed-drawer", title: "Try it", text: "Write as a customer would. The draft runs, its nodes light up, and you see what each step cost." },
  { at: "[data-testid=publish]", title: "Publish", text: "A published version answers at its own address. Ctrl K finds every command; ? shows all keys." },
];

export function wasSeen() {
  try {
    return localStorage.getItem(SEEN) !== null;
  } catch {
    return true;
  }
}

function remember() {
  try {
    localStorage.setItem(SEEN, new Date().toISOString());
  } catch {
    // then it is offered again
  }
}

export function Tour() {
  const step = useValue((s) => s.tour);
  if (step === null) return <Offer />;
  return <Stop step={step} />;
}

function Offer() {
  const session = useSession();
  const [open, setOpen] = useState(() => !wasSeen());
  if (!open) return null;
  const dismiss = () => {
    remember();
    setOpen(false);
  };
  return (
    <div className="hed-offer" role="complementary" aria-label="Tour" data-testid="tour-offer">
      <span><b>New here?</b> See how it works in 60 seconds.</span>
      <button className="hed-btn small" onClick={() => { dismiss(); session.set({ tour: 0 }); }} data-testid="tour-start">Take the tour</button>
      <button className="hed-icon" onClick={dismiss} aria-label="Dismiss the tour" title="Dismiss" data-testid="tour-dismiss"><X size={13} /></button>
    </div>
  );
}

function Stop({ step }) {
  const session = useSession();
  const card = useRef(null);
  const [ring, setRing] = useState(null);
  const { at, title, text } = STOPS[step];
  const leave = () => {
    remember();
    session.set({ tour: null });
  };
  const go = (by) => (step + by >= STOPS.length ? leave() : session.set({ tour: Math.max(0, step + by) }));
  useLayoutEffect(() => {
    const measure = () => setRing(document.querySelector(at)?.getBoundingClientRect() ?? null);
    measure();
    window.addEventListener("resize", measure);
    return () => window.removeEventListener("resize", measure);
  }, [at]);
  useEffect(() => void card.current?.querySelector("[data-next]")?.focus(), [step]);
  return (
    <div className="hed-tour">
      {ring && <i style={{ left: ring.left + 3, top: ring.top + 3, width: ring.width - 6, height: ring.height - 6 }} />}
      <div ref={card} className="hed-stop" role="dialog" aria-label={`Tour, ${step + 1} of ${STOPS.length}: ${title}`} style={beside(ring)} data-testid="tour-stop">
        <b>{title}</b>
        <p>{text}</p>
        <footer>
          <span className="mut">{step + 1} of {STOPS.length}</span>
          <span className="grow" />
          <button className="hed-btn small" onClick={leave} data-testid="tour-leave">Leave</button>
          {step > 0 && <button className="hed-btn small" onClick={() => go(-1)}>Back</button>}
          <button className="hed-btn small primary" onClick={() => go(1)} data-next data-testid="tour-next">{step + 1 === STOPS.length ? "Done" : "Next"}</button>
        </footer>
      </div>
    </div>
  );
}

const CARD = { width: 300, height: 170, gap: 12 };

// Where there is room beside what is pointed at: right, left, below, above, else inside of it.
function beside(ring) {
  if (!ring) return { left: innerWidth / 2 - CARD.width / 2, top: innerHeight / 2 - CARD.height / 2 };
  const clampX = (x) => Math.max(12, Math.min(x, innerWidth - CARD.width - 12));
  const clampY = (y) => Math.max(12, Math.min(y, innerHeight - CARD.height - 12));
  if (ring.right + CARD.width + CARD.gap < innerWidth) return { left: ring.right + CARD.gap, top: clampY(ring.top) };
  if (ring.left - CARD.width - CARD.gap > 0) return { left: ring.left - CARD.width - CARD.gap, top: clampY(ring.top) };
  if (ring.bottom + CARD.height + CARD.gap < innerHeight) return { left: clampX(ring.left), top: ring.bottom + CARD.gap };
  return { left: clampX(ring.left), top: clampY(ring.top - CARD.height - CARD.gap) };
}
