// JSON as people read it: a tree that folds, or a table.
import { useState } from "react";
import { ChevronRight } from "lucide-react";
import { below, brief } from "./paths.js";
import { Pick, PickedValue } from "./pick.jsx";

const LONG = 240;

const isNested = (value) => value !== null && typeof value === "object";
const inside = (path, key, value) => (path === undefined ? undefined : below(path, Array.isArray(value) ? Number(key) : key));

// `path`: where expressions read the value, if its names may be put into fields.
export function Tree({ value, name, path, depth = 0 }) {
  const nested = isNested(value);
  const entries = nested ? Object.entries(value) : [];
  const [open, setOpen] = useState(depth < 2 && entries.length <= 30);
  const [all, setAll] = useState(false);
  const key = name !== undefined && <Pick path={path} label={name} />;
  if (!nested) {
    const long = typeof value === "string" && value.length > LONG && !all;
    return (
      <div className="leaf">
        {key} <PickedValue path={path}><Leaf value={long ? value.slice(0, LONG) : value} /></PickedValue>
        {long && <button className="hed-link" onClick={() => setAll(true)}>… {value.length - LONG} more</button>}
      </div>
    );
  }
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  if (!entries.length) return <div className="leaf">{key} <span className="mut">{size.replace("0", "")}</span></div>;
  const children = () => entries.map(([childName, child]) => <Tree key={childName} name={childName} value={child} path={inside(path, childName, value)} depth={depth + 1} />);
  if (name === undefined) return children();
  return (
    <div>
      <span className="branch">
        <button className="fold" aria-expanded={open} aria-label={`${open ? "Fold" : "Open"} ${name}`} onClick={() => setOpen(!open)}><ChevronRight size={11} /></button>
        {key} <span className="mut">{size}</span>
      </span>
      {open && <div className="below">{children()}</div>}
    </div>
  );
}

function Leaf({ value }) {
  if (typeof value === "string") return <span className="s">"{value}"</span>;
  return <span className="n">{String(value ?? null)}</span>;
}

const MOST_ROWS = 100;
const MOST_COLUMNS = 12;

// A list of objects is a table with a row each; everything else has its names in the first column.
export function Table({ value, path }) {
  if (!isNested(value)) return <Leaf value={value} />;
  const rows = Object.entries(value).slice(0, MOST_ROWS);
  const more = Object.keys(value).length - rows.length;
  const records = Array.isArray(value) && rows.length > 0 && rows.every(([, row]) => isNested(row) && !Array.isArray(row));
  const columns = records ? [...new Set(rows.flatMap(([, row]) => Object.keys(row)))].slice(0, MOST_COLUMNS) : null;
  return (
    <table className="hed-table">
      {records && (
        <thead><tr><th />{columns.map((name) => <th key={name}><Pick path={path === undefined ? undefined : below(`${path}[0]`, name)} label={name} /></th>)}</tr></thead>
      )}
      <tbody>
        {rows.map(([key, row]) => (
          <tr key={key}>
            <th scope="row"><Pick path={inside(path, key, value)} label={key} /></th>
            {records ? columns.map((name) => <Cell key={name} value={row[name]} path={path && below(inside(path, key, value), name)} />) : <Cell value={row} path={inside(path, key, value)} />}
          </tr>
        ))}
        {more > 0 && <tr><td colSpan={99} className="mut">… {more} more</td></tr>}
      </tbody>
    </table>
  );
}

function Cell({ value, path }) {
  if (value === undefined) return <td />;
  return <td title={brief(value, 2_000)}><PickedValue path={path}>{brief(value)}</PickedValue></td>;
}
