// The heat map: where the time or the money of the latest runs went, node by node.
import { heatOf } from "../core/api.js";
import { cost, duration } from "../frame/format.js";

export const DAYS = [[1, "24 h"], [7, "7 days"], [30, "30 days"]];
export const MEASURES = {
  time: { title: "Time", of: (numbers) => numbers.total_ms, each: (numbers) => duration(numbers.p50_ms) },
  cost: { title: "Cost", of: (numbers) => numbers.cost_usd_micros, each: (numbers, runs) => cost(numbers.cost_usd_micros / Math.max(1, runs)) },
};

const FIRST = { measure: "time", days: 7, data: null, error: null };

export const toggleHeat = (session) => (session.state.heat ? session.set({ heat: null }) : changeHeat(session, {}));

export async function changeHeat(session, change) {
  const before = session.state.heat ?? FIRST;
  const heat = { ...before, ...change, error: null };
  session.set({ heat });
  if (heat.data && heat.days === before.days) return; // the numbers hold both measures
  const { name } = session.state.view;
  const current = () => session.state.view.name === name && session.state.heat?.days === heat.days;
  try {
    const data = await heatOf(name, heat.days);
    if (current()) session.set((s) => ({ heat: { ...s.heat, data: { ...data, nodes: Object.assign(Object.create(null), data.nodes) } } }));
  } catch (error) {
    if (current()) session.set((s) => ({ heat: { ...s.heat, data: null, error: error.message } }));
  }
}

// What a card shows: {share, text, title}, or null where nothing is known of the node. share: 0..1 of all nodes' sum.
export function heatAt(heat, name) {
  const numbers = heat?.data?.nodes[name];
  if (!numbers) return null;
  const { of, each } = MEASURES[heat.measure];
  const all = Object.values(heat.data.nodes).reduce((sum, one) => sum + of(one), 0);
  const share = all ? of(numbers) / all : 0;
  return { share, text: `${Math.round(share * 100)} %`, title: told(numbers, heat.data.runs), each: each(numbers, heat.data.runs) };
}

function told({ steps, failed, p50_ms, p95_ms, cost_usd_micros }, runs) {
  const facts = [`Ended ${steps} times in ${runs} runs`, failed && `${failed} of them failed`, `half of them within ${duration(p50_ms)}, 95 % within ${duration(p95_ms)}`, cost_usd_micros && `${cost(cost_usd_micros)} in all, ${cost(cost_usd_micros / Math.max(1, runs))} a run`];
  return facts.filter(Boolean).join("\n");
}
