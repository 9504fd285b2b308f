// A value that is changed part by part and saved as a whole: what was changed and has not come back yet is what the next change
// starts from, or the one before would be lost.
import { useEffect, useState } from "react";
import { useSession } from "../core/store.js";
import { same } from "../run/compare.js";

// [the value as it is for the person, save]
export function usePending(value, save) {
  const session = useSession();
  const [own, setOwn] = useState(null); // {value}
  useEffect(() => {
    if (own && (same(own.value, value) || session.sync.idle)) setOwn(null);
  }, [value]);
  const put = (next) => {
    setOwn({ value: next });
    save(next);
  };
  return [own ? own.value : value, put];
}
