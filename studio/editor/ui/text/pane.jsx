// The text beside the canvas. The view itself belongs to the session, so that it lives on while the pane is hidden.
import { useEffect, useRef } from "react";
import { CircleCheck, CircleX, Info, TriangleAlert } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { isEmpty } from "../graph/graph.js";
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

const KINDS = [["error", "error", "bad", CircleX], ["warning", "warning", "warn", TriangleAlert], ["info", "hint", "info", Info]];

// The gravest that there is; what else there is stands in the title, and in the list that it leads to.
function ProblemCount() {
  const session = useSession();
  const diagnostics = useValue((s) => s.diagnostics);
  const found = KINDS.map(([severity, word, tone, Icon]) => ({ n: diagnostics.filter((d) => d.severity === severity).length, word, tone, Icon })).filter(({ n }) => n);
  const empty = useValue(isEmpty);
  if (!found.length && empty) return <span className="hed-state" data-testid="problem-count">nothing in it yet</span>;
  if (!found.length) {
    return <span className="hed-state ok" data-testid="problem-count"><CircleCheck size={12} /> no problems</span>;
  }
  const [{ n, word, tone, Icon }] = found;
  const show = () => session.set((s) => ({ drawer: { ...s.drawer, tab: "problems", open: true } }));
  return (
    <button className={`hed-state ${tone}`} onClick={show} title={found.map((one) => count(one.n, one.word)).join(", ")} data-testid="problem-count">
      <Icon size={12} /> {count(n, word)}
    </button>
  );
}
