// Buttons, lists and ticks that may have a reason not to be used now: `why`, a sentence, or null.
import { useLocked } from "./locked.js";

export function Button({ why, children, ...rest }) {
  return <button type="button" {...rest} {...useLocked(why)}>{children}</button>;
}

export function List({ why, children, ...rest }) {
  return <select className="hed-in" {...rest} {...useLocked(why)}>{children}</select>;
}

export function Tick({ why, ...rest }) {
  return <input type="checkbox" {...rest} {...useLocked(why)} />;
}
