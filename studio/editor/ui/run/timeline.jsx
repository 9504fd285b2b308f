// Every step of the run as a bar on the run's time; nested ones stand under the node that called them.
import { CircleX } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { TypeIcon } from "../frame/icons.jsx";
import { cost, duration } from "../frame/format.js";
import { isFinal } from "./run.js";
import { StepError } from "../inspector/data_view.jsx";
import { useClock } from "./clock.js";

export function Timeline() {
  const run = useValue((s) => s.run);
  const replayed = run?.replayed;
  const clock = useClock(run && !isFinal(run) && replayed === undefined ? run.started_at ?? 1 : null);
  const now = replayed ?? clock;
  if (!run || !run.steps.length) {
    return (
      <div className="hed-steps empty">
        {run && !isFinal(run) ? <p className="hed-hint">Waiting for a worker…</p>
          : run?.error ? <StepError error={run.error} />
            : <p className="hed-hint">The steps of a run stand here: how long, which model, what it cost.</p>}
      </div>
    );
  }
  const start = Math.min(run.started_at ?? Infinity, ...run.steps.map((step) => step.started_at));
  const end = isFinal(run) || replayed !== undefined ? Math.max(run.ended_at ?? 0, ...run.steps.map(ended)) : now;
  const span = Math.max(end - start, 0.001);
  return (
    <div className="hed-steps" data-testid="timeline">
      {run.steps.map((step) => <Row key={step.key} step={step} start={start} span={span} now={now} over={isFinal(run)} />)}
      {run.error && run.status === "failed" && <StepError error={run.error} />}
    </div>
  );
}

const ended = (step) => step.started_at + (step.duration_ms ?? 0) / 1000;

function Row({ step, start, span, now, over }) {
  const session = useSession();
  const spec = useValue((s) => s.view.specs[step.type]);
  const chosen = useValue((s) => s.focusStep === step.key);
  const depth = step.path.split("/").length - 1;
  const running = step.status === "running" && !over;
  const length = running ? now - step.started_at : (step.duration_ms ?? 0) / 1000;
  const left = Math.min(99, Math.max(0, ((step.started_at - start) / span) * 100));
  const open = () => {
    const [name] = step.path.split("/");
    session.select([name], { reveal: true });
    session.set({ inspector: "data", focusStep: step.key });
  };
  return (
    <button className={`hed-step ${step.status} ${chosen ? "chosen" : ""}`} style={{ "--g": `var(--${spec?.group ?? "flow"})` }} onClick={open} title={title(step)} data-testid={`step-${step.path}`} data-status={step.status}>
      <span className="ic">{step.status === "failed" ? <CircleX size={13} /> : <TypeIcon name={spec?.icon} size={13} />}</span>
      <span className="name" style={{ paddingLeft: Math.max(0, depth - 1) * 8 }}>{depth > 0 && "· "}{step.path.split("/").pop()}{step.iteration > 0 && ` #${step.iteration + 1}`}</span>
      <span className="b"><i style={{ left: `${left}%`, width: `${Math.max(1, Math.min(100 - left, (length / span) * 100))}%` }} /></span>
      <span className="hed-tier">{step.tier}</span>
      <span className="r">{running ? "…" : duration(step.duration_ms)}</span>
      <span className="r">{cost(step.cost)}</span>
    </button>
  );
}

const title = (step) => [step.path, step.model, step.reason, step.error?.message].filter(Boolean).join("\n");
