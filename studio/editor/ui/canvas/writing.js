// A text beside the nodes while it is written: of a note, or the title of a group.
import { useRef } from "react";
import { useSession } from "../core/store.js";
import { doneWriting, writeOn } from "../core/notes.js";
import { useDraft } from "../inspector/draft.js";

// Saved whenever the typing rests, undone as one. `cleaned` gives the text as it is kept, or null where it cannot be.
// Returns what useDraft does, with `begin` and `end` for when the field comes and goes.
export function useWriting(part, id, key, value, cleaned = (text) => text) {
  const session = useSession();
  const before = useRef(null); // what stood there when the writing began
  const save = (text) => {
    const next = cleaned(text);
    if (next !== null && next !== session.layout[part].get(id)?.[key]) writeOn(session, part, id, { [key]: next });
  };
  const draft = useDraft(value, save, { when: "rest", id: `${part}-${id}`, normal: (text) => cleaned(text) ?? text });
  const begin = () => { before.current = session.layout[part].get(id)?.[key] ?? null; };
  const end = () => {
    draft.leave();
    const now = session.layout[part].get(id)?.[key];
    if (before.current !== null && now !== undefined && now !== before.current) doneWriting(session, part, id, { [key]: now }, { [key]: before.current });
    before.current = null;
  };
  return { ...draft, begin, end };
}
