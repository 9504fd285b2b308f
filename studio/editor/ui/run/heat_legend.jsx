// What the colours of the heat map tell, of which days; and how to turn it off.
import { Flame, X } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { count } from "../frame/format.js";
import { DAYS, MEASURES, changeHeat } from "./heat.js";

export function HeatLegend() {
  const session = useSession();
  const heat = useValue((s) => s.heat);
  if (!heat) return null;
  const { measure, days, data, error } = heat;
  return (
    <section className="hed-heat" aria-label="Heat map" data-testid="heat">
      <Flame size={14} />
      <Choice title="What is measured" options={Object.entries(MEASURES).map(([key, { title }]) => [key, title])} value={measure} choose={(next) => changeHeat(session, { measure: next })} />
      <Choice title="Runs of the last" options={DAYS} value={days} choose={(next) => changeHeat(session, { days: next, data: null })} />
      <span className="of" role="status">{error ?? (!data ? "…" : data.runs ? `${data.limited ? "latest " : ""}${count(data.runs, "run")}` : "no runs")}</span>
      <button className="hed-icon" onClick={() => session.set({ heat: null })} title="Turn the heat map off" aria-label="Turn the heat map off"><X size={14} /></button>
    </section>
  );
}

function Choice({ title, options, value, choose }) {
  return (
    <div className="hed-seg" role="radiogroup" aria-label={title}>
      {options.map(([key, name]) => <button key={key} role="radio" aria-checked={key === value} onClick={() => choose(key)}>{name}</button>)}
    </div>
  );
}
