// A run that is over, as it stood at one of its moments. Moments are where a step began or ended.

const ROUNDED_S = 0.002; // how far an end may be off: durations are whole milliseconds

// [{time, key, ended}] in order. Where times are the same, a step ends before the next one begins, and after those inside it.
export function moments(run) {
  const begins = [...run.steps].filter(({ started_at: at }) => Number.isFinite(at)).sort((one, other) => one.started_at - other.started_at);
  const found = run.steps.flatMap((step, index) => [
    { time: step.started_at, order: index, key: step.key, ended: false },
    { time: endOf(step, begins), order: lastInside(run.steps, step, index) + 0.9 - depth(step) / 100, key: step.key, ended: true },
  ]);
  return found.filter(({ time }) => Number.isFinite(time)).sort((a, b) => a.time - b.time || a.order - b.order);
}

// A step that begins as another ends begins behind it: both would be at work, where one led to the other.
function endOf(step, begins) {
  const end = step.started_at + (step.duration_ms ?? 0) / 1000;
  const earliest = Math.max(end - ROUNDED_S, step.started_at);
  let [from, to] = [0, begins.length]; // the first that begins after that
  while (from < to) {
    const middle = (from + to) >> 1;
    if (begins[middle].started_at > earliest) to = middle;
    else from = middle + 1;
  }
  for (let i = from; i < begins.length && begins[i].started_at < end; i += 1) {
    if (!begins[i].path.startsWith(`${step.path}/`)) return begins[i].started_at;
  }
  return end;
}

const depth = (step) => Math.min(step.path.split("/").length, 80);
const lastInside = (steps, { path }, index) => Math.max(index, steps.findLastIndex((step) => step.path.startsWith(`${path}/`)));

// The run after its first `count` moments.
export function snapshot(run, all, count) {
  const past = all.slice(0, count);
  const begun = new Set(past.map(({ key }) => key));
  const over = new Set(past.filter(({ ended }) => ended).map(({ key }) => key));
  const steps = run.steps.filter(({ key }) => begun.has(key)).map((step) => (over.has(step.key) ? step : atWork(step)));
  const nodes = Object.assign(Object.create(null));
  for (const step of steps) if (!step.path.includes("/")) nodes[step.path] = step;
  const taken = new Set([...run.taken].filter((edge) => edge.split("->").every((name) => name in nodes)));
  const cost = steps.reduce((sum, step) => sum + (step.path.includes("/") ? 0 : step.cost ?? 0), 0);
  const { time } = past.at(-1);
  return { ...run, status: "running", steps, nodes, taken, cost, duration_ms: (time - all[0].time) * 1000, output: null, error: null, replayed: time };
}

const atWork = (step) => ({ ...step, status: "running", output: undefined, error: null, cost: 0 });
