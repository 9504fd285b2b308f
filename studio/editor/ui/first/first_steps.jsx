// An empty workflow: three ways to begin.
import { Plus } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { begin } from "../core/starters.js";
import { TypeIcon } from "../frame/icons.jsx";

export function FirstSteps() {
  const session = useSession();
  const starters = useValue((s) => s.view.starters) ?? [];
  return (
    <div className="hed-first" data-testid="first-steps">
      <h2>How should it begin?</h2>
      <div>
        {starters.map((starter) => (
          <button key={starter.key} onClick={() => begin(session, starter)} data-testid={`starter-${starter.key}`}>
            <TypeIcon name={starter.icon} size={20} />
            <b>{starter.title}</b>
            <span>{starter.summary}</span>
          </button>
        ))}
        <button onClick={() => session.set({ picker: { from: null } })} data-testid="first-node">
          <Plus size={20} />
          <b>From scratch</b>
          <span>Choose the first node yourself. Most workflows begin with a start node.</span>
        </button>
      </div>
      <p>Or paste YAML here, or <button className="hed-link" onClick={() => session.set({ tour: 0 })}>take the 60-second tour</button>.</p>
    </div>
  );
}
