// Who else has the draft open.
import { useValue } from "../core/store.js";

const MOST = 4;
const COLOURS = ["model", "tools", "data", "people", "msg"];

export function People() {
  const people = useValue((s) => s.people);
  const newer = useValue((s) => s.newer);
  return (
    <>
      {newer && <button className="hed-chip warn" onClick={() => window.location.reload()} data-testid="newer">A newer draft: show</button>}
      {people.length > 0 && (
        <div className="hed-people" role="group" aria-label="Also here" data-testid="people">
          {people.slice(0, MOST).map((one) => <Face key={one.tab} one={one} />)}
          {people.length > MOST && <span className="more">+{people.length - MOST}</span>}
        </div>
      )}
    </>
  );
}

export function Face({ one }) {
  const title = [one.mine ? `${one.name}, in another tab` : one.name, one.node && `at ${one.node}`].filter(Boolean).join(" · ");
  return <span className="hed-face" style={{ "--g": `var(--${colourOf(one.tab)})` }} title={title} role="img" aria-label={title}>{initials(one.name)}</span>;
}

const initials = (name) => name.split(/[\s._-]+/).filter(Boolean).slice(0, 2).map((part) => [...part][0].toUpperCase()).join("") || "?";

function colourOf(tab) {
  let sum = 0;
  for (const letter of tab) sum += letter.charCodeAt(0);
  return COLOURS[sum % COLOURS.length];
}
