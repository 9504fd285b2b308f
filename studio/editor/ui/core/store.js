// The editor's state on the client: one small store, read through selectors, so that a change repaints only its readers.
import { createContext, useContext, useSyncExternalStore } from "react";

export function createStore(initial) {
  let state = initial;
  const listeners = new Set();
  return {
    get: () => state,
    set(change) {
      const next = typeof change === "function" ? change(state) : change;
      if (!next) return;
      state = { ...state, ...next };
      listeners.forEach((listener) => listener());
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export const EditorContext = createContext(null);

// The session (session.js): what the components may ask for.
export const useSession = () => useContext(EditorContext);

// The part of the state that `selector` picks; it must return the same reference while nothing changed.
export function useValue(selector) {
  const { store } = useSession();
  const read = () => selector(store.get());
  return useSyncExternalStore(store.subscribe, read, read);
}
