// What happens when a step fails: tries, then an action. Lives beside `config` in the file.
import { useSession } from "../core/store.js";
import { setField } from "../core/actions.js";
import { List } from "../frame/controls.jsx";
import { useWhyLocked } from "../frame/locked.js";
import { Problem, pathAt } from "./problem.jsx";
import { WIDGETS } from "./widgets.js";
import { useNames } from "./widgets_pick.jsx";
import { useValue } from "../core/store.js";

const ACTIONS = [
  ["", "the run fails"], ["goto", "go to"], ["fallback", "fall back to"], ["continue", "go on without it"],
  ["custom_response", "answer with a text"], ["escalate", "hand over to a person at"],
];
const WITH_NODE = new Set(["goto", "fallback", "escalate"]);

export function Failure({ node, editable }) {
  const session = useSession();
  const names = useNames().filter(({ value }) => value !== node.name);
  const retry = node.raw.retry ?? {};
  const rule = node.raw.on_error ?? {};
  const problem = useValue((s) => s.diagnostics.find((d) => d.node === node.name && (pathAt(d, ["retry"]) || pathAt(d, ["on_error"]))));
  const setAction = (action) => {
    if (!action) return setField(session, node.name, ["on_error"], undefined);
    const next = WITH_NODE.has(action) ? { action, node: rule.node ?? names[0]?.value } : { action };
    return setField(session, node.name, ["on_error"], next);
  };
  const setRetry = (key) => (value) => {
    if (value === undefined && Object.keys(retry).length <= 1) return setField(session, node.name, ["retry"], undefined);
    return setField(session, node.name, Object.keys(retry).length ? ["retry", key] : ["retry"], Object.keys(retry).length ? value : { [key]: value });
  };
  const why = useWhyLocked(!editable);
  const Number = WIDGETS.number;
  const Select = WIDGETS.select;
  return (
    <>
      <div className="hed-two">
        <div className="hed-f">
          <label htmlFor="f-attempts" title="Empty: as often as the workflow says for all its nodes.">Tries</label>
          <Number id="f-attempts" value={retry.max_attempts} field={{ min: 1, max: 20, integer: true, placeholder: "as elsewhere" }} save={setRetry("max_attempts")} readOnly={!editable} />
        </div>
        <div className="hed-f">
          <label htmlFor="f-backoff">Wait between tries</label>
          <Select id="f-backoff" value={retry.backoff} field={{ default: "exponential", options: ["fixed", "linear", "exponential"].map((value) => ({ value })) }} save={setRetry("backoff")} readOnly={!editable} why={retry.max_attempts ? null : "Say first how many tries there are."} />
        </div>
      </div>
      <div className="hed-f">
        <label htmlFor="f-action">If it still fails</label>
        <div className="hed-row">
          <List id="f-action" value={rule.action ?? ""} why={why} onChange={(event) => setAction(event.target.value)}>
            {ACTIONS.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
            {!ACTIONS.some(([value]) => value === (rule.action ?? "")) && <option value={rule.action}>{rule.action}</option>}
          </List>
          {WITH_NODE.has(rule.action) && (
            <List value={rule.node ?? ""} why={why} aria-label="Node to go to" onChange={(event) => setField(session, node.name, ["on_error", "node"], event.target.value)}>
              {names.map(({ value }) => <option key={value} value={value}>{value}</option>)}
            </List>
          )}
        </div>
        {rule.action === "custom_response" && (
          <WIDGETS.textarea id="f-response" value={rule.response} field={{ placeholder: "What the person reads then" }} save={(value) => setField(session, node.name, ["on_error", "response"], value)} readOnly={!editable} />
        )}
        {problem && <Problem problem={problem} />}
      </div>
    </>
  );
}
