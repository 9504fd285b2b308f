// The YAML text in CodeMirror. Its history is the editor's one history: text and node positions undo together.
import { ChangeSet, EditorState, StateField, Transaction } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { defaultKeymap, history, indentWithTab, isolateHistory } from "@codemirror/commands";
import { bracketMatching, indentUnit } from "@codemirror/language";
import { lintGutter } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { changed, keptOf, layOut, layoutField, replaced, undoLayout } from "./layout.js";
import { keepLineEnds } from "./line_ends.js";
import { keepLength } from "./longest.js";
import { look } from "./look.js";
import { asIs, fromServer, ofField } from "./marks.js";
import { yaml } from "./yaml.js";

const PAUSE_MS = 600; // of typing into the text
const WORDS = {
  next: "Next", previous: "Previous", all: "Select all", "match case": "Case", regexp: "Pattern", "by word": "Whole words",
  replace: "Replace", "replace all": "Replace all", close: "Close",
};

const markOf = (tr) => ({ field: tr.annotation(ofField) ?? null, at: tr.annotation(Transaction.time), alone: tr.annotation(isolateHistory) === "full" });
const lastChange = StateField.define({
  create: () => null,
  update: (value, tr) => (tr.docChanged || tr.effects.some((effect) => effect.is(layOut)) ? markOf(tr) : value),
});

function joins(tr, isAdjacent) {
  const [now, before] = [markOf(tr), tr.startState.field(lastChange)];
  if (now.alone || before?.alone) return false; // the history itself forgets that when groups have no end in time
  if (now.field !== (before?.field ?? null)) return false;
  return now.field ? true : isAdjacent && now.at - (before?.at ?? 0) < PAUSE_MS;
}

// `handlers`: onUpdate(update) after each change, refuse(why) where one is not taken, keys: more key bindings, tried first. `most`:
// how many characters the text may have. `help`: completion and the like.
export function createView({ text, layout, readOnly, most, handlers, help = [] }) {
  const crlf = /\r\n/.test(text) && !/(^|[^\r])\n/.test(text);
  const state = EditorState.create({
    doc: text,
    extensions: [
      EditorState.lineSeparator.of("\n"),
      EditorState.readOnly.of(readOnly),
      EditorView.editable.of(!readOnly),
      layoutField.init(() => layout),
      undoLayout,
      lastChange,
      history({ newGroupDelay: Infinity, joinToEvent: joins }),
      keepLength(most, handlers.refuse),
      keepLineEnds(crlf),
      look,
      lineNumbers(),
      lintGutter(),
      highlightActiveLineGutter(),
      drawSelection(),
      bracketMatching(),
      highlightSelectionMatches(),
      search({ top: true }),
      EditorState.phrases.of(WORDS),
      indentUnit.of("  "),
      yaml,
      help,
      keymap.of([...handlers.keys, ...searchKeymap, indentWithTab, ...defaultKeymap]),
      EditorView.contentAttributes.of({ "aria-label": "Workflow YAML", tabindex: "0" }),
      EditorView.updateListener.of(handlers.onUpdate),
    ],
  });
  return new EditorView({ state });
}

export const textOf = (view) => view.state.doc.sliceString(0, undefined, "\n");
export const layoutOf = (view) => view.state.field(layoutField);

// One change made by the server, one step of the history, or with `field` a part of the step of typing into that field.
// `change` is a ChangeSet or null, `layout` what moves with it, `drawn` where the nodes are (layout.js).
export function applyFromServer(view, change, layout, { undoable = true, field = null, drawn } = {}) {
  const effects = layout ? [layOut.of(changed(layoutOf(view), layout, drawn))] : [];
  if (!change && !effects.length) return;
  view.dispatch({
    changes: change ?? undefined,
    effects,
    annotations: [fromServer.of(true), Transaction.addToHistory.of(undoable), field ? ofField.of(field) : isolateHistory.of("full")],
  });
}

// A change of the layout by the person, not yet known to the server. `before`: what undoing it puts back, where that is not what
// stands there now; null for a change that is a part of one that follows.
export function applyLayout(view, layout, { before, drawn } = {}) {
  const now = changed(layoutOf(view), layout, drawn);
  const effect = layOut.of(before ? { before, after: layout } : now);
  view.dispatch({ effects: effect, annotations: [isolateHistory.of("full"), Transaction.addToHistory.of(before !== null)] });
}

// What an earlier visit left unsaved, as a change by the person: undoable, not yet known to the server.
export function applyKept(view, changes, layout) {
  view.dispatch({
    changes: changes ?? undefined,
    effects: Object.keys(layout).length ? layOut.of(changed(layoutOf(view), layout)) : [],
    userEvent: "input.restore",
    annotations: [isolateHistory.of("full"), asIs.of(true)],
  });
}

// Another draft in place of this one; not undoable.
export function replaceAll(view, text, layout) {
  const change = minimalChange(textOf(view), text);
  view.dispatch({
    changes: change ?? undefined,
    effects: layOut.of({ before: layoutOf(view), after: layout, whole: true }),
    annotations: [fromServer.of(true), Transaction.addToHistory.of(false)],
  });
}

// The same as a change by the person: one step of the history, not yet known to the server.
export function applyDraft(view, text, layout) {
  const now = layoutOf(view);
  view.dispatch({
    changes: minimalChange(textOf(view), text) ?? undefined,
    effects: layOut.of(changed(now, replaced(now, layout))),
    userEvent: "input.restore",
    annotations: [isolateHistory.of("full"), asIs.of(true)],
  });
}

// One step back or forth, by CodeMirror's `undo` or `redo`. `tell` hears what of it somebody else changed since, see `keptOf`.
export function inHistory(view, step, tell) {
  const dispatch = (tr) => {
    const left = keptOf(tr);
    view.dispatch(tr);
    tell(left);
  };
  return step({ state: view.state, dispatch });
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
