// How long a text may be: what the server would not keep is not taken in the first place, for it could never be saved.
import { EditorState } from "@codemirror/state";
import { fromServer } from "./marks.js";

// Counted as the server counts: a character that takes two units here is one.
export const isTooLong = (text, most) => text.length > most && (text.length > 2 * most || [...text].length > most);

export const tooLong = (most) => `A workflow may have ${most.toLocaleString("en")} characters, and with this it would have more: nothing was changed. Put long texts into the knowledge base or into a sub-workflow.`;

// A change by the person after which the text would be too long does not happen; `refuse` is told. A shorter text is always
// taken, even where it is still too long.
export function keepLength(most, refuse) {
  return EditorState.transactionFilter.of((tr) => {
    if (!tr.docChanged || tr.newDoc.length <= most || tr.newDoc.length < tr.startState.doc.length || tr.annotation(fromServer)) return tr;
    if (!isTooLong(tr.newDoc.sliceString(0, undefined, "\n"), most)) return tr;
    refuse(tooLong(most));
    return [];
  });
}
