// Where in a YAML file a place stands, found by indentation and brackets alone: text that is being written is no YAML yet.
//
// {at, path, maps, keys, from, word, quote}: `at` is "key", "value" or "text" (inside a text of several lines); `path` are
// the keys and numbers that lead there, of a value its own key included; `maps[i]` are the entries {key: value} of the
// mapping in which `path[i]` stands; `keys` are those of the mapping around a key; `word` is what is written from `from`
// up to the place.
const KEY = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s#"'[\]{},&*!|>%@`-][^#]*?|[^\s#"'[\]{},&*!|>%@`][^#\s:]*?))\s*:(?=\s|$)/;
const BLOCK = /^(?:&\S+\s+)?[|>][+-]?\d?[+-]?\s*(?:#.*)?$/;
const FAR = 400; // lines that a mapping or a bracket is followed

export function where(doc, pos) {
  const here = doc.lineAt(pos);
  const before = here.text.slice(0, pos - here.from);
  const ways = ancestors(doc, here, before);
  const text = inText(doc, ways, here, pos);
  if (text) return text;
  return inFlow(doc, ways, pos) ?? inBlock(doc, ways, here, before, pos);
}

// The parts of a line: {column, dash} or {column, key, value, valueAt}, from left to right, and the rest.
function partsOf(text) {
  const parts = [];
  let at = text.length - text.trimStart().length;
  while (/^-(\s|$)/.test(text.slice(at))) {
    parts.push({ column: at, dash: true });
    at += 1 + /^\s*/.exec(text.slice(at + 1))[0].length;
  }
  const found = KEY.exec(text.slice(at));
  if (found) {
    const valueAt = at + found[0].length;
    parts.push({ column: at, key: (found[1] ?? found[2] ?? found[3]).trim(), value: bare(text.slice(valueAt)), valueAt });
  }
  return { parts, rest: at };
}

const isEmpty = (text) => /^\s*(#|$)/.test(text);
const bare = (text) => text.trim().replace(/\s+#.*$/, "").replace(/^(["'])(.*)\1$/, "$2");

// What the place stands in, the outermost first: parts with the number of their line; a dash with its `index`. `column` is
// where the line's own text begins.
function ancestors(doc, here, before) {
  const { parts, rest } = partsOf(before);
  const found = parts.map((part) => ({ ...part, line: here.number }));
  let column = found[0]?.column ?? (before.trim() ? rest : before.length);
  let isDash = Boolean(found[0]?.dash);
  for (let n = here.number - 1; n > 0 && (column > 0 || isDash); n -= 1) {
    const { text } = doc.line(n);
    if (isEmpty(text)) continue;
    for (const part of partsOf(text).parts.reverse()) {
      const opens = part.key !== undefined && part.value === "";
      if (part.column < column || (isDash && opens && part.column === column)) {
        found.unshift({ ...part, line: n });
        ({ column } = part);
        isDash = Boolean(part.dash);
      }
    }
  }
  for (const part of found) if (part.dash) part.index = itemsAbove(doc, part);
  return found;
}

function itemsAbove(doc, { line, column }) {
  let count = 0;
  for (let n = line - 1; n > 0; n -= 1) {
    const { text } = doc.line(n);
    if (isEmpty(text)) continue;
    const indent = text.length - text.trimStart().length;
    if (indent < column || (indent === column && !/^-(\s|$)/.test(text.trimStart()))) break;
    if (indent === column) count += 1;
  }
  return count;
}

// Entries of the block mapping that has a key at this line and column.
function entriesAt(doc, line, column) {
  const entries = Object.create(null);
  const take = (n) => {
    const { text } = doc.line(n);
    if (isEmpty(text)) return true;
    const { parts } = partsOf(text);
    const part = parts.find((one) => one.column === column && one.key !== undefined);
    if (part) entries[part.key] = part.value;
    return text.length - text.trimStart().length >= column;
  };
  for (let n = line; n <= Math.min(doc.lines, line + FAR) && take(n); n += 1);
  for (let n = line; n >= Math.max(1, line - FAR); n -= 1) {
    if (!take(n) || (n < line && starts(doc, n, column))) break;
  }
  return entries;
}

// Does the mapping at this column begin on this line, behind a dash?
const starts = (doc, n, column) => partsOf(doc.line(n).text).parts.some((part) => part.dash && part.column < column);

function pathOf(doc, ways) {
  const [path, maps] = [[], []];
  for (const way of ways) {
    path.push(way.dash ? way.index : way.key);
    maps.push(way.dash ? null : entriesAt(doc, way.line, way.column));
  }
  return { path, maps };
}

// Inside a text of several lines, `|` or `>`.
function inText(doc, ways, here, pos) {
  const depth = ways.findIndex((way) => way.key !== undefined && way.line < here.number && BLOCK.test(way.value));
  if (depth < 0) return null;
  const from = doc.line(ways[depth].line).to;
  return { at: "text", ...pathOf(doc, ways.slice(0, depth + 1)), keys: [], from, word: doc.sliceString(Math.max(from, pos - 200), pos), quote: "" };
}

function inBlock(doc, ways, here, before, pos) {
  const own = ways.at(-1);
  if (own?.key !== undefined && own.line === here.number) {
    const raw = before.slice(own.valueAt);
    return { at: "value", ...pathOf(doc, ways), keys: [], ...wordOf(raw, pos) };
  }
  const word = /[^\s]*$/.exec(before)[0];
  const column = before.length - word.length;
  const { path, maps } = pathOf(doc, ways);
  const isItem = own?.dash && own.line === here.number;
  const entries = entriesAt(doc, here.number, column);
  return { at: isItem ? "item" : "key", path, maps: [...maps, entries], keys: Object.keys(entries), ...wordOf(word, pos) };
}

function wordOf(raw, pos) {
  const [, quote, word] = /^\s*(["']?)(.*)$/.exec(raw);
  return { word, quote, from: pos - word.length };
}

// Inside { } or [ ], which may have begun some lines above.
function inFlow(doc, ways, pos) {
  for (let i = ways.length; i > 0; i -= 1) {
    const way = ways[i - 1];
    const start = way.dash ? doc.line(way.line).from + way.column + 1 : doc.line(way.line).from + way.valueAt;
    const text = doc.sliceString(start, pos);
    if (!/^\s*[[{]/.test(text)) continue;
    const frames = scan(text);
    if (!frames) return null;
    const outer = pathOf(doc, ways.slice(0, i));
    return flowPlace(outer, frames, doc.sliceString(pos, doc.line(Math.min(doc.lines, doc.lineAt(pos).number + 20)).to), pos);
  }
  return null;
}

// The open brackets at the end of the text, or null where all are closed: {map, entries, key, index, since, quote}.
function scan(text) {
  const frames = [];
  let [quote, since] = ["", 0];
  const close = (i) => {
    const top = frames.at(-1);
    if (!top) return;
    const value = text.slice(since, i).trim();
    if (top.map && top.key !== null) top.entries[top.key] ??= bare(value);
    else if (top.map && value) top.entries[bare(value)] ??= "";
  };
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (quote) {
      if (c === "\\" && quote === '"') i += 1;
      else if (c === quote) quote = "";
    } else if ((c === '"' || c === "'") && !text.slice(since, i).trim()) quote = c;
    else if (c === "{" || c === "[") {
      frames.push({ map: c === "{", entries: Object.create(null), key: null, index: 0 });
      since = i + 1;
    } else if (c === "}" || c === "]") {
      close(i);
      frames.pop();
      if (!frames.length) return null;
      since = i + 1;
    } else if (c === ",") {
      close(i);
      frames.at(-1).index += 1;
      frames.at(-1).key = null;
      since = i + 1;
    } else if (c === ":" && /[\s"']|$/.test(text[i + 1] ?? "") && frames.at(-1)?.map && frames.at(-1).key === null) {
      frames.at(-1).key = bare(text.slice(since, i));
      since = i + 1;
    }
  }
  return frames.length ? Object.assign(frames, { word: text.slice(since) }) : null;
}

function flowPlace(outer, frames, after, pos) {
  const [path, maps] = [[...outer.path], [...outer.maps]];
  const last = frames.at(-1);
  if (last.map) Object.assign(last.entries, { ...later(after), ...last.entries });
  for (const frame of frames.slice(0, -1)) {
    path.push(frame.map ? frame.key : frame.index);
    maps.push(frame.map ? frame.entries : null);
  }
  const word = wordOf(frames.word, pos);
  if (last.map && last.key === null) return { at: "key", path, maps: [...maps, last.entries], keys: Object.keys(last.entries), ...word };
  path.push(last.map ? last.key : last.index);
  maps.push(last.map ? last.entries : null);
  return { at: "value", path, maps, keys: [], ...word };
}

// Entries of the same mapping behind the place.
function later(after) {
  const frames = scan(`{_: ${after.replace(/[}\]][\s\S]*$/, "")},`);
  const { _, ...entries } = frames?.[0]?.entries ?? {};
  return entries;
}
