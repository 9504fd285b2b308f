// A value under edit: kept here while the person types, and saved after each key, so that the canvas follows.
import { useEffect, useRef, useState } from "react";
import { useSession } from "../core/store.js";
import { useReading } from "./scope.js";

const REST_MS = 1_000;

const same = (text) => text;

// No file and no database takes these; what a paste brings of them is said before anything is sent.
const UNSAVABLE = /\0|[\ud800-\udfff]/u; // with the flag, only halves of a pair
const unsavable = (text) => (UNSAVABLE.test(text) ? "Not saved: there is a character in it that no text may have (NUL, or half of a pair). Take it out." : null);

// `save` returns what is wrong with the text, or null. `when`: it is saved at each "key", when the typing takes a "rest", or when the
// person means to "leave" the field. `id`: by which it is known again, to bring back what was typed and could not be saved yet.
// `normal` says how a text reads once it is saved ("0.50" as "0.5").
// A text that ends in the middle of nothing (a space, an empty line) waits for what comes next: as a value of its own it
// would have to be written in another way.
export function useDraft(value, save, { when = "key", id = null, normal = same } = {}) {
  const session = useSession();
  const node = useReading().node?.name ?? null;
  const [found] = useState(() => id && session.drafts.take(node, id));
  const [text, setText] = useState(found ?? value);
  const [error, setError] = useState(null);
  const now = useRef({ dirty: found !== null && found !== value, seen: value });
  Object.assign(now.current, { save, normal, value, node, id });
  now.current.text ??= text;

  const put = (next) => {
    now.current.text = next;
    setText(next);
  };
  useEffect(() => {
    const { dirty, awaited, seen } = now.current;
    now.current.seen = value;
    if (dirty && value !== seen && value !== awaited && session.sync.idle) {
      now.current.entered = value;
      setError("Somebody else changed this meanwhile. What you write takes its place; Esc takes theirs.");
    }
    if (dirty) return;
    if (awaited !== undefined && value !== awaited && !session.sync.idle) return; // an answer to an older key press
    const expected = value === awaited;
    now.current.awaited = undefined;
    if (!expected) put(value);
  }, [value]);

  const [commands] = useState(() => {
    let resting = null;
    // `quiet`: what is wrong is not said in the middle of writing.
    const commit = ({ quiet = false } = {}) => {
      clearTimeout(resting);
      if (!now.current.dirty) return;
      const fault = unsavable(now.current.text) ?? now.current.save(now.current.text) ?? null;
      if (!fault || !quiet) setError(fault);
      if (fault) return;
      now.current.dirty = false;
      now.current.awaited = now.current.normal(now.current.text);
      session.drafts.changed();
    };
    const change = (next) => {
      now.current.dirty = true;
      put(next);
      if (when !== "leave") setError(null);
      if (when === "key" && !/\s$/.test(next)) commit();
      if (when === "rest") {
        clearTimeout(resting);
        resting = setTimeout(() => commit({ quiet: true }), REST_MS);
      }
      if (now.current.dirty) session.drafts.changed();
    };
    const leave = () => {
      commit();
      if (!now.current.dirty && now.current.awaited === undefined) put(now.current.value);
    };
    // Back to what was there when the field was entered.
    const revert = () => {
      change(now.current.entered ?? now.current.value);
      commit();
    };
    const onKeyDown = (event) => {
      if (event.key === "Escape" && now.current.text !== (now.current.entered ?? now.current.value)) {
        revert();
        event.stopPropagation();
      } else if (event.key === "Enter" && (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey)) {
        commit();
        if (event.target.tagName === "INPUT") event.target.blur();
      } else return;
      event.preventDefault();
    };
    const field = {
      get isDirty() { return now.current.dirty; },
      get text() { return now.current.text; },
      get node() { return now.current.node; },
      get id() { return now.current.id; },
      rests: when !== "leave",
      commit,
    };
    return { commit, change, leave, revert, onKeyDown, field, onFocus: () => { now.current.entered = now.current.text; } };
  });
  useEffect(() => {
    const leave = session.drafts.add(commands.field);
    session.drafts.changed();
    return () => {
      commands.commit();
      leave();
    };
  }, [commands, session]);

  const { commit, change, leave, onKeyDown, onFocus } = commands;
  const bind = { value: text, onChange: (event) => change(event.target.value), onBlur: leave, onKeyDown, onFocus };
  return { bind, text, error, change, commit, leave };
}
