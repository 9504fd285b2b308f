// Annotations of the text's transactions.
import { Annotation } from "@codemirror/state";

// Marks a change that the server already has.
export const fromServer = Annotation.define();
// Marks a text that is taken over with the line ends it has.
export const asIs = Annotation.define();
// Names the field that is being typed into, and the stroke: changes of one stroke are one step of the history.
export const ofField = Annotation.define();
