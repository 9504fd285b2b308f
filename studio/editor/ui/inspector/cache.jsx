// Whether a step may be answered by an earlier one: `cache`, beside `config` in the file.
import { useSession } from "../core/store.js";
import { setField } from "../core/actions.js";
import { WIDGETS } from "./widgets.js";

const USUAL_S = 300;

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
      <div className="hed-f">
        <label htmlFor="f-cache-ttl" title="An answer is given again for so long, to steps that are asked the same.">
          Keep the answer for <span className="side">s</span>
        </label>
        <WIDGETS.number id="f-cache-ttl" value={cache.ttl_seconds ?? (node.raw.cache ? USUAL_S : undefined)} save={set("ttl_seconds")}
          field={{ min: 1, max: 604800, placeholder: "run each time" }} readOnly={!editable} />
      </div>
      <div className="hed-f">
        <label htmlFor="f-cache-key" title="A template: steps with one key get one answer. Empty: those that are asked the same.">For the same</label>
        <WIDGETS.text id="f-cache-key" value={cache.key} save={set("key")} field={{ title: "For the same", placeholder: "input", reads: "template" }} readOnly={!editable} />
      </div>
    </div>
  );
}
