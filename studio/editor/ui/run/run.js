// A run as the canvas, the timeline and the inspector show it: folded from live events or from the stored steps.

const FINAL = new Set(["succeeded", "failed", "cancelled"]);
const TYPES = [
  ...["queued", "started", "suspended", "succeeded", "failed", "cancelled"].map((name) => `run.${name}`),
  ...["queued", "started", "delta", "succeeded", "failed", "skipped", "suspended"].map((name) => `step.${name}`),
];

export const isFinal = (run) => FINAL.has(run?.status);

// A map by node name that has nothing of its own: a node may be called "constructor".
const byName = (...parts) => Object.assign(Object.create(null), ...parts);

export const newRun = (runId, input) => ({
  run_id: runId, input, status: "queued", steps: [], nodes: byName(), taken: new Set(), text: "",
  accepted_at: null, started_at: null, duration_ms: null, cost: 0, tokens: 0, output: null, error: null,
});

const numbers = (data) => ({
  duration_ms: data.duration_ms ?? null, cost: data.cost_usd_micros ?? 0,
  tokens_in: data.tokens_in ?? 0, tokens_out: data.tokens_out ?? 0,
  model: data.model ?? null, tier: data.tier ?? null, reason: data.reason ?? null,
});

// The text a person reads in an output, or null: a reply, or the first plain text of a known name.
export function replyText(output) {
  if (typeof output === "string") return output;
  if (!output || typeof output !== "object") return null;
  const key = ["reply_text", "reply", "text", "message", "response", "answer"].find((name) => typeof output[name] === "string");
  return key ? output[key] : null;
}

// What people are asked while the run waits: one step may ask several things, and several branches may ask.
export const questions = (run) => run.steps.flatMap((step) => (step.status === "suspended" ? step.asks ?? [] : [])).map((one) => one.message);

export function fold(run, event) {
  const [kind, what] = event.type.split(".");
  return kind === "run" ? foldRun(run, what, event) : foldStep(run, what, event);
}

function foldRun(run, what, { at, data }) {
  const status = what === "started" ? "running" : what;
  const next = { ...run, status };
  if (what === "suspended" && data.answered) next.steps = run.steps.map((step) => stillAsking(step, data.answered));
  if (what === "queued") next.accepted_at = run.accepted_at ?? at;
  if (what === "started") next.started_at = run.started_at ?? at;
  const since = run.accepted_at ?? run.started_at;
  if (!FINAL.has(status)) return next;
  return {
    ...next,
    ended_at: at,
    duration_ms: since ? (at - since) * 1000 : null,
    cost: data.cost_usd_micros ?? run.cost,
    tokens: (data.tokens_in ?? 0) + (data.tokens_out ?? 0) || run.tokens,
    output: data.output ?? null,
    error: data.error ?? null,
    steps: run.steps.map((step) => (step.status === "running" ? { ...step, status: status === "failed" ? "failed" : "cancelled" } : step)),
    nodes: settle(run.nodes),
  };
}

const stillAsking = (step, answered) =>
  step.asks?.length ? { ...step, asks: step.asks.filter((one) => !answered.includes(one.hash)) } : step;

const settle = (nodes) =>
  byName(Object.fromEntries(Object.entries(nodes).map(([name, node]) => [name, node.status === "queued" ? { ...node, status: "skipped" } : node])));

function foldStep(run, what, event) {
  const { path, data, at, node_type: type, iteration = 0, attempt = 1 } = event;
  if (what === "delta") return { ...run, text: (run.speaker === path ? run.text : "") + data.text, speaker: path };
  const key = `${path}#${iteration}`;
  const status = what === "started" ? "running" : what;
  const old = run.steps.find((step) => step.key === key);
  const step = { key, path, type, iteration, attempt, started_at: at, ...old, status };
  if (what === "started") Object.assign(step, { input: data.input, started_at: old?.started_at ?? at, attempt });
  if (what === "succeeded") Object.assign(step, withInner(numbers(data), path, run.steps), { output: data.output, error: null, ended_at: at });
  if (what === "failed") {
    Object.assign(step, { error: data.error, duration_ms: data.duration_ms, ended_at: at, will_retry: data.will_retry });
    if (data.will_retry) step.status = "running";
  }
  if (what === "suspended") step.asks = [...(data.question > 1 ? old?.asks ?? [] : []), data.data].filter((one) => one?.message);
  const listed = what !== "skipped" && what !== "queued";
  const steps = !listed ? run.steps : old ? run.steps.map((one) => (one.key === key ? step : one)) : [...run.steps, step];
  return {
    ...run,
    steps,
    cost: what === "succeeded" ? sum(steps) : run.cost,
    taken: what === "succeeded" && !path.includes("/") ? taken(run.taken, data.edges) : run.taken,
    nodes: byName(run.nodes, nodeOf(path, step, run.nodes)),
  };
}

// What a card shows: its own step, or that something below it is at work.
function nodeOf(path, step, nodes) {
  const [name, ...below] = path.split("/");
  if (!below.length) return { [name]: step };
  const own = nodes[name];
  return own && own.status !== "running" ? {} : { [name]: { ...(own ?? { key: name, path: name, type: "sub_workflow" }), status: "running", inner: below.join("/") } };
}

const sum = (steps) => steps.reduce((total, step) => total + (step.own ?? 0), 0);

// A step that called a workflow cost what the steps below it cost.
function withInner(found, path, steps) {
  const inner = steps.filter((step) => step.path.startsWith(`${path}/`));
  return { ...found, own: found.cost, cost: found.cost + sum(inner) };
}

const taken = (before, edges) => (edges?.length ? new Set([...before, ...edges.map(([from, to]) => `${from}->${to}`)]) : before);

// Follow a run live. The browser reconnects by itself and goes on after the last event it saw.
export function follow(runId, onEvent, onLost) {
  const source = new EventSource(`/api/v1/runs/${runId}/events`);
  const close = () => source.close();
  for (const type of TYPES) {
    source.addEventListener(type, (message) => {
      const event = JSON.parse(message.data);
      onEvent(event);
      if (event.type.startsWith("run.") && FINAL.has(event.type.slice(4))) close();
    });
  }
  source.addEventListener("end", () => {
    close();
    onLost(true);
  });
  source.onerror = () => onLost(source.readyState === EventSource.CLOSED);
  return close;
}

async function getJson(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail ?? `The server answered ${response.status}.`);
  return body;
}

// A stored run from the database: the truth, also where live events were missed.
export async function loadRun(runId, edges) {
  const [head, { steps }] = await Promise.all([getJson(`/api/v1/runs/${runId}`), getJson(`/api/v1/runs/${runId}/steps`)]);
  let run = { ...newRun(runId, head.input), accepted_at: seconds(head.created_at), started_at: seconds(head.started_at), workflow: head.workflow };
  for (const row of steps) {
    run = foldStep(run, "started", storedEvent(row));
    if (row.status !== "opened") run = foldStep(run, row.status, storedEvent(row));
  }
  const ran = (name) => run.nodes[name] && run.nodes[name].status !== "skipped";
  run.taken = new Set(edges.filter((edge) => ran(edge.from) && ran(edge.to)).map((edge) => `${edge.from}->${edge.to}`));
  const [from, to] = [seconds(head.created_at), seconds(head.ended_at)];
  return {
    ...run, status: head.status, output: head.output, error: head.error, cost: micros(head), ended_at: to,
    duration_ms: from && to ? (to - from) * 1000 : null, tokens: (head.tokens_in ?? 0) + (head.tokens_out ?? 0),
    conversation_id: head.conversation_id, trigger: head.trigger,
  };
}

const seconds = (iso) => (iso ? new Date(iso).getTime() / 1000 : null);
const micros = (row) => Math.round((row.cost_usd ?? 0) * 1_000_000);

const storedEvent = (row) => ({
  path: row.path, node_type: row.node_type, iteration: row.iteration, attempt: row.attempt, at: seconds(row.started_at), data: row,
});
