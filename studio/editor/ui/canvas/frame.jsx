// The frame around a group of cards, with its title.
import { memo, useEffect, useRef, useState } from "react";
import { X } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { COLOURS, setGroup } from "../core/notes.js";

export const Frame = memo(function Frame({ data: { key: id, group } }) {
  const session = useSession();
  const canEdit = useValue((s) => s.view.can.write);
  const naming = useValue((s) => s.naming === id);
  const [title, setTitle] = useState(null);
  const input = useRef(null);
  useEffect(() => {
    if (naming && canEdit) setTitle(group.title);
  }, [naming]);
  useEffect(() => void (title !== null && document.activeElement !== input.current && input.current?.select()), [title !== null]);
  const save = () => {
    if (title !== null && title.trim() && title !== group.title) setGroup(session, id, { title: title.trim().slice(0, 200) });
    setTitle(null);
    session.set({ naming: null });
  };
  const onKeyDown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter") save();
    if (event.key === "Escape") setTitle(null);
  };
  return (
    <div className={`hed-frame tint ${named(group.color)}`} style={custom(group.color)} data-testid={`group-${group.title}`}>
      <div className="hed-frame-title" onDoubleClick={() => canEdit && setTitle(group.title)} title={canEdit ? `${group.title}\nDrag to move the group; double-click to rename it` : group.title}>
        {title === null ? <span>{group.title}</span> : <input ref={input} className="nodrag" value={title} aria-label="Title of the group" onChange={(event) => setTitle(event.target.value)} onBlur={save} onKeyDown={onKeyDown} />}
        {canEdit && title === null && <Swatches value={group.color} onChoose={(color) => setGroup(session, id, { color })} />}
        {canEdit && title === null && <button className="hed-icon nodrag" onClick={() => setGroup(session, id, null)} aria-label={`Dissolve the group ${group.title}`} title="Dissolve the group"><X size={12} /></button>}
      </div>
    </div>
  );
});

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
