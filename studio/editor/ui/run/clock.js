// Time for what is under way.
import { useEffect, useRef, useState } from "react";

// Seconds since the epoch, ticking while something runs.
export function useClock(running) {
  const [now, setNow] = useState(() => Date.now() / 1000);
  const timer = useRef(null);
  useEffect(() => {
    if (!running) return undefined;
    timer.current = setInterval(() => setNow(Date.now() / 1000), 100);
    return () => clearInterval(timer.current);
  }, [running]);
  return now;
}
