// Names of entries in a form: a new one, and changing one. Enter or leaving the field counts, Escape takes back; a name that is
// taken is said.
import { useEffect, useRef, useState } from "react";
import { Plus } from "lucide-react";
import { useSession } from "../core/store.js";
import { useReadOnly } from "../frame/locked.js";
import { useReading } from "./scope.js";

// `what`: "field", "value". The focus stays on the button, so that one after the other can be added.
export function NewName({ what, taken, add }) {
  const session = useSession();
  const [text, setText] = useState(null);
  const button = useRef(null);
  const leaves = useRef(false); // by key, so the focus goes back to the button
  const done = (name) => {
    setText(null);
    if (leaves.current) requestAnimationFrame(() => button.current?.focus());
    leaves.current = false;
    if (name && Object.hasOwn(taken, name)) session.say(`There is a ${what} called ${name} already.`);
    else if (name) add(name);
  };
  if (text === null) return <button ref={button} className="hed-link" onClick={() => setText("")}><Plus size={12} /> Add a {what}</button>;
  const onKeyDown = (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    leaves.current = true;
    done(event.key === "Enter" ? text.trim() : "");
  };
  return <input autoFocus className="hed-in mono" value={text} placeholder="name" aria-label={`Name of the new ${what}`} spellCheck={false} onChange={(event) => setText(event.target.value)} onBlur={() => leaves.current || done(text.trim())} onKeyDown={onKeyDown} />;
}

// A text that counts once the field is left. `save` may refuse it with a sentence.
export function Settled({ value, save, label, readOnly, ...rest }) {
  const locked = useReadOnly(readOnly);
  const session = useSession();
  const node = useReading().node?.name ?? null;
  const [text, setText] = useState(() => (readOnly ? null : session.drafts.take(node, label)) ?? value);
  const [was, setWas] = useState(value);
  const back = useRef(false);
  const sent = useRef(null); // what was saved last: it stands here before its answer comes
  const now = useRef({});
  useEffect(() => session.drafts.add({
    get isDirty() { return now.current.isDirty; },
    get text() { return now.current.text; },
    get node() { return now.current.node; },
    get id() { return now.current.label; },
    rests: false,
    commit: () => now.current.isDirty && now.current.leave(),
  }), [session]);
  useEffect(() => session.drafts.changed(), [text, value]);
  if (was !== value) {
    sent.current = null;
    setWas(value);
    setText(value);
  }
  const leave = () => {
    const next = text.trim();
    const why = back.current || next === value ? null : save(next);
    if (why) session.say(why);
    else if (!back.current && next !== value) sent.current = next;
    if (why || back.current || next === value) setText(value);
    back.current = false;
  };
  now.current = { isDirty: text !== value && text.trim() !== sent.current, text, node, label, leave };
  const onKeyDown = (event) => {
    if (event.key !== "Enter" && (event.key !== "Escape" || text === value)) return;
    back.current = event.key === "Escape";
    event.preventDefault();
    event.target.blur();
  };
  return <input {...rest} value={text} aria-label={label} title={text || undefined} {...locked} spellCheck={false} onChange={(event) => setText(event.target.value)} onBlur={leave} onKeyDown={onKeyDown} />;
}

// A key for each name, which stays while the entry gets another one: its fields keep the focus.
export function useKeys(names) {
  const { current: known } = useRef({ keys: new Map(), coming: null, next: 0 });
  for (const name of known.keys.keys()) if (!names.includes(name) && name !== known.coming) known.keys.delete(name);
  for (const name of names) if (!known.keys.has(name)) known.keys.set(name, (known.next += 1));
  const rename = (from, to) => {
    known.keys.set(to, known.keys.get(from));
    known.coming = to;
  };
  return { keyOf: (name) => known.keys.get(name), rename };
}
