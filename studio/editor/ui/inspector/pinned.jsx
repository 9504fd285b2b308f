// The node's pinned output: pinned from the run that is looked at, changed by hand, or taken off.
import { Pin, PinOff } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { gave, pinRecorded, pinWritten, unpin } from "../run/pins.js";
import { JsonInput } from "./widgets_text.jsx";

export function Pinned({ node }) {
  const session = useSession();
  const pin = useValue((s) => s.pins[node.name]);
  const can = useValue((s) => s.view.can.write);
  const canPin = useValue((s) => gave(s, node.name));
  if (!pin && !(can && canPin)) return null;
  const save = (output) => output !== undefined && pinWritten(session, node.name, output);
  return (
    <div className="hed-f hed-pin" data-testid="pin">
      {pin && (
        <>
          <div className="hed-fl"><span><Pin size={11} /> Pinned output</span><span className="side">instead of running it</span></div>
          <JsonInput id={`pin-${node.name}`} value={pin.output} field={{ title: "Pinned output" }} save={save} readOnly={!can || !pin.whole} />
        </>
      )}
      {can && (
        <div className="hed-row">
          {canPin && <button className="hed-btn small" onClick={() => pinRecorded(session, node.name)} data-testid="pin-output"><Pin size={12} /> {pin ? "Pin this run's output" : "Pin the output as test data"}</button>}
          {pin && <button className="hed-btn small" onClick={() => unpin(session, node.name)} data-testid="unpin-output"><PinOff size={12} /> Take it off</button>}
        </div>
      )}
    </div>
  );
}
