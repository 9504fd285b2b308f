// Where a path may be dropped that is dragged out of a run's data, or put by a click on it. Fields with completion look after
// themselves (code_field.jsx); of the others, those with `data-reads` take it as they read it, and the rest say that they do not.
import { PATH_TYPE, written } from "./paths.js";

const TEXTS = "textarea, input:not([type=checkbox], [type=radio], [type=range])";
const FIELDS = `${TEXTS}, select, .hed-cm`;

export function pathDrops(session) {
  let refusing = null;
  const mark = (field) => {
    if (field === refusing) return;
    refusing?.classList.remove("hed-refuses");
    field?.classList.add("hed-refuses");
    refusing = field;
  };
  const over = (event) => {
    if (!event.dataTransfer?.types.includes(PATH_TYPE)) return;
    const field = fieldAt(event.target);
    const why = field && whyNot(session, field);
    mark(why ? field : null);
    if (!why && !field?.dataset.reads) return; // elsewhere
    if (!why && field.matches(".hed-cm")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = why ? "none" : "copy";
    if (why) event.stopPropagation();
  };
  const drop = (event) => {
    const path = event.dataTransfer?.getData(PATH_TYPE);
    const field = path ? fieldAt(event.target) : null;
    if (!field?.matches(TEXTS)) return;
    event.preventDefault();
    put(session, field, path);
  };
  const ended = () => {
    if (refusing) session.say(whyNot(session, refusing));
    mark(null);
  };
  // A click on a path means the field that the cursor was in last.
  const entered = ({ target }) => {
    if (target.matches?.(TEXTS) && target.closest(".hed-insp")) session.reader = { insert: (path) => put(session, target, path) };
  };
  const handlers = { dragenter: over, dragover: over, drop, dragend: ended, focusin: entered };
  for (const [name, handler] of Object.entries(handlers)) window.addEventListener(name, handler, true);
  return () => {
    for (const [name, handler] of Object.entries(handlers)) window.removeEventListener(name, handler, true);
  };
}

const fieldAt = (target) => target.closest?.(FIELDS);

function whyNot(session, field) {
  if (field.readOnly || field.matches(".locked, [aria-disabled=true]")) return session.whyNot ?? "This field cannot be changed now.";
  if (field.dataset.reads) return null;
  const label = field.getAttribute("aria-label") ?? field.labels?.[0]?.textContent.replace("*", "");
  return `${label || "This field"} is taken as it is written: it can read no data.`;
}

function put(session, field, path) {
  const why = whyNot(session, field);
  if (why || !field.isConnected) return void (why && session.say(why));
  field.focus();
  const before = field.value.slice(0, field.selectionStart);
  document.execCommand("insertText", false, field.dataset.reads === "json" ? inJson(before, path) : written(path, field.dataset.reads)); // it can be undone
}

// Within a text of JSON a part of it, elsewhere a text of its own.
function inJson(before, path) {
  const isInText = (before.replace(/\\./g, "").match(/"/g) ?? []).length % 2 === 1;
  return isInText ? `\${${path}}` : JSON.stringify(written(path, "value"));
}
