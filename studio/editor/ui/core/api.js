// What goes to the server over plain HTTP, with the session's cookie: everything but commits, runs and publishing.

function ask(url, body, signal, method = body === undefined ? "GET" : "POST", more = {}) {
  return read(fetch(url, {
    method,
    headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
    ...more,
  }));
}

async function read(asked) {
  const response = await asked.catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer.");
  });
  const answer = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return {};
  });
  if (!response.ok) throw Object.assign(new Error(answer.detail ?? `The server answered ${response.status}.`), { status: response.status });
  return answer;
}

let language = null;

// The JSON Schema of the workflow language, asked for once; null while the server does not answer.
export function getLanguage() {
  language ??= ask("/api/v1/editor/language").catch(() => {
    language = null;
    return null;
  });
  return language;
}

const workflow = (name) => `/api/v1/workflows/${encodeURIComponent(name)}`;

// All that the editor shows of a draft at first. Throws an Error with `status` where the server answered.
export const draftOf = (workflow, signal) => early(workflow) ?? ask(`/api/v1/editor/draft?${query({ workflow })}`, undefined, signal);

// What the page itself asked for, before any other script was there (studio/editor/wrapper.py).
function early(workflow) {
  const { heddleDraft } = window;
  window.heddleDraft = null;
  return heddleDraft?.name === encodeURIComponent(workflow) ? read(heddleDraft.asked) : null;
}

// {live, draft, versions}, newest first.
export const getVersions = (name) => ask(`${workflow(name)}/versions`);

// {before, after, difference}; a side is a version's number, or null for the draft.
export function getComparison(name, before, after) {
  const sides = Object.entries({ before, after }).filter(([, side]) => side !== null);
  return ask(`${workflow(name)}/compare?${new URLSearchParams(sides)}`);
}

// `live`: the number that is published as far as this browser knows.
export const makeLive = (name, number, live) => ask(`${workflow(name)}/versions/${number}/live`, { live });

// YAML with `nodes:`, or a workflow of another studio, as {nodes, edges, layout, said?}, under names that are not `taken`
// and without a start where the workflow `begins` already; throws with a sentence when it is none.
export const readFragment = (text, taken, begins) => ask("/api/v1/editor/fragment", { text, taken, begins });

const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null && value !== undefined));

export const nodeScope = (workflow, node, after, signal) => ask(`/api/v1/editor/scope?${query({ workflow, node, after })}`, undefined, signal);
export const stepScope = (run_id, { path, iteration, after }, signal) => ask(`/api/v1/editor/runs/${run_id}/scope?${query({ path, iteration, after })}`, undefined, signal);
// [{at, message}]: what does not fit in a run's input, and at which path in it.
export const checkInput = (schema, input) => ask("/api/v1/editor/input", { schema, input }).then(({ faults }) => faults);
export const evaluate = (what, signal) => ask("/api/v1/editor/evaluate", what, signal);
export const lastRunOf = (workflow) => ask(`/api/v1/runs?${query({ workflow, limit: 1 })}`).then(({ runs }) => runs[0] ?? null);
export const runsOf = (workflow) => ask(`/api/v1/runs?${query({ workflow, limit: 30 })}`).then(({ runs }) => runs);
export const presenceIn = (workflow, what, more) => ask(`/api/v1/editor/presence?${query({ workflow })}`, what, undefined, "POST", more);
export const heatOf = (workflow, days) => ask(`/api/v1/editor/heat?${query({ workflow, days })}`);
export const retryRun = (runId) => ask(`/api/v1/runs/${runId}/retry`, {});

const pinUrl = (workflow, node) => `/api/v1/editor/pins/${encodeURIComponent(workflow)}/${encodeURIComponent(node)}`;

// Each answers with all pins of the workflow: {node: {output, at}}. `what`: {output} or {run_id}.
export const pinOutput = (workflow, node, what) => ask(pinUrl(workflow, node), what, undefined, "PUT").then(({ pins }) => pins);
export const unpinOutput = (workflow, node) => ask(pinUrl(workflow, node), undefined, undefined, "DELETE").then(({ pins }) => pins);
