// Somebody else saved the draft meanwhile and changed the same fields: what each of you wrote, and which is to stay.
import { useState } from "react";
import { Check, Copy } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { Values, asText } from "../versions/values.jsx";
import { changesOf, isWhole, titleOf } from "./collisions.js";
import { Button } from "./controls.jsx";
import { Dialog } from "./dialog.jsx";
import { ago, count } from "./format.js";

export function ConflictDialog() {
  const theirs = useValue((s) => s.conflict);
  return theirs && <Conflict key={theirs.op.op} theirs={theirs} />;
}

function Conflict({ theirs }) {
  const session = useSession();
  const [taken, setTaken] = useState({});
  const { collisions } = theirs;
  const who = theirs.by ?? "Somebody";
  const open = collisions.filter((_one, i) => !taken[i]).length;
  const takeAll = (take) => setTaken(Object.fromEntries(collisions.map((_one, i) => [i, take])));
  const keep = () => session.resolve(collisions.map(({ place }, i) => ({ place, take: taken[i] })));
  return (
    <Dialog title="You both changed the same" wide testid="conflict-dialog">
      <p>
        {who} saved this draft {theirs.at ? ago(theirs.at) : "in the meantime"}. Everything else is merged already; {collisions.length === 1 ? "this one place needs" : `these ${collisions.length} places need`} your
        choice.
      </p>
      <div className="hed-collisions">
        {collisions.map((one, i) => <Choice key={i} one={one} who={theirs.by ?? "Theirs"} taken={taken[i]} take={(side) => setTaken({ ...taken, [i]: side })} first={i === 0} />)}
      </div>
      <footer>
        <button className="hed-btn" onClick={() => navigator.clipboard?.writeText(session.text)}><Copy size={13} /> Copy my text</button>
        <button className="hed-btn" onClick={() => session.resolve(null)} title="What you changed since your last save is dropped" data-testid="drop-mine">Drop my changes</button>
        <span className="grow" />
        {collisions.length > 1 && <button className="hed-btn" onClick={() => takeAll("mine")}>All mine</button>}
        {collisions.length > 1 && <button className="hed-btn" onClick={() => takeAll("theirs")}>All theirs</button>}
        <Button className="hed-btn primary" why={open ? `${count(open, "choice")} left: take yours or theirs.` : null} onClick={keep} data-testid="keep-choices">Save these choices</Button>
      </footer>
    </Dialog>
  );
}

function Choice({ one, who, taken, take, first }) {
  const specs = useValue((s) => s.view.specs);
  const graph = useValue((s) => s.graph);
  const whole = isWhole(one);
  const isText = one.place.length === 0; // all of it: too long to be shown here
  return (
    <fieldset className="hed-collision" data-testid={`collision-${one.place.join("/")}`}>
      <legend>{titleOf(one, { specs, graph })}</legend>
      {!isText && !whole && one.base !== undefined && <div className="before"><span>Before</span><Value of={one.base} /></div>}
      {["mine", "theirs"].map((side, i) => (
        <button key={side} role="radio" aria-checked={taken === side} onClick={() => take(side)} data-testid={`take-${side}`} data-autofocus={first && i === 0 ? "" : undefined}>
          <span className="line"><b>{side === "mine" ? "Yours" : who}</b>{taken === side && <Check size={13} />}</span>
          {!isText && (whole && one[side] !== undefined ? <Fields changes={changesOf(one, side, { specs, graph })} /> : <Value of={one[side]} />)}
        </button>
      ))}
    </fieldset>
  );
}

const Value = ({ of: value }) => <pre>{value === undefined ? <i>removed</i> : asText(value) || '""'}</pre>;

// What one side made of a node, field by field: what went, what came.
function Fields({ changes }) {
  return changes.map(({ label, before, after }) => (
    <span key={label} className="hed-made">
      <span>{label}</span>
      <Values before={before} after={after} />
    </span>
  ));
}
