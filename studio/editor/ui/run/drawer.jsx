// Below the canvas: chat, input form and problems on the left, the steps of the run on the right.
import { ChevronDown, ChevronUp, CircleX, Info, MessageSquarePlus, TriangleAlert, WandSparkles } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { cost, count, duration } from "../frame/format.js";
import { isEmpty } from "../graph/graph.js";
import { isFinal } from "./run.js";
import { useClock } from "./clock.js";
import { Chat } from "./chat.jsx";
import { Comparison } from "./comparison.jsx";
import { PastRuns } from "./past_runs.jsx";
import { InputForm } from "./input_form.jsx";
import { ReplayBar } from "./replay_bar.jsx";
import { Timeline } from "./timeline.jsx";

export function Drawer() {
  const session = useSession();
  const drawer = useValue((s) => s.drawer);
  const problems = useValue((s) => s.diagnostics.length);
  const compares = useValue((s) => Boolean(s.compare));
  const hasChat = useValue((s) => s.chat.length > 0);
  const open = (tab) => session.set({ drawer: { tab, open: true } });
  const tabs = [["chat", "Chat preview"], ["input", "Input"], ["runs", "Runs"], ["problems", problems ? `Problems · ${problems}` : "Problems"]];
  return (
    <section className="hed-drawer" aria-label="Preview" data-testid="drawer">
      <div className="hed-dt">
        <div role="tablist" className="hed-dtabs">
          {tabs.map(([key, title]) => (
            <button key={key} role="tab" aria-selected={drawer.open && drawer.tab === key} onClick={() => open(key)} data-testid={`drawer-${key}`}>{title}</button>
          ))}
        </div>
        <span className="grow" />
        <RunSummary />
        {hasChat && drawer.tab === "chat" && (
          <button className="hed-icon" onClick={() => session.runs.newConversation()} title="New conversation" aria-label="New conversation"><MessageSquarePlus size={15} /></button>
        )}
        <button className="hed-icon" onClick={() => session.set({ drawer: { ...drawer, open: !drawer.open } })} aria-label={drawer.open ? "Fold the preview" : "Open the preview"}>
          {drawer.open ? <ChevronDown size={15} /> : <ChevronUp size={15} />}
        </button>
      </div>
      {drawer.open && (
        <div className="hed-dbody">
          <div className="hed-dleft">
            {drawer.tab === "chat" && <Chat />}
            {drawer.tab === "input" && <InputForm />}
            {drawer.tab === "runs" && <PastRuns />}
            {drawer.tab === "problems" && <Problems />}
          </div>
          <div className="hed-dright">
            {compares ? <Comparison /> : <><ReplayBar /><Timeline /></>}
          </div>
        </div>
      )}
    </section>
  );
}

function RunSummary() {
  const run = useValue((s) => s.run);
  const whole = useValue((s) => s.whole); // the run is over and looked at as it stood at a moment
  const now = useClock(run && !isFinal(run) && run.replayed === undefined ? run.accepted_at : null);
  if (!run) return null;
  const ms = run.duration_ms ?? (run.accepted_at ? (now - run.accepted_at) * 1000 : null);
  const { status } = whole ?? run;
  const facts = [whole ? `${duration(ms)} of ${duration(whole.duration_ms)}` : duration(ms), cost(run.cost)].filter(Boolean).join(" · ");
  return (
    <>
      <span className={`hed-chip run-${status}`} title={status} data-testid="run-status" role="status">{status}</span>
      <span className="hed-run">
        {facts && `${facts} · `}
        {run.run_id && <a className="hed-link mono" href={`/app/runs/${run.run_id}`} title={`Run ${run.run_id}`}>{run.run_id.slice(-12)}</a>}
      </span>
    </>
  );
}

const ICONS = { error: CircleX, warning: TriangleAlert };

function Problems() {
  const session = useSession();
  const problems = useValue((s) => s.diagnostics);
  const canEdit = useValue((s) => s.view.can.write);
  const empty = useValue(isEmpty);
  if (!problems.length && empty) return <div className="hed-nothing"><b>Nothing in it yet</b><p>Choose one of the beginnings on the canvas, and what is to be mended stands here.</p></div>;
  if (!problems.length) {
    return <div className="hed-nothing"><b>No problems</b><p>The workflow can be run and published.</p></div>;
  }
  const errors = problems.filter((one) => one.severity === "error").length;
  return (
    <div className="hed-problems" data-testid="problems">
      {errors > 0 && <p className="mut">{count(errors, "error")} to mend before publishing.</p>}
      {problems.map((one, i) => {
        const Icon = ICONS[one.severity] ?? Info;
        return (
          <div key={i} className={`one ${one.severity}`}>
            <button onClick={() => session.showProblem(one)}>
              <Icon size={14} />
              <span>{one.message} <code>{one.code}</code></span>
              <span className="at">{one.line}:{one.column}</span>
            </button>
            {one.fix && canEdit && <button className="hed-link" onClick={() => session.applyFix(one)} data-testid="apply-fix"><WandSparkles size={12} /> {one.fix.title}</button>}
          </div>
        );
      })}
    </div>
  );
}
