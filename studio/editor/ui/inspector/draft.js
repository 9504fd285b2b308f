// A value under edit: kept here while the person types, and saved after each key, so that the canvas follows.
import { useEffect, useRef, useState } from "react";
import { useSession } from "../core/store.js";

const same = (text) => text;

// `save` returns what is wrong with the text, or null. `normal` says how a text reads once it is saved ("0.50" as "0.5").
// A text that ends in the middle of nothing (a space, an empty line) waits for what comes next: as a value of its own it
// would have to be written in another way.
export function useDraft(value, save, { onBlurOnly = false, normal = same } = {}) {
  const session = useSession();
  const [text, setText] = useState(value);
  const [error, setError] = useState(null);
  const now = useRef({});
  Object.assign(now.current, { save, normal, value });
  now.current.text ??= value;

  const put = (next) => {
    now.current.text = next;
    setText(next);
  };
  useEffect(() => {
    const { dirty, awaited } = now.current;
    if (dirty) return;
    if (awaited !== undefined && value !== awaited && !session.sync.idle) return; // an answer to an older key press
    const expected = value === awaited;
    now.current.awaited = undefined;
    if (!expected) put(value);
  }, [value]);

  const [commands] = useState(() => {
    const commit = () => {
      if (!now.current.dirty) return;
      const fault = now.current.save(now.current.text) ?? null;
      setError(fault);
      if (fault) return;
      now.current.dirty = false;
      now.current.awaited = now.current.normal(now.current.text);
    };
    const change = (next) => {
      now.current.dirty = true;
      put(next);
      if (!onBlurOnly) setError(null);
      if (!onBlurOnly && !/\s$/.test(next)) commit();
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
    return { commit, change, leave, revert, onKeyDown, onFocus: () => { now.current.entered = now.current.text; } };
  });
  useEffect(() => {
    const leave = session.drafts.add(commands.commit);
    return () => {
      commands.commit();
      leave();
    };
  }, [commands, session]);

  const { commit, change, leave, onKeyDown, onFocus } = commands;
  const bind = { value: text, onChange: (event) => change(event.target.value), onBlur: leave, onKeyDown, onFocus };
  return { bind, text, error, change, commit, leave };
}
