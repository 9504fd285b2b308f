// Keys as people write them: "Mod+Shift+Z". Mod is Ctrl, on a Mac Cmd.
const MAC = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.platform);
const NAMES = { Mod: MAC ? "⌘" : "Ctrl", Shift: MAC ? "⇧" : "Shift", Alt: MAC ? "⌥" : "Alt", Enter: "↵", Delete: "Del", Escape: "Esc" };

export function matches(keys, event) {
  const parts = keys.split("+");
  const key = parts.pop() || "+";
  const wants = (name) => parts.includes(name);
  if (wants("Mod") !== (event.ctrlKey || event.metaKey) || wants("Alt") !== event.altKey) return false;
  // "?" and "+" are typed with Shift on some keyboards and without on others.
  if (/^[A-Z0-9]$|^\w{2,}$/.test(key) && wants("Shift") !== event.shiftKey) return false;
  return event.key.toLowerCase() === key.toLowerCase() || (/^\d$/.test(key) && event.code === `Digit${key}`);
}

export const shown = (keys) => keys.split("+").map((part) => NAMES[part] ?? part).filter(Boolean).join(" ") || "+";
