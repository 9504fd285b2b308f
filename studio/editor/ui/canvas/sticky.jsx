// A sticky note: a text beside the nodes, written by a double-click or Enter, sized by its corner.
import { memo, useEffect, useRef, useState } from "react";
import { useSession, useValue } from "../core/store.js";
import { NOTE, setNote } from "../core/notes.js";
import { GRID } from "../graph/layered.js";
import { useWriting } from "./writing.js";
import { Swatches, custom, named } from "./frame.jsx";

const LEAST = { width: 100, height: 60 };
const MOST = 10_000; // characters
const STEP = { ArrowLeft: [-GRID, 0], ArrowRight: [GRID, 0], ArrowUp: [0, -GRID], ArrowDown: [0, GRID] };

export const Sticky = memo(function Sticky({ data: { key: id, note }, selected }) {
  const session = useSession();
  const canEdit = useValue((s) => s.view.can.write);
  const [size, resize] = useSize(session, id, note);
  const field = useRef(null);
  const writing = useWriting("notes", id, "text", note.text);
  const [isOpen, setOpen] = useState(canEdit && writing.text !== note.text); // what was kept is written on
  const asked = useValue((s) => s.writing === id);
  useEffect(() => {
    if (!asked) return;
    session.set({ writing: null });
    if (canEdit) setOpen(true);
    else session.say(session.whyNot);
  }, [asked]);
  useEffect(() => void (isOpen && field.current?.focus({ preventScroll: true })), [isOpen]);
  const leave = () => {
    writing.end();
    setOpen(false);
  };
  const onKeyDown = (event) => {
    event.stopPropagation();
    // The focus goes back to the note, so that the keys stay with it.
    if (event.key === "Escape" || (event.key === "Enter" && (event.ctrlKey || event.metaKey))) event.target.closest(".react-flow__node").focus();
  };
  return (
    <div
      className={`hed-sticky tint ${named(note.color ?? "yellow")} ${selected ? "sel" : ""}`} style={{ ...custom(note.color), width: size[0], height: size[1] }} data-testid="sticky"
      onDoubleClick={() => canEdit && setOpen(true)}
    >
      {!isOpen
        ? <p>{note.text || <span className="mut">Double-click or Enter to write</span>}</p>
        : (
          <textarea
            ref={field} className="nodrag nowheel nopan" value={writing.text} maxLength={MOST} aria-label="Text of the note" placeholder="What should others know?"
            onFocus={writing.begin} onChange={writing.bind.onChange} onBlur={leave} onKeyDown={onKeyDown}
          />
        )}
      {canEdit && selected && <Swatches value={note.color ?? "yellow"} onChoose={(color) => setNote(session, id, { color })} />}
      {canEdit && <button className="corner nodrag" tabIndex={selected ? 0 : -1} aria-label={`Size of the note: ${size[0]} by ${size[1]}`} title="Drag, or use the arrow keys" {...resize} />}
    </div>
  );
});

// The size while the corner is pulled, saved when it is let go.
function useSize(session, id, note) {
  const stored = note.size ?? [NOTE.width, NOTE.height];
  const [pulled, setPulled] = useState(null);
  const start = useRef(null);
  const at = (event) => {
    const { x, y, zoom, size } = start.current;
    return [Math.max(LEAST.width, size[0] + (event.clientX - x) / zoom), Math.max(LEAST.height, size[1] + (event.clientY - y) / zoom)].map(Math.round);
  };
  const handlers = {
    onKeyDown: (event) => {
      const by = STEP[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      setNote(session, id, { size: [Math.max(LEAST.width, stored[0] + by[0]), Math.max(LEAST.height, stored[1] + by[1])] });
    },
    onPointerDown: (event) => {
      event.stopPropagation();
      const zoom = event.target.getBoundingClientRect().width / event.target.offsetWidth;
      start.current = { x: event.clientX, y: event.clientY, zoom, size: stored };
      event.target.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event) => start.current && setPulled(at(event)),
    onPointerUp: (event) => {
      if (!start.current) return;
      setNote(session, id, { size: at(event) });
      start.current = null;
      setPulled(null);
    },
  };
  return [pulled ?? stored, handlers];
}
