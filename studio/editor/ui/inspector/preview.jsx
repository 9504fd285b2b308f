// What the text in a field gives on the last run's data, asked a moment after the last key; or what is wrong with it.
import { useEffect, useState } from "react";
import { evaluate } from "../core/api.js";
import { brief } from "./paths.js";
import { useReading } from "./scope.js";

const SOON_MS = 150;

// {value} or {error, column?, unreadable?}, or null while there is nothing to say.
export function usePreview(text, reads, wanted) {
  const { seen } = useReading();
  const [shown, setShown] = useState(null);
  const asked = wanted && Boolean(text.trim());
  useEffect(() => {
    if (!asked) return setShown(null);
    const control = new AbortController();
    const at = seen ? { run_id: seen.run_id, path: seen.path, iteration: seen.iteration, after: seen.after } : {};
    const timer = setTimeout(() => evaluate({ kind: reads, text, ...at }, control.signal).then(setShown, () => {}), SOON_MS);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [text, reads, seen, asked]);
  return asked ? shown : null;
}

export function Preview({ shown }) {
  if (shown?.unreadable) return null; // underlined, and said by the diagnostics
  if (shown?.error) return <p className="hed-preview bad" data-testid="preview">{shown.error}</p>;
  if (!shown || !("value" in shown)) return null;
  return <p className="hed-preview" title="On the data of the last run" data-testid="preview"><span>=</span><code>{brief(shown.value, 400)}</code></p>;
}
