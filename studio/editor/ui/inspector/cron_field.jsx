// When a schedule fires: the usual times by lists, every other by its expression, which always stands below.
import { useState } from "react";
import { List } from "../frame/controls.jsx";
import { useReadOnly, useWhyLocked } from "../frame/locked.js";
import { usePending } from "./pending.js";
import { WIDGETS } from "./widgets.js";

const DAYS = [["mon", "Monday"], ["tue", "Tuesday"], ["wed", "Wednesday"], ["thu", "Thursday"], ["fri", "Friday"], ["sat", "Saturday"], ["sun", "Sunday"]];
const NUMBERED = ["sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTES = ["5", "10", "15", "20", "30"];

// Each kind of time: how its expression looks, and how it is made of {minute, hour, day, date, every}.
const KINDS = [
  { key: "minutes", title: "Every few minutes", is: /^\*\/(?<every>5|10|15|20|30) \* \* \* \*$/, make: ({ every }) => `*/${every} * * * *` },
  { key: "hours", title: "Every hour", is: /^(?<minute>\d+) \* \* \* \*$/, make: ({ minute }) => `${minute} * * * *` },
  { key: "daily", title: "Every day", is: /^(?<minute>\d+) (?<hour>\d+) \* \* \*$/, make: ({ minute, hour }) => `${minute} ${hour} * * *` },
  { key: "workdays", title: "Monday to Friday", is: /^(?<minute>\d+) (?<hour>\d+) \* \* (mon-fri|1-5)$/i, make: ({ minute, hour }) => `${minute} ${hour} * * mon-fri` },
  { key: "weekly", title: "Once a week", is: /^(?<minute>\d+) (?<hour>\d+) \* \* (?<day>sun|mon|tue|wed|thu|fri|sat|[0-7])$/i, make: ({ minute, hour, day }) => `${minute} ${hour} * * ${day}` },
  { key: "monthly", title: "Once a month", is: /^(?<minute>\d+) (?<hour>\d+) (?<date>\d+) \* \*$/, make: ({ minute, hour, date }) => `${minute} ${hour} ${date} * *` },
];
const USUAL = { minute: "0", hour: "8", day: "mon", date: "1", every: "15" };
const two = (number) => String(number).padStart(2, "0");

function read(cron) {
  const text = String(cron ?? "").trim().replace(/\s+/g, " ");
  for (const kind of KINDS) {
    const { groups } = kind.is.exec(text) ?? {};
    if (!groups) continue;
    const day = groups.day && (NUMBERED[groups.day] ?? groups.day.toLowerCase());
    return { kind, parts: { ...USUAL, ...Object.fromEntries(Object.entries({ ...groups, day }).filter(([, part]) => part !== undefined)) } };
  }
  return { kind: null, parts: USUAL };
}

export function CronInput(props) {
  const { id, readOnly } = props;
  const [value, save] = usePending(props.value, props.save);
  const [isOwn, setOwn] = useState(false);
  const why = useWhyLocked(readOnly);
  const { kind: found, parts } = read(value);
  const kind = isOwn ? null : found;
  const put = (change, next = kind) => save(next.make({ ...parts, ...change }));
  const choose = (key) => {
    const next = KINDS.find((one) => one.key === key);
    setOwn(!next);
    if (next) put({}, next);
  };
  return (
    <div className="hed-cron">
      <div className="hed-row">
        <List value={kind?.key ?? ""} why={why} aria-label="How often" onChange={(event) => choose(event.target.value)}>
          {KINDS.map(({ key, title }) => <option key={key} value={key}>{title}</option>)}
          <option value="">At other times</option>
        </List>
        {kind?.key === "minutes" && <Part label="Minutes between" value={parts.every} why={why} options={MINUTES.map((one) => [one, `every ${one} min`])} put={(every) => put({ every })} />}
        {kind?.key === "hours" && <Part label="Minute of the hour" value={parts.minute} why={why} options={numbers(0, 59).map((one) => [one, `at :${two(one)}`])} put={(minute) => put({ minute })} />}
        {kind?.key === "weekly" && <Part label="Day of the week" value={parts.day} why={why} options={DAYS} put={(day) => put({ day })} />}
        {kind?.key === "monthly" && <Part label="Day of the month" value={parts.date} why={why} options={numbers(1, 31).map((one) => [one, `${one}.`])} put={(date) => put({ date })} />}
        {kind && !["minutes", "hours"].includes(kind.key) && <Time parts={parts} readOnly={readOnly} put={put} />}
      </div>
      <WIDGETS.text {...props} id={id} value={value} save={save} field={{ ...props.field, reads: undefined }} />
    </div>
  );
}

const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

function Part({ label, value, options, why, put }) {
  return <List value={String(Number.isNaN(Number(value)) ? value : Number(value))} why={why} aria-label={label} onChange={(event) => put(event.target.value)}>{options.map(([key, title]) => <option key={key} value={key}>{title}</option>)}</List>;
}

function Time({ parts: { hour, minute }, readOnly, put }) {
  const change = ({ target }) => {
    const [h, m] = target.value.split(":").map(Number);
    if (target.value) put({ hour: String(h), minute: String(m) });
  };
  return <input type="time" className="hed-in hed-time" value={`${two(hour)}:${two(minute)}`} aria-label="Time of day" onChange={change} {...useReadOnly(readOnly)} />;
}
