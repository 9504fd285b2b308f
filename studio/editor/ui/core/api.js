// Questions to the server that change nothing, over plain HTTP with the session's cookie.

async function ask(url, body, signal) {
  const response = await fetch(url, {
    method: body === undefined ? "GET" : "POST",
    headers: { Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  }).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer.");
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail ?? `The server answered ${response.status}.`);
  return answer;
}

// YAML with `nodes:` as {nodes, edges, layout}; throws with a sentence when it is none.
export const readFragment = (text) => ask("/api/v1/editor/fragment", { text });
