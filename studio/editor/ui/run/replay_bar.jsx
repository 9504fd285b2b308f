// Stepping through a run that is over: back and on by one moment, or anywhere with the slider.
import { useMemo } from "react";
import { ChevronLeft, ChevronRight, RotateCcw } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { Button } from "../frame/controls.jsx";
import { duration } from "../frame/format.js";
import { moments } from "./replay.js";
import { isFinal } from "./run.js";

export function ReplayBar() {
  const session = useSession();
  const run = useValue((s) => s.whole ?? s.run);
  const at = useValue((s) => s.at);
  const all = useMemo(() => (run && isFinal(run) ? moments(run) : []), [run]);
  const can = useValue((s) => s.view.can.run);
  const canRetry = can && run?.run_id && ["failed", "cancelled"].includes(run.status);
  if (all.length < 2) return null;
  const now = at ?? all.length;
  const go = (count) => session.runs.goTo(count >= all.length ? null : Math.max(1, count));
  const since = (all[now - 1].time - all[0].time) * 1000;
  return (
    <div className="hed-replay" data-testid="replay">
      <Button className="hed-icon" onClick={() => go(now - 1)} why={now <= 1 ? "This is where the run began." : null} title="One moment back" aria-label="One moment back"><ChevronLeft size={14} /></Button>
      <input type="range" min={1} max={all.length} step={1} value={now} onChange={(event) => go(Number(event.target.value))} aria-label="Moment of the run" aria-valuetext={`${duration(since)} after its first step began`} />
      <Button className="hed-icon" onClick={() => go(now + 1)} why={now >= all.length ? "This is where the run ended." : null} title="One moment on" aria-label="One moment on"><ChevronRight size={14} /></Button>
      <span className="r">{duration(since)}</span>
      {canRetry && <button className="hed-btn small" onClick={() => session.runs.retry()} data-testid="retry"><RotateCcw size={12} /> Retry from the failed step</button>}
    </div>
  );
}
