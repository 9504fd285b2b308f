// Who tries to write where nothing can be changed is told why: in the YAML, in a field, or by pulling at a card.

const LOCKED = ".cm-content[contenteditable=false], input[readonly], textarea[readonly]";
const PULLED = ".hed-node, .hed-sticky, .hed-frame-title";

export function readOnlySays(session) {
  const tell = (why = session.whyNot) => why && session.say(why);
  const lockedAt = ({ target }) => target.closest?.(".hed") && target.closest(LOCKED);
  const tellOf = (field) => field && tell(field.title || undefined); // what the field itself says (frame/locked.js)
  const onKey = (event) => {
    const writes = event.key.length === 1 ? !(event.ctrlKey || event.metaKey || event.altKey) : ["Backspace", "Delete", "Enter"].includes(event.key);
    if (writes) tellOf(lockedAt(event));
  };
  const onPaste = (event) => tellOf(lockedAt(event));
  const onDouble = (event) => event.target.closest?.(".hed-sticky, .hed-frame-title") && !session.state.view.can.write && tell();
  const handlers = { keydown: onKey, paste: onPaste, cut: onPaste, dblclick: onDouble };
  for (const [name, handler] of Object.entries(handlers)) window.addEventListener(name, handler, true);
  return () => {
    for (const [name, handler] of Object.entries(handlers)) window.removeEventListener(name, handler, true);
  };
}

// The canvas moves instead of the card, when that is pulled at.
export function pullSays(session, event) {
  const card = event?.type?.startsWith("mouse") && event.button === 0 && event.target.closest?.(PULLED);
  const can = card?.matches(".hed-node") ? session.canEdit : session.state.view.can.write;
  if (card && !can) session.say(session.whyNot);
}
