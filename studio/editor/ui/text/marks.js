// Annotations of the text's transactions.
import { Annotation } from "@codemirror/state";

// Marks a change that the server already has.
export const fromServer = Annotation.define();
// Names the field that is being typed into: changes of one field within a moment are one step of the history.
export const ofField = Annotation.define();
