// How the text looks: colours of YAML, the lines of the selected node, problems under the text.
import { StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, MatchDecorator, ViewPlugin } from "@codemirror/view";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { setDiagnostics } from "@codemirror/lint";
import { tags } from "@lezer/highlight";

const showNode = StateEffect.define();

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

export const look = [shownLines, numberMarks, syntaxHighlighting(colours)];

// Each dispatch makes the text measure itself, so nothing is dispatched to show nothing where nothing is shown.
export function showLines(view, range, { scroll }) {
  if (!range && !view.state.field(shownLines).size) return;
  const effects = [showNode.of(range)];
  if (range && scroll && range[0] <= view.state.doc.lines) {
    const first = view.state.doc.line(Math.max(1, range[0]));
    effects.push(EditorView.scrollIntoView(first.from, { y: "start", yMargin: 60 }));
  }
  view.dispatch({ effects });
}

const marked = new WeakSet(); // views with a mark beside a line; it stays when the text under it is gone

export function showProblems(view, diagnostics) {
  if (!diagnostics.length && !marked.has(view)) return;
  if (diagnostics.length) marked.add(view);
  else marked.delete(view);
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
