// A field with a small CodeMirror in it: completion of paths, chips for placeholders, a place to drop a value's path.
import { useEffect, useRef } from "react";
import { Annotation, Compartment, EditorState, Prec } from "@codemirror/state";
import { EditorView, drawSelection, keymap, placeholder as hint, tooltips } from "@codemirror/view";
import { acceptCompletion, autocompletion, closeBrackets, completionKeymap, currentCompletions, startCompletion } from "@codemirror/autocomplete";
import { defaultKeymap } from "@codemirror/commands";
import { diagnosticCount, setDiagnostics } from "@codemirror/lint";
import { useSession } from "../core/store.js";
import { useWhyLocked } from "../frame/locked.js";
import { minimalChange } from "../text/view.js";
import { PATH_TYPE, written } from "./paths.js";

const outside = Annotation.define();

// `reads`: "expression" | "template" | "value" | undefined; decides what a dropped path becomes. `sources`: completion sources.
// `fault`: {error, column?} to underline. `single`: one line. `asked`: changes when the field is to take the focus, and to say what can
// stand in it.
export function CodeField({ id, value, onChange, onBlur, onFocus, onKeyDown, readOnly, placeholder, label, sources = [], extensions = [], single = false, reads, fault, asked, testid }) {
  const session = useSession();
  const why = useWhyLocked(readOnly);
  const host = useRef(null);
  const view = useRef(null);
  const latest = useRef({});
  latest.current = { onChange, onBlur, onFocus, onKeyDown, sources, reads };
  const editable = useRef(new Compartment());
  const shown = useRef(why); // the reason that the field knows
  const said = useRef([]); // texts that were typed here and have not come back as `value` yet

  useEffect(() => {
    const complete = (context) => first(latest.current.sources, context);
    view.current = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          editable.current.of(locked(why)),
          single ? oneLine : EditorView.lineWrapping,
          drawSelection(),
          closeBrackets(),
          autocompletion({ override: [complete], icons: false, defaultKeymap: false, interactionDelay: 0 }),
          tooltips({ parent: document.body }),
          Prec.highest(keymap.of([...completionKeymap, { key: "Tab", run: acceptCompletion }])),
          Prec.highest(EditorView.domEventHandlers({ // before the keymap: Enter and Escape are the field's
            keydown: (event, editor) => currentCompletions(editor.state).length ? false : Boolean(latest.current.onKeyDown?.(event, editor)),
            focus: () => {
              session.reader = { insert: (path) => insert(view.current, written(path, latest.current.reads)) };
              latest.current.onFocus?.();
            },
            blur: () => void latest.current.onBlur?.(),
            dragover: (event) => { if (event.dataTransfer?.types.includes(PATH_TYPE)) event.preventDefault(); },
            drop: (event, editor) => dropped(event, editor, latest.current.reads),
          })),
          keymap.of(defaultKeymap.filter(({ key }) => key !== "Mod-Enter")),
          hint(placeholder ?? ""),
          EditorView.contentAttributes.of({ "aria-label": label, id, spellcheck: "false", tabindex: "0", ...(testid ? { "data-testid": testid } : {}), "aria-multiline": String(!single) }),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged || update.transactions.some((tr) => tr.annotation(outside))) return;
            const text = update.state.doc.toString();
            said.current.push(text);
            latest.current.onChange(text);
          }),
          ...extensions,
        ],
      }),
    });
    return () => {
      session.reader = null;
      view.current.destroy();
    };
  }, []);

  useEffect(() => {
    if (said.current.includes(value)) return; // more may have been typed since
    const change = minimalChange(view.current.state.doc.toString(), value);
    if (change) view.current.dispatch({ changes: change, annotations: outside.of(true) });
  }, [value]);
  useEffect(() => void said.current.splice(0, said.current.lastIndexOf(value) + 1));
  useEffect(() => {
    if (fault?.error || diagnosticCount(view.current.state)) view.current.dispatch(setDiagnostics(view.current.state, marked(view.current.state.doc, fault)));
  }, [fault]);
  useEffect(() => {
    if (!asked) return;
    view.current.focus();
    if (!view.current.state.doc.length) startCompletion(view.current);
  }, [asked]);
  useEffect(() => {
    if (shown.current !== why) view.current.dispatch({ effects: editable.current.reconfigure(locked(why)) });
    shown.current = why;
  }, [why]);

  return <div ref={host} className={`hed-cm ${single ? "single" : ""} ${readOnly ? "locked" : ""}`} data-reads={reads} />;
}

const locked = (why) => [EditorState.readOnly.of(Boolean(why)), EditorView.editable.of(!why), EditorView.contentAttributes.of(why ? { title: why } : {})];

// Line breaks that are pasted into a field of one line become spaces; others do not come in.
const oneLine = [
  EditorView.clipboardInputFilter.of((text) => text.replace(/\s*\n\s*/g, " ")),
  EditorState.transactionFilter.of((tr) => (tr.newDoc.lines > 1 && !tr.annotation(outside) ? [] : tr)),
];

// From the place that is named to the end, or all of it.
function marked(doc, fault) {
  if (!fault?.error || !doc.length) return [];
  const from = Math.max(0, Math.min((fault.column ?? 1) - 1, doc.length - 1));
  return [{ from, to: doc.length, severity: "error", message: fault.error }];
}

async function first(sources, context) {
  for (const source of sources) {
    const found = await source(context);
    if (found) return found;
  }
  return null;
}

function dropped(event, view, reads) {
  const path = event.dataTransfer?.getData(PATH_TYPE);
  if (!path || view.state.readOnly) return false;
  event.preventDefault();
  insert(view, written(path, reads), view.posAtCoords({ x: event.clientX, y: event.clientY }));
  return true;
}

function insert(view, text, at) {
  if (view.state.readOnly) return;
  const { from, to } = at == null ? view.state.selection.main : { from: at, to: at };
  view.dispatch({ changes: { from, to, insert: text }, selection: { anchor: from + text.length }, userEvent: "input.drop" });
  view.focus();
}
