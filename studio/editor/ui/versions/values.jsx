// A value of the file as people read it, and two of them with what differs marked.
import { useMemo } from "react";
import { presentableDiff } from "@codemirror/merge";

const LONGEST = 4_000; // characters of one value that are shown
const BOUNDS = { scanLimit: 2_000, timeout: 200 };

export function asText(value) {
  if (value === undefined) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value, null, value !== null && typeof value === "object" ? 2 : 0);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

// One line each for what is short; a long text once, with what went and what came marked in it.
export function Values({ before, after }) {
  const [old, now] = [asText(before), asText(after)];
  const long = (text) => text.includes("\n") || text.length > 60;
  if (before !== undefined && after !== undefined && (long(old) || long(now))) return <Marked old={old} now={now} />;
  return (
    <div className="hed-values">
      {before !== undefined && <pre className="was"><b aria-label="before">−</b>{old || '""'}</pre>}
      {after !== undefined && <pre className="is"><b aria-label="after">+</b>{now || '""'}</pre>}
    </div>
  );
}

function Marked({ old, now }) {
  const pieces = useMemo(() => piecesOf(old, now), [old, now]);
  return <pre className="hed-values text">{pieces.map(([kind, text], i) => (kind === "del" ? <del key={i}>{text}</del> : kind === "ins" ? <ins key={i}>{text}</ins> : <span key={i}>{kind === "far" ? "\n⋯\n" : text}</span>))}</pre>;
}

const AROUND = 160; // characters of what did not change, beside what did

function piecesOf(old, now) {
  const pieces = [];
  let at = 0;
  const same = (to, last) => {
    const text = now.slice(at, to);
    const [head, tail] = [pieces.length ? text.slice(0, AROUND) : "", last ? "" : text.slice(-AROUND)];
    if (text.length <= head.length + tail.length + 40) pieces.push(["same", text]);
    else pieces.push(["same", head], ["far"], ["same", tail]);
  };
  for (const { fromA, toA, fromB, toB } of presentableDiff(old, now, BOUNDS)) {
    same(fromB, false);
    if (toA > fromA) pieces.push(["del", old.slice(fromA, toA)]);
    if (toB > fromB) pieces.push(["ins", now.slice(fromB, toB)]);
    at = toB;
  }
  same(now.length, true);
  return pieces;
}
