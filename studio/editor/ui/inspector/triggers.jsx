// What starts a run: a card for each trigger, opened to the form of its kind.
import { useState } from "react";
import { ChevronRight, Clock, FileText, Globe, MessageSquare, Play, Trash2, Webhook, Zap } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { addTo, itemsOf, removeFrom, setIn } from "../core/top.js";
import { opensByArrow } from "../frame/focus.js";
import { CronInput } from "./cron_field.jsx";
import { FieldFrame } from "./field.jsx";
import { Problem, valueAt } from "./problem.jsx";
import { ComboInput } from "./widgets_pick.jsx";

const ICONS = { chat: MessageSquare, webhook: Webhook, schedule: Clock, api: Globe, form: FileText, event: Zap };
const LISTENS = { key: "triggers", title: "Triggers", description: "What starts a run: a chat, a webhook, a schedule, a form, an event. A published version answers at their addresses; the draft is run by hand." };
const NAME = { key: "name", title: "Name", widget: "text", description: "Tells it from others; a schedule is known by it from version to version." };
const ENABLED = { key: "enabled", title: "Switched on", widget: "switch", default: true, description: "One that is off stays in the file and starts nothing." };
const ADDRESSES = { chat: "/c", webhook: "/hooks", form: "/f" };
const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const ZONES = (Intl.supportedValuesOf?.("timeZone") ?? []).concat("UTC").map((value) => ({ value }));

export function Triggers({ editable }) {
  const graph = useValue((s) => s.graph);
  const [open, setOpen] = useState(null); // the key of the one whose form is shown
  const items = itemsOf(graph, "triggers");
  return (
    <FieldFrame field={LISTENS} editable={false}>
      {items.map((item) => <Trigger key={item.key} item={item} isOpen={open === item.key} toggle={() => setOpen(open === item.key ? null : item.key)} editable={editable} />)}
      {!items.length && <p className="hed-help">None: the workflow is started by hand, by the API, or by another workflow.</p>}
      {editable && <AddTrigger then={setOpen} />}
    </FieldFrame>
  );
}

function Trigger({ item, isOpen, toggle, editable }) {
  const Icon = ICONS[item.type] ?? Play;
  const worst = useValue((s) => s.diagnostics.find((d) => isAbout(d, item, [])));
  return (
    <div className={`hed-item ${isOpen ? "open" : ""}`} data-testid={`trigger-${item.key}`}>
      <button className={`hed-trigger ${worst?.severity ?? ""}`} aria-expanded={isOpen} onClick={toggle} title={worst?.message}>
        <Icon size={14} /><span>{item.name ?? item.type}</span><code>{item.detail}</code><ChevronRight size={13} />
        {item.next?.length > 0 && <small data-testid="next-fires">next {item.next.join(" · ")}, {item.clock}</small>}
      </button>
      {isOpen && <TriggerForm item={item} editable={editable} />}
    </div>
  );
}

const isAbout = (diagnostic, { index }, path) => ["triggers", index, ...path].every((key, i) => diagnostic.path?.[i] === key);

function TriggerForm({ item, editable }) {
  const session = useSession();
  const spec = useValue((s) => s.view.triggers[item.type]);
  const diagnostics = useValue((s) => s.diagnostics);
  const fields = [[NAME, ["name"]], ...(spec?.fields ?? []).map((field) => [field, ["config", ...field.key.split(".")]]), [ENABLED, ["enabled"]]];
  const own = diagnostics.filter((d) => isAbout(d, item, []) && !fields.some(([, path]) => isAbout(d, item, path)));
  return (
    <div className="hed-item-form" role="group" aria-label={`Settings of ${item.name ?? item.type}`}>
      <p className="hed-help">{spec?.title}. {spec?.summary}</p>
      {own.map((problem, i) => <Problem key={i} problem={problem} />)}
      {fields.map(([field, path]) => (
        <TriggerField key={field.key} item={item} field={field} path={path} editable={editable} problem={diagnostics.find((d) => isAbout(d, item, path))} />
      ))}
      <div className="hed-row">
        <button className="hed-btn small" onClick={() => session.showProblem({ line: item.lines?.[0] })}>Show in the YAML</button>
        {editable && <button className="hed-btn small danger" aria-label="Remove trigger" onClick={() => removeFrom(session, "triggers", item.key)}><Trash2 size={12} /> Remove</button>}
      </div>
    </div>
  );
}

function TriggerField({ item, field, path, editable, problem }) {
  const session = useSession();
  const id = idOf(item.key, field.key);
  const value = valueAt(item.raw, path.join("."));
  const save = (next) => setIn(session, "triggers", item.key, path, field.key === "enabled" && next ? undefined : next);
  const Own = OWN[field.widget];
  const address = field.key === "path" && ADDRESSES[item.type];
  const note = address && { shown: <p className="hed-help">Answers at <code>{address}/…/{value || session.state.view.name}</code> once it is published.</p> };
  return (
    <FieldFrame id={id} field={field} value={value} save={save} editable={editable} problem={problem} note={note} testid={id}>
      {Own && <Own id={id} value={value} field={field} save={save} readOnly={!editable} />}
    </FieldFrame>
  );
}

const OWN = { cron: CronInput, timezone: (props) => <ComboInput {...props} field={{ ...props.field, options: ZONES }} /> };
const idOf = (key, field) => `trigger-${key.replace("#", "-")}-${field}`;

function AddTrigger({ then }) {
  const session = useSession();
  const specs = useValue((s) => s.view.triggers);
  const add = (type) => {
    addTo(session, "triggers", { name: type, type, ...configOf(session.state, type, specs[type]) }, (key) => {
      then(key);
      const first = specs[type].fields[0]?.key ?? "name";
      setTimeout(() => document.getElementById(idOf(key, first))?.focus());
    });
  };
  return (
    <select className="hed-in" value="" aria-label="Add a trigger" onKeyDown={opensByArrow} onChange={(event) => event.target.value && add(event.target.value)}>
      <option value="">Add a trigger…</option>
      {Object.entries(specs).filter(([, spec]) => spec.offered).map(([type, { title, summary }]) => <option key={type} value={type}>{title}: {summary}</option>)}
    </select>
  );
}

// A form shows the workflow's own inputs where it has some.
function configOf({ graph, view }, type, { fields, initial }) {
  const has = (key) => fields.some((field) => field.key === key);
  const { fields: asked, ...rest } = initial;
  const config = {
    ...(has("path") && { path: view.name }), ...rest, ...(asked && !graph.top.inputs && { fields: asked }),
    ...(has("timezone") && { timezone: ownZone() }),
  };
  return Object.keys(config).length ? { config } : {};
}
