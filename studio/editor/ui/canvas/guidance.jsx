// What the canvas says when there is nothing to draw, or when what is drawn is not what the text says.
import { TriangleAlert } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { FirstSteps } from "../first/first_steps.jsx";

const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

export function Guidance({ size, canEdit }) {
  const valid = useValue((s) => s.valid);
  if (!valid) return <LastGood size={size} />;
  if (size) return null;
  return canEdit ? <FirstSteps /> : <div className="hed-empty-canvas"><p className="hed-nothing"><b>An empty workflow</b>Somebody who may change it has to add the first node.</p></div>;
}

function LastGood({ size }) {
  const session = useSession();
  const error = useValue((s) => s.diagnostics.find((d) => d.severity === "error"));
  return (
    <div className={`hed-banner ${size ? "" : "alone"}`} role="alert" data-testid="yaml-error">
      <TriangleAlert size={15} />
      <span>
        <b>Line {error?.line ?? 1}:</b> {sentence(error?.message ?? "The YAML cannot be read")}{" "}
        {size ? "The canvas shows the last good state." : "Mend it in the YAML pane and the canvas appears."}
      </span>
      {error && <button className="hed-btn small" onClick={() => session.showProblem({ ...error, node: null })}>Go to line</button>}
    </div>
  );
}
