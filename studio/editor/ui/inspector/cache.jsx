// Whether a step may be answered by an earlier one: `cache`, beside `config` in the file.
import { useSession } from "../core/store.js";
import { setField } from "../core/actions.js";
import { FieldFrame } from "./field.jsx";

const USUAL_S = 300;
const KEPT = {
  key: "cache.ttl_seconds", title: "Keep the answer for", widget: "number", unit: "s", min: 1, max: 604_800, placeholder: "run each time",
  description: "An answer is given again for so long, to steps that are asked the same. Empty: the step runs each time.",
};
const SAME = {
  key: "cache.key", title: "For the same", widget: "text", reads: "template", placeholder: "input",
  description: "A template: steps for which it gives the same text get one answer. Empty: those that are asked the same.",
};

export function Cache({ node, editable }) {
  const session = useSession();
  const cache = node.raw.cache ?? {};
  const set = (key) => (value) => {
    const next = { ...cache, [key]: value };
    if (value === undefined) delete next[key];
    if (key === "ttl_seconds" && value === undefined) return setField(session, node.name, ["cache"], undefined);
    if (!node.raw.cache) return setField(session, node.name, ["cache"], { ttl_seconds: USUAL_S, ...next });
    return setField(session, node.name, ["cache", key], value);
  };
  return (
    <div className="hed-two">
      <FieldFrame id="f-cache-ttl" field={KEPT} value={cache.ttl_seconds ?? (node.raw.cache ? USUAL_S : undefined)} save={set("ttl_seconds")} editable={editable} />
      <FieldFrame id="f-cache-key" field={SAME} value={cache.key} save={set("key")} editable={editable} />
    </div>
  );
}
