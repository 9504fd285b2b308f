// The workflow's last runs: each can be laid over the canvas.
import { useEffect, useState } from "react";
import { CircleCheck, CircleDashed, CirclePause, CircleSlash, CircleX, ExternalLink, GitCompareArrows, RefreshCw } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { runsOf } from "../core/api.js";
import { Button } from "../frame/controls.jsx";
import { ago, cost, duration } from "../frame/format.js";
import { isFinal } from "./run.js";

export function PastRuns() {
  const session = useSession();
  const name = useValue((s) => s.view.name);
  const shown = useValue((s) => s.run?.run_id);
  const status = useValue((s) => s.run?.status);
  const [runs, setRuns] = useState(null);
  const [error, setError] = useState(null);
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    let gone = false;
    runsOf(name).then((found) => gone || (setRuns(found), setError(null)), (fault) => gone || setError(fault.message));
    return () => { gone = true; };
  }, [name, shown, status, asked]);
  if (error) return <div className="hed-nothing" role="alert"><b>The runs could not be listed</b><p>{error}</p><button className="hed-btn small" onClick={() => setAsked(asked + 1)}><RefreshCw size={13} /> Try again</button></div>;
  if (!runs) return <div aria-busy="true">{[70, 60, 80].map((width) => <span key={width} className="hed-bone" style={{ width: `${width}%` }} />)}</div>;
  if (!runs.length) return <div className="hed-nothing"><b>No runs yet</b><p>Run the workflow; each run can be laid over the canvas from here.</p></div>;
  return (
    <div className="hed-runs" data-testid="past-runs">
      {runs.map((run) => (
        <div key={run.run_id} className={`one ${run.run_id === shown ? "chosen" : ""}`}>
          <button onClick={() => session.runs.show(run.run_id)} aria-pressed={run.run_id === shown} title={facts(run)} data-testid={`past-${run.run_id}`}>
            <RunStatus status={run.status} />
            <span className="what">{told(run)}</span>
            <span className="r">{ago(run.created_at)}</span>
            <span className="r">{duration(took(run))}</span>
          </button>
          <Compare run={run} shown={shown} />
          <a className="hed-icon" href={`/app/runs/${run.run_id}`} title="Open the run's page" aria-label={`Open the page of run ${run.run_id.slice(-12)}`}><ExternalLink size={12} /></a>
        </div>
      ))}
    </div>
  );
}

const SIGNS = { succeeded: CircleCheck, failed: CircleX, cancelled: CircleSlash, suspended: CirclePause };

// In a narrow list the sign alone: what the run was about needs the room.
function RunStatus({ status }) {
  const Sign = SIGNS[status] ?? CircleDashed;
  return <span className={`hed-chip run-${status}`} title={status}><Sign size={13} aria-hidden /><span className="word">{status}</span></span>;
}

function Compare({ run, shown }) {
  const session = useSession();
  const chosen = useValue((s) => s.compare?.run.run_id === run.run_id);
  const whole = useValue((s) => isFinal(s.whole ?? s.run));
  const why = !shown ? "Lay a run over the canvas first." : shown === run.run_id ? "This is the run over the canvas." : whole ? null : "The run over the canvas is still under way.";
  return (
    <Button className="hed-icon" why={why} aria-pressed={chosen} title="Compare with the run over the canvas" aria-label={`Compare with run ${run.run_id.slice(-12)}`}
      onClick={() => (chosen ? session.set({ compare: null }) : session.runs.compare(run.run_id))} data-testid={`compare-with-${run.run_id}`}>
      <GitCompareArrows size={13} />
    </Button>
  );
}

const facts = (run) => ["Lay this run over the canvas", `${run.trigger} · ${new Date(run.created_at).toLocaleString()}`, duration(took(run)), cost(Math.round((run.cost_usd ?? 0) * 1_000_000))].filter(Boolean).join("\n");
const told = (run) => (typeof run.input?.message === "string" ? run.input.message : JSON.stringify(run.input ?? {}));
const took = (run) => (run.ended_at ? new Date(run.ended_at) - new Date(run.created_at) : null);
