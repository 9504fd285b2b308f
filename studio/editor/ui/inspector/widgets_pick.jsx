// Widgets in which one chooses: from fixed options, models, tools, workflows, nodes, credentials.
import { useState } from "react";
import { X } from "lucide-react";
import { useValue } from "../core/store.js";
import { Button, List, Tick } from "../frame/controls.jsx";
import { opensByArrow } from "../frame/focus.js";
import { useReadOnly, useWhyLocked } from "../frame/locked.js";
import { useDraft } from "./draft.js";
import { useReading } from "./scope.js";
import { asText, Fault, placeholder } from "./widgets_text.jsx";

// `why`: a reason of this field's own not to be changed now.
export function Select({ id, value, field, save, readOnly, options, label, why = null }) {
  const locked = useWhyLocked(readOnly);
  const choices = options ?? field.options ?? [];
  const known = choices.some((choice) => choice.value === (value ?? ""));
  return (
    <List id={id} value={value ?? ""} why={locked ?? why} aria-label={label} onChange={(event) => save(event.target.value === "" ? undefined : event.target.value)}>
      {(!field.required || value == null) && <option value="">{field.default ? `${field.default} (default)` : field.required ? "Choose…" : "not set"}</option>}
      {choices.filter((choice) => choice.value !== "").map((choice) => <option key={choice.value} value={choice.value}>{choice.label ?? choice.value}</option>)}
      {!known && value != null && <option value={value}>{String(value)} (unknown)</option>}
    </List>
  );
}

export function Switch({ id, value, field, save, readOnly }) {
  const on = value ?? field.default ?? false;
  return (
    <Button id={id} role="switch" aria-checked={Boolean(on)} aria-label={field.title} className="hed-switch" why={useWhyLocked(readOnly)} onClick={() => save(!on)}>
      <i /> <span>{on ? "on" : "off"}</span>
    </Button>
  );
}

// A known value from a list, or any text: model ids, for one.
function Combo({ id, value, field, save, readOnly, options }) {
  const draft = useDraft(asText(value), (text) => void save(text === "" ? undefined : text));
  return (
    <>
      <input id={id} className="hed-in" list={`${id}-list`} {...draft.bind} placeholder={placeholder(field)} {...useReadOnly(readOnly)} spellCheck={false} />
      <datalist id={`${id}-list`}>{options.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}</datalist>
      <Fault>{draft.error}</Fault>
    </>
  );
}

export const ComboInput = (props) => <Combo {...props} options={props.field.options ?? []} />;

const money = (usd) => (usd == null ? "" : ` · about $${usd} a call`);

// The router, a tier with its model and price, or a model by its own name; and what the router would choose now.
export function ModelInput(props) {
  const models = useValue((s) => s.view.models);
  const { route } = useReading();
  const why = useWhyLocked(props.readOnly);
  const named = props.value != null && !models.some((one) => one.value === props.value);
  const [byName, setByName] = useState(named);
  if (byName || named) {
    return (
      <div className="hed-row">
        <Combo {...props} options={models} />
        {!props.readOnly && <button className="hed-btn small tall" onClick={() => { setByName(false); props.save("auto"); }}>Let the router choose</button>}
      </div>
    );
  }
  const chosen = models.find((one) => one.value === (props.value ?? "auto"));
  return (
    <>
      <List id={props.id} value={props.value ?? "auto"} why={why}
        onChange={(event) => (event.target.value === "" ? setByName(true) : props.save(event.target.value))}>
        {models.map((one) => <option key={one.value} value={one.value}>{one.value === "auto" ? "auto" : `Tier ${one.value.slice(5)}`} · {one.label}{money(one.usual_usd)}</option>)}
        <option value="">a model by its name…</option>
      </List>
      {chosen?.model && <p className="hed-help">Answered by {chosen.model}.</p>}
      {chosen?.value === "auto" && route && (
        <p className="hed-note" data-testid="route"><b>{route.tier} would answer</b> · {route.reason}{money(route.usual_usd)}</p>
      )}
    </>
  );
}

export function useNames() {
  const graph = useValue((s) => s.graph);
  return graph.nodes.map(({ name }) => ({ value: name }));
}

export const NodeInput = (props) => <Select {...props} options={useNames()} />;

export function ToolInput(props) {
  const tools = useValue((s) => s.view.tools);
  const chosen = tools.find((tool) => tool.name === props.value);
  const groups = [...new Set(tools.map((tool) => tool.connector))];
  return (
    <>
      <List id={props.id} value={props.value ?? ""} why={useWhyLocked(props.readOnly)} onChange={(event) => props.save(event.target.value || undefined)}>
        {!chosen && <option value={props.value ?? ""}>{props.value ? `${props.value} (unknown)` : "Choose…"}</option>}
        {groups.map((group) => <optgroup key={group} label={group}>{tools.filter((tool) => tool.connector === group).map((tool) => <option key={tool.name} value={tool.name}>{tool.title ?? tool.name}</option>)}</optgroup>)}
      </List>
      {chosen && <p className="hed-help"><code>{chosen.name}</code> {chosen.description}</p>}
    </>
  );
}

const nameOf = (item) => (typeof item === "string" ? item : item?.name ?? item?.tool_name ?? JSON.stringify(item));

// A tool's entry with or without approval; one that has no other settings is written as its name alone.
function withApproval(item, approval) {
  const { approval: _, ...rest } = typeof item === "string" ? { tool_name: item } : item;
  if (approval) return { ...rest, approval: true };
  return Object.keys(rest).length === 1 ? rest.tool_name : rest;
}

// Several tools by name; what is written out as an object keeps its settings.
export function ToolsInput({ id, value, field, save, readOnly }) {
  const tools = useValue((s) => s.view.tools);
  const why = useWhyLocked(readOnly);
  const items = Array.isArray(value) ? value : [];
  const used = new Set(items.map(nameOf));
  const put = (next) => save(next.length || field.required ? next : undefined);
  return (
    <div className="hed-tools-list">
      {items.map((item, i) => {
        const tool = tools.find((one) => one.name === nameOf(item));
        return (
          <div key={`${nameOf(item)}-${i}`} className="hed-chosen">
            <span>
              <b>{tool?.title ?? nameOf(item)}</b><small>{tool?.description ?? "There is no such tool."}</small>
              <label className="tick" title="A person has to approve each call, with exactly its arguments">
                <Tick checked={item?.approval === true} why={why} aria-label={`Approval for ${nameOf(item)}`}
                  onChange={(event) => put(items.map((one, n) => (n === i ? withApproval(one, event.target.checked) : one)))} />
                Ask a person first
              </label>
            </span>
            {!readOnly && <button className="hed-icon" aria-label={`Remove ${nameOf(item)}`} title="Remove" onClick={() => put(items.filter((_, n) => n !== i))}><X size={12} /></button>}
          </div>
        );
      })}
      {!readOnly && (
        <select id={id} className="hed-in" value="" aria-label={`Add to ${field.title}`} onKeyDown={opensByArrow} onChange={(event) => event.target.value && put([...items, event.target.value])}>
          <option value="">Add a tool…</option>
          {tools.filter((tool) => !used.has(tool.name)).map((tool) => <option key={tool.name} value={tool.name}>{tool.title ?? tool.name} · {tool.connector}</option>)}
        </select>
      )}
    </div>
  );
}

export function WorkflowInput(props) {
  const workflows = useValue((s) => s.view.workflows);
  const known = workflows.includes(props.value);
  return (
    <>
      <Select {...props} options={workflows.map((name) => ({ value: name }))} />
      {known && <p className="hed-help"><a className="hed-link" href={`/app/workflows/${props.value}`}>Open {props.value}</a></p>}
    </>
  );
}

// By name; values stay in the vault. `field.of`: the kind that fits.
export function CredentialInput(props) {
  const all = useValue((s) => s.view.credentials);
  const fitting = props.field.of ? all.filter((one) => one.kind === props.field.of) : all.filter((one) => !one.kind.startsWith("model:"));
  return (
    <>
      <Select {...props} options={fitting.map((one) => ({ value: one.name, label: `${one.name} · ${one.kind}` }))} />
      {!fitting.length && <p className="hed-help">No credential{props.field.of ? ` of the kind ${props.field.of}` : ""} is kept for this tenant yet.</p>}
    </>
  );
}
