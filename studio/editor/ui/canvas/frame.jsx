// The frame around a group of cards, with its title.
import { memo, useEffect, useRef, useState } from "react";
import { X } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { COLOURS, setGroup } from "../core/notes.js";
import { useWriting } from "./writing.js";

const LONGEST = 200; // characters of a title

export const Frame = memo(function Frame({ data: { key: id, group } }) {
  const session = useSession();
  const canEdit = useValue((s) => s.view.can.write);
  const naming = useValue((s) => s.naming === id);
  const input = useRef(null);
  const writing = useWriting("groups", id, "title", group.title, (text) => text.trim().slice(0, LONGEST) || null);
  const [isOpen, setOpen] = useState(canEdit && writing.text !== group.title);
  useEffect(() => {
    if (naming && canEdit) setOpen(true);
  }, [naming]);
  useEffect(() => void (isOpen && document.activeElement !== input.current && input.current?.select()), [isOpen]);
  const leave = () => {
    writing.end();
    setOpen(false);
    session.set({ naming: null });
  };
  const onKeyDown = (event) => {
    event.stopPropagation();
    if (event.key === "Escape") writing.bind.onKeyDown(event);
    if (!["Enter", "Escape"].includes(event.key)) return;
    leave();
    requestAnimationFrame(() => cardOf(group.nodes[0])?.focus({ preventScroll: true })); // the keys stay on the canvas
  };
  return (
    <div className={`hed-frame tint ${named(group.color)}`} style={custom(group.color)} data-testid={`group-${group.title}`}>
      <div className="hed-frame-title" onDoubleClick={() => canEdit && setOpen(true)} title={canEdit ? `${group.title}\nDrag to move the group; double-click or press Shift F2 to rename it` : group.title}>
        {!isOpen ? <span>{group.title}</span> : <input ref={input} className="nodrag" value={writing.text} aria-label="Title of the group" onFocus={(event) => { writing.begin(); writing.bind.onFocus(event); }} onChange={writing.bind.onChange} onBlur={leave} onKeyDown={onKeyDown} />}
        {canEdit && !isOpen && <Swatches value={group.color} onChoose={(color) => setGroup(session, id, { color })} />}
        {canEdit && !isOpen && <button className="hed-icon nodrag" onClick={() => setGroup(session, id, null)} aria-label={`Dissolve the group ${group.title}`} title="Dissolve the group"><X size={12} /></button>}
      </div>
    </div>
  );
});

const cardOf = (name) => document.querySelector(`.react-flow__node[data-id="${CSS.escape(name)}"]`);

export const named = (colour) => (COLOURS.includes(colour) ? colour : "");
export const custom = (colour) => (/^#[0-9a-f]{6}$/i.test(colour ?? "") ? { "--tint": colour } : undefined);

export function Swatches({ value, onChoose }) {
  return (
    <span className="hed-swatches nodrag" role="radiogroup" aria-label="Colour">
      {COLOURS.map((colour) => (
        <button key={colour} role="radio" aria-checked={value === colour} aria-label={colour} title={colour} className={`tint ${colour}`} onClick={() => onChoose(colour)} />
      ))}
    </span>
  );
}
