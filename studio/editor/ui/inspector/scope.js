// What the selected node can read: the paths that the file tells, and the data of the run that is looked at.
import { createContext, useContext, useEffect, useMemo, useState } from "react";
import { useSession, useValue } from "../core/store.js";
import { nodeScope, stepScope } from "../core/api.js";
import { pathsIn } from "./paths.js";

const SOON_MS = 250;
const NOTHING = { paths: [] };

// {node, offered, seen, route?, inferred?}: for the fields of the selected node, and the conditions of its edges.
export const ReadingContext = createContext({ node: null, offered: [], seen: null });
export const useReading = () => useContext(ReadingContext);

// `after`: as the conditions on the ways on from the node read.
export function useNodeReading(node, { after = false } = {}) {
  const scope = useScope(node.name, after);
  const seen = useSeen(node.name, after);
  const offered = useOffered(scope, seen);
  return useMemo(() => ({ node, offered, seen, route: scope.route, inferred: scope.inferred }), [node, offered, seen, scope]);
}

// Asked again when the graph changed, a moment after the last change: the server has that text by then.
function useScope(name, after) {
  const session = useSession();
  const graph = useValue((s) => s.graph);
  const key = `${name}/${after}`;
  const [found, setFound] = useState({ key, scope: NOTHING });
  useEffect(() => {
    const control = new AbortController();
    const ask = () => nodeScope(session.state.view.name, name, after, control.signal).then((scope) => setFound({ key, scope }), () => {});
    const timer = setTimeout(ask, found.key === key && found.scope !== NOTHING ? SOON_MS : 0);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [graph, key, session]);
  return found.key === key ? found.scope : NOTHING;
}

// What the node saw in the run that is looked at: {run_id, path, iteration, after, roots} or null.
function useSeen(name, after) {
  const run = useLookedAt();
  const step = run?.steps.findLast((one) => one.path === name);
  const key = run?.run_id ? `${run.run_id}/${name}/${after}/${step?.iteration}/${step?.status}` : null;
  const [seen, setSeen] = useState(null);
  useEffect(() => {
    if (!key) return setSeen(null);
    const control = new AbortController();
    const at = { path: name, iteration: step?.iteration ?? null, after };
    stepScope(run.run_id, at, control.signal).then((roots) => setSeen({ key, run_id: run.run_id, ...at, roots }), () => setSeen(null));
    return () => control.abort();
  }, [key]);
  return seen?.key === key ? seen : null;
}

// The run over the canvas, or else the workflow's last one, which the session fetches once.
export function useLookedAt() {
  const session = useSession();
  const run = useValue((s) => s.run);
  const last = useValue((s) => s.lastRun);
  useEffect(() => void (run || session.runs.loadLast()), [run, session]);
  return run?.run_id ? run : last;
}

// Paths to complete: those of the file, with values of the run where there are some, then what only the run shows.
function useOffered(scope, seen) {
  return useMemo(() => {
    const real = pathsIn(seen?.roots);
    const values = new Map(real.map((one) => [one.path, one.value]));
    const known = new Set(scope.paths.map((one) => one.path));
    return [...scope.paths.map((one) => ({ ...one, value: values.get(one.path) })), ...real.filter((one) => !known.has(one.path))];
  }, [scope, seen]);
}
