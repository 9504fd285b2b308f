// A control that cannot be used now stays where the Tab key finds it, and says why: on hover, to screen readers, and to who tries.
import { useSession, useValue } from "../core/store.js";

const CHOOSES = /^(Arrow|Home|End|Page)|^.$/; // keys that would change what a list shows

// Why a field of a form cannot be changed now, or null.
export function useWhyLocked(readOnly) {
  const session = useSession();
  return useValue(() => (readOnly ? session.whyNot ?? "This is only shown here." : null));
}

// What a text that can only be read gets beside its value.
export function useReadOnly(readOnly) {
  const why = useWhyLocked(readOnly);
  return why ? { readOnly: true, title: why } : {};
}

// What a button, a list, or a tick gets in place of its own handlers while there is a reason not to use it.
export function useLocked(why) {
  const session = useSession();
  if (!why) return {};
  const tell = (event) => {
    event.preventDefault();
    session.say(why);
  };
  return {
    "aria-disabled": true,
    title: why,
    onChange: () => {},
    onClick: tell,
    onMouseDown: (event) => {
      event.preventDefault(); // a list would open
      event.currentTarget.focus();
    },
    onKeyDown: (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (["Enter", " "].includes(event.key) || (event.currentTarget.tagName === "SELECT" && CHOOSES.test(event.key))) tell(event);
    },
  };
}
