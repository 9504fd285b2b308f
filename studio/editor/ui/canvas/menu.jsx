// The menu of the right mouse button: the commands that fit what was clicked.
import { useEffect, useLayoutEffect, useRef } from "react";
import { useSession, useValue } from "../core/store.js";
import { commandOf, perform, whyNot } from "../core/commands.js";
import { shown } from "../core/keys.js";
import { useFocusBack } from "../frame/focus.js";

const NODE = ["run-node", "run-from", "pin", "unpin", null, "cut", "copy", "paste", "duplicate", null, "rename", "switch-off", "group", null, "zoom-selection", null, "delete"];
const MENUS = {
  node: NODE,
  selection: ["cut", "copy", "duplicate", null, "align-left", "align-centre", "align-top", "align-middle", "distribute-x", "distribute-y", null, "group", "ungroup", "switch-off", null, "delete"],
  edge: ["insert-here", null, "delete"],
  note: ["rename", null, "cut", "copy", "duplicate", null, "delete"],
  group: ["rename-group", "ungroup"],
  pane: ["add-node", "add-note", "paste", null, "select-all", "tidy", null, "fit", "map", "snap"],
};

export function openMenu(session, event, kind, key) {
  event.preventDefault();
  if (kind === "node" && !session.state.selected.nodes.includes(key)) session.select([key]);
  if (kind === "edge") session.select([], { edge: key });
  if (kind === "note" && !session.state.selected.notes.includes(key)) session.select([], { notes: [key] });
  if (kind === "group") session.select(session.state.groups.get(key).nodes);
  session.set({ menu: { kind: kind === "node" && session.state.selected.nodes.length > 1 ? "selection" : kind, key, at: [event.clientX, event.clientY] } });
}

export function Menu() {
  const menu = useValue((s) => s.menu);
  return menu ? <MenuPanel menu={menu} /> : null;
}

function MenuPanel({ menu }) {
  const session = useSession();
  const panel = useRef(null);
  const close = () => session.set({ menu: null });
  useFocusBack(panel);
  useLayoutEffect(() => {
    const { width, height } = panel.current.getBoundingClientRect();
    panel.current.style.left = `${Math.min(menu.at[0], innerWidth - width - 8)}px`;
    panel.current.style.top = `${Math.min(menu.at[1], innerHeight - height - 8)}px`;
    panel.current.querySelector("button")?.focus({ preventScroll: true });
  }, [menu]);
  useEffect(() => {
    const outside = (event) => panel.current?.contains(event.target) || close();
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);
  const onKeyDown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (step) {
      const items = [...panel.current.querySelectorAll("button")];
      items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="hed-menu" role="menu" aria-label="Commands" ref={panel} onKeyDown={onKeyDown} data-testid="menu">
      {MENUS[menu.kind].map((id, i) => (id === null ? <hr key={i} /> : <Item key={id} id={id} menu={menu} close={close} />))}
    </div>
  );
}

function Item({ id, menu, close }) {
  const session = useSession();
  const inserts = id === "insert-here";
  const command = inserts ? { title: "Insert a node here" } : commandOf(id);
  const why = inserts ? session.whyNot : whyNot(session, id);
  const act = () => {
    close();
    if (why) session.say(why);
    else if (inserts) session.set({ picker: { edge: menu.key, screen: menu.at } });
    else perform(session, id);
  };
  return (
    <button role="menuitem" aria-disabled={Boolean(why)} title={why ?? undefined} onClick={act} data-testid={`menu-${id}`}>
      <span>{command.titleOf?.(session) ?? command.title}</span>{command.keys && <kbd>{shown(command.keys[0])}</kbd>}
    </button>
  );
}
