// The text beside the canvas. The view itself belongs to the session, so that it lives on while the pane is hidden.
import { useEffect, useRef } from "react";
import { CircleCheck, CircleX, TriangleAlert } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { count } from "../frame/format.js";

export function YamlPane() {
  const session = useSession();
  const name = useValue((s) => s.view.name);
  const load = useValue((s) => s.view.load);
  const host = useRef(null);
  useEffect(() => {
    host.current.appendChild(session.view.dom);
    session.view.requestMeasure();
  }, [load]);
  return (
    <section className="hed-yaml" aria-label="YAML" onFocus={() => session.view.requestMeasure()}>
      <header className="hed-ph">
        <b>{name}.yaml</b>
        <span className="grow" />
        <ProblemCount />
      </header>
      <div className="hed-code" ref={host} data-testid="yaml" />
    </section>
  );
}

function ProblemCount() {
  const session = useSession();
  const diagnostics = useValue((s) => s.diagnostics);
  const errors = diagnostics.filter((d) => d.severity === "error").length;
  const warnings = diagnostics.filter((d) => d.severity === "warning").length;
  const show = () => session.set((s) => ({ drawer: { ...s.drawer, tab: "problems", open: true } }));
  if (!errors && !warnings) {
    return <span className="hed-state ok" data-testid="problem-count"><CircleCheck size={12} /> no problems</span>;
  }
  return (
    <button className={`hed-state ${errors ? "bad" : "warn"}`} onClick={show} data-testid="problem-count">
      {errors ? <CircleX size={12} /> : <TriangleAlert size={12} />}
      {errors ? count(errors, "error") : count(warnings, "warning")}
    </button>
  );
}
