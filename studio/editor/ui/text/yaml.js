// The colours and the indentation of YAML, read line by line and only as far as the text is seen. A whole parser (Lezer's) takes
// a tenth of a second for a long file, while the page is just being opened; what the text means is the server's to say.
import { StreamLanguage } from "@codemirror/language";

// `block`, `quoted`, `flow`: {at, ...} while the cursor is in a block scalar, a quoted text, brackets; `at` is the column of
// what they belong to. `at`: the column of the last key or dash of this line, null where there is none yet.
const startState = () => ({ at: null, opens: false, block: null, quoted: null, flow: null });

function token(stream, state) {
  if (stream.sol()) {
    if (/^\s*$/.test(stream.string)) return rest(stream);
    beginLine(stream, state);
    if (state.block) return rest(stream);
  }
  if (state.quoted) return quoted(stream, state);
  if (stream.eatSpace()) return null;
  return mark(stream, state) ?? plain(stream, state);
}

function rest(stream) {
  stream.skipToEnd();
  return null;
}

// What is still open ends where a line stands no deeper than what it belongs to, closed or not.
function beginLine(stream, state) {
  const indent = stream.indentation();
  const ends = (open) => open && indent <= open.at;
  state.block = ends(state.block) ? null : state.block && { ...state.block, indent: state.block.indent ?? indent };
  if (ends(state.quoted)) state.quoted = null;
  if (ends(state.flow) && !/^\s*[\]}]/.test(stream.string)) state.flow = null;
  if (!state.block && !state.quoted && !state.flow) state.at = null;
  state.opens = false;
}

const MARKS = [
  [/^#.*/, () => "comment"],
  [/^[-?](?=\s|$)/, (stream, state) => here(stream, state)],
  [/^[[{]/, (stream, state) => open(stream, state)],
  [/^[\]}]/, (_stream, state) => close(state)],
  [/^[&*][^\s,[\]{}]+/, () => "labelName"],
  [/^![^\s,[\]{}]*/, () => "typeName"],
  [/^[|>][-+0-9]*(?=\s*(?:#|$))/, (_stream, state) => opensBlock(state)],
  [/^(?:,|:(?=[\s,[\]{}]|$))/, (_stream, state) => opensValue(state)],
  [/^["']/, (stream, state) => quoted(stream, state, stream.current())],
];

// What a sign says, or undefined where a plain text begins. "" is a sign without a colour.
function mark(stream, state) {
  const found = MARKS.find(([sign]) => stream.match(sign));
  return found && (found[1](stream, state) ?? "");
}

// A key or a dash stands here.
function here(stream, state) {
  state.opens = false;
  if (!state.flow) state.at = stream.column();
}

function open(stream, state) {
  state.opens = false;
  if (state.flow) state.flow = { ...state.flow, depth: state.flow.depth + 1 };
  else state.flow = { at: state.at ?? -1, indent: stream.indentation(), depth: 1 };
}

function close(state) {
  if (state.flow) state.flow = state.flow.depth > 1 ? { ...state.flow, depth: state.flow.depth - 1 } : null;
}

function opensBlock(state) {
  if (state.flow) return undefined;
  state.opens = false;
  state.block = { at: state.at ?? -1, indent: null };
  return "string.special";
}

function opensValue(state) {
  state.opens = !state.flow;
}

const ENDS = { '"': /^(?:[^"\\]|\\.)*"/, "'": /^(?:[^']|'')*'(?!')/ };
const KEY_FOLLOWS = /^\s*:(?=[\s,[\]{}]|$)/;

// `sign` where it begins here, else what went on from the line before.
function quoted(stream, state, sign = state.quoted.sign) {
  const begins = !state.quoted;
  if (!stream.match(ENDS[sign])) {
    state.quoted ??= { sign, at: state.at ?? -1 };
    stream.skipToEnd();
    return "string";
  }
  state.quoted = null;
  const isKey = begins && stream.match(KEY_FOLLOWS, false);
  if (isKey) here(stream, state);
  else state.opens = false;
  return isKey ? "propertyName" : "string";
}

const PLAIN = /^(?:[^\s:#]|:(?![\s]|$)|\s+(?![\s#])|#)+/;
const PLAIN_IN_FLOW = /^(?:[^\s:#,[\]{}]|:(?![\s,[\]{}]|$)|\s+(?![\s#,[\]{}])|#)+/;

function plain(stream, state) {
  if (!stream.match(state.flow ? PLAIN_IN_FLOW : PLAIN)) stream.next();
  if (stream.match(KEY_FOLLOWS, false)) {
    here(stream, state);
    return "propertyName";
  }
  state.opens = false;
  return null;
}

// Columns of a new line behind what was read so far, or null: as deep as the line before.
function indent(state, textAfter, context) {
  const before = context.lineAt(context.pos, -1).text;
  if (state.block) return /\S/.test(before) && state.block.indent !== null ? /^ */.exec(before)[0].length : state.block.indent ?? state.block.at + context.unit;
  if (state.quoted || !/\S/.test(before)) return null;
  if (state.flow) return state.flow.indent + (/^[\]}]/.test(textAfter) ? 0 : context.unit);
  if (state.at === null) return null;
  return state.at + (state.opens ? context.unit : 0);
}

export const yaml = StreamLanguage.define({
  name: "yaml", startState, token, indent,
  languageData: { commentTokens: { line: "#" }, indentOnInput: /^\s*[\]}]$/ },
});
