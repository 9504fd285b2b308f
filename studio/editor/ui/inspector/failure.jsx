// What happens when a step fails: tries, then an action. Lives beside `config` in the file.
import { useSession } from "../core/store.js";
import { setField } from "../core/actions.js";
import { List } from "../frame/controls.jsx";
import { useWhyLocked } from "../frame/locked.js";
import { FieldFrame } from "./field.jsx";
import { pathAt } from "./problem.jsx";
import { WIDGETS } from "./widgets.js";
import { useNames } from "./widgets_pick.jsx";
import { useValue } from "../core/store.js";

const ACTIONS = [
  ["", "the run fails"], ["goto", "go to"], ["fallback", "fall back to"], ["continue", "go on without it"],
  ["custom_response", "answer with a text"], ["escalate", "hand over to a person at"],
];
const TRIES = {
  key: "retry.max_attempts", title: "Tries", widget: "number", unit: "tries", min: 1, max: 20, integer: true, placeholder: "as usual",
  description: "How often the step is tried, the first time counted. Empty: as often as the workflow says for all its nodes.",
};
const BACKOFF = {
  key: "retry.backoff", title: "Wait between tries", widget: "select", default: "exponential", options: ["fixed", "linear", "exponential"].map((value) => ({ value })),
  description: "fixed: the same each time; linear: longer by the same each time; exponential: twice as long each time.",
};
const ACTION = {
  key: "on_error", title: "If it still fails",
  description: "After the last try: go on at another node, or without this step, answer with a fixed text, or hand over to a person. An edge that is taken when the node fails does the same, and is seen on the canvas.",
};
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
  return (
    <>
      <div className="hed-two">
        <FieldFrame id="f-attempts" field={TRIES} value={retry.max_attempts} save={setRetry("max_attempts")} editable={editable} />
        <FieldFrame id="f-backoff" field={BACKOFF} value={retry.backoff} save={setRetry("backoff")} editable={editable} why={retry.max_attempts ? null : "Say first how many tries there are."} />
      </div>
      <FieldFrame id="f-action" field={ACTION} value={node.raw.on_error} save={() => setAction("")} editable={editable} problem={problem}>
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
      </FieldFrame>
    </>
  );
}
