// Windows line ends: a file that has them keeps them.
import { EditorState } from "@codemirror/state";
import { asIs, fromServer } from "./marks.js";

// Files keep their line ends. The document holds "\r" as a character, and every touched line keeps exactly one at its end.
export function keepLineEnds(crlf) {
  if (!crlf) return [];
  return EditorState.transactionFilter.of((tr) => {
    if (!tr.docChanged || tr.annotation(fromServer) || tr.annotation(asIs)) return tr;
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
