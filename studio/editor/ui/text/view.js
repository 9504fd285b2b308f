// The YAML text in CodeMirror. Its history is the editor's one history: text and node positions undo together.
import { Annotation, ChangeSet, EditorState, StateEffect, StateField, Transaction } from "@codemirror/state";
import {
  Decoration, EditorView, MatchDecorator, ViewPlugin, drawSelection, highlightActiveLineGutter, keymap, lineNumbers,
} from "@codemirror/view";
import { defaultKeymap, history, indentWithTab, invertedEffects, isolateHistory } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { tags } from "@lezer/highlight";

// Marks a change that the server already has.
export const fromServer = Annotation.define();
// {before, after}: {name: [x, y] | null}; null = the node has no place.
export const moveNodes = StateEffect.define();
const showNode = StateEffect.define();

export const layoutField = StateField.define({
  create: () => ({}),
  update: (value, tr) => tr.effects.reduce((all, effect) => (effect.is(moveNodes) ? withPlaces(all, effect.value.after) : all), value),
});

export function withPlaces(layout, places) {
  const next = { ...layout };
  for (const [name, at] of Object.entries(places)) {
    if (at) next[name] = at;
    else delete next[name];
  }
  return next;
}

const undoMoves = invertedEffects.of((tr) =>
  tr.effects
    .filter((effect) => effect.is(moveNodes))
    .map(({ value }) => moveNodes.of({ before: value.after, after: value.before })),
);

const shownLines = StateField.define({
  create: () => Decoration.none,
  update(lines, tr) {
    let next = lines.map(tr.changes);
    for (const effect of tr.effects) if (effect.is(showNode)) next = marks(tr.state.doc, effect.value);
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const lineMark = Decoration.line({ class: "cm-of-node" });

function marks(doc, range) {
  if (!range) return Decoration.none;
  const [first, last] = [Math.max(1, range[0]), Math.min(doc.lines, range[1])];
  const found = [];
  for (let n = first; n <= last; n += 1) found.push(lineMark.range(doc.line(n).from));
  return Decoration.set(found);
}

// Files keep their line ends. The document holds "\r" as a character, and every touched line keeps exactly one at its end.
function keepLineEnds(crlf) {
  if (!crlf) return [];
  return EditorState.transactionFilter.of((tr) => {
    if (!tr.docChanged || tr.annotation(fromServer)) return tr;
    const changes = [];
    tr.changes.iterChangedRanges((_a, _b, from, to) => mendLines(tr.newDoc, from, to, changes));
    return changes.length ? [tr, { changes, sequential: true }] : tr;
  });
}

function mendLines(doc, from, to, changes) {
  for (let n = doc.lineAt(from).number; n <= doc.lineAt(to).number; n += 1) {
    const line = doc.line(n);
    const ended = line.text.endsWith("\r");
    for (let i = line.text.indexOf("\r"); i >= 0 && i < line.length - 1; i = line.text.indexOf("\r", i + 1)) {
      changes.push({ from: line.from + i, to: line.from + i + 1 });
    }
    if (!ended && n < doc.lines) changes.push({ from: line.to, insert: "\r" });
  }
}

const numbers = new MatchDecorator({
  regexp: /(?<=[:,[-]\s*)(-?\d+(?:\.\d+)?|true|false|null)(?=\s*(?:[,\]}#]|\r?$))/g,
  decoration: Decoration.mark({ class: "cm-number" }),
});
const numberMarks = ViewPlugin.define(
  (view) => ({
    marks: numbers.createDeco(view),
    update(change) {
      this.marks = numbers.updateDeco(change, this.marks);
    },
  }),
  { decorations: (plugin) => plugin.marks },
);

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], class: "cm-key" },
  { tag: [tags.string, tags.special(tags.string)], class: "cm-str" },
  { tag: [tags.comment, tags.lineComment], class: "cm-comment" },
  { tag: [tags.labelName, tags.typeName, tags.keyword], class: "cm-key" },
]);

// `handlers`: onUpdate(update) after each change, keys: more key bindings, tried first.
export function createView({ text, layout, readOnly, handlers }) {
  const crlf = /\r\n/.test(text) && !/(^|[^\r])\n/.test(text);
  const state = EditorState.create({
    doc: text,
    extensions: [
      EditorState.lineSeparator.of("\n"),
      EditorState.readOnly.of(readOnly),
      EditorView.editable.of(!readOnly),
      layoutField.init(() => layout),
      undoMoves,
      history({ newGroupDelay: 600 }),
      keepLineEnds(crlf),
      shownLines,
      numberMarks,
      lineNumbers(),
      lintGutter(),
      highlightActiveLineGutter(),
      drawSelection(),
      bracketMatching(),
      highlightSelectionMatches(),
      search({ top: true }),
      indentUnit.of("  "),
      yaml(),
      syntaxHighlighting(colours),
      keymap.of([...handlers.keys, ...searchKeymap, indentWithTab, ...defaultKeymap]),
      EditorView.contentAttributes.of({ "aria-label": "Workflow YAML" }),
      EditorView.updateListener.of(handlers.onUpdate),
    ],
  });
  return new EditorView({ state });
}

export const textOf = (view) => view.state.doc.sliceString(0, undefined, "\n");
export const layoutOf = (view) => view.state.field(layoutField);

// One change made by the server, one step of the history. `change` is a ChangeSet or null, `places` moves nodes with it.
export function applyFromServer(view, change, places, { undoable = true } = {}) {
  const before = Object.fromEntries(Object.keys(places).map((name) => [name, layoutOf(view)[name] ?? null]));
  const effects = Object.keys(places).length ? [moveNodes.of({ before, after: places })] : [];
  if (!change && !effects.length) return;
  view.dispatch({
    changes: change ?? undefined,
    effects,
    annotations: [fromServer.of(true), isolateHistory.of("full"), Transaction.addToHistory.of(undoable)],
  });
}

// A move by the person: undoable, not yet known to the server.
export function applyMove(view, places) {
  const layout = layoutOf(view);
  const before = Object.fromEntries(Object.keys(places).map((name) => [name, layout[name] ?? null]));
  view.dispatch({ effects: moveNodes.of({ before, after: places }), annotations: isolateHistory.of("full") });
}

export function replaceAll(view, text, layout) {
  const old = layoutOf(view);
  const gone = Object.fromEntries(Object.keys(old).map((name) => [name, null]));
  const change = minimalChange(textOf(view), text);
  applyFromServer(view, change && ChangeSet.of(change, view.state.doc.length, "\n"), { ...gone, ...layout }, { undoable: false });
}

// The shortest {from, to, insert} that turns `a` into `b`, or null.
export function minimalChange(a, b) {
  if (a === b) return null;
  let start = 0;
  const most = Math.min(a.length, b.length);
  while (start < most && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return { from: start, to: a.length - end, insert: b.slice(start, b.length - end) };
}

export function showLines(view, range, { scroll }) {
  const effects = [showNode.of(range)];
  if (range && scroll && range[0] <= view.state.doc.lines) {
    const first = view.state.doc.line(Math.max(1, range[0]));
    effects.push(EditorView.scrollIntoView(first.from, { y: "start", yMargin: 60 }));
  }
  view.dispatch({ effects });
}

export function showProblems(view, diagnostics) {
  const doc = view.state.doc;
  const found = diagnostics.map((d) => {
    const line = doc.line(Math.min(Math.max(1, d.line || 1), doc.lines));
    const from = Math.min(line.from + Math.max(0, (d.column || 1) - 1), line.to);
    const severity = { error: "error", warning: "warning" }[d.severity] ?? "info";
    return { from, to: Math.max(from, line.from + line.text.trimEnd().length), severity, message: d.message, source: d.code };
  });
  found.sort((a, b) => a.from - b.from);
  view.dispatch(setDiagnostics(view.state, found));
}

// A change that the person asked for with one click; one step of the history.
export function applyFix(view, patches) {
  view.dispatch({ changes: patches, userEvent: "input.fix", annotations: isolateHistory.of("full") });
}

export function goToLine(view, lineNumber, column = 1) {
  const line = view.state.doc.line(Math.min(Math.max(1, lineNumber || 1), view.state.doc.lines));
  const at = Math.min(line.from + Math.max(0, column - 1), line.to);
  view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
  view.focus();
}

export { ChangeSet };
