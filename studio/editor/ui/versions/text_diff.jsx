// Both texts side by side, what did not change folded away.
import { useEffect, useRef } from "react";
import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { look } from "../text/look.js";
import { yaml } from "../text/yaml.js";

const BOUNDS = { scanLimit: 5_000, timeout: 500 };
const SHOWN = { margin: 3, minSize: 6 };

export function TextDiff({ data }) {
  const host = useRef(null);
  useEffect(() => {
    const side = (text, label) => ({
      doc: text,
      extensions: [
        EditorState.lineSeparator.of("\n"), EditorState.readOnly.of(true), EditorView.editable.of(false), lineNumbers(), look, yaml,
        EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
      ],
    });
    const view = new MergeView({ parent: host.current, a: side(data.before.text, "Before"), b: side(data.after.text, "After"), diffConfig: BOUNDS, collapseUnchanged: SHOWN, gutter: true });
    return () => view.destroy();
  }, [data]);
  return <div className="hed-code hed-textdiff" ref={host} data-testid="text-diff" />;
}
