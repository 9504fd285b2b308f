// The layout beside the text: where nodes stand, sticky notes, groups. It lives in the text's state, so that one history
// undoes both.
import { StateEffect, StateField } from "@codemirror/state";
import { invertedEffects } from "@codemirror/commands";

export const PARTS = ["nodes", "notes", "groups"];

// {before, after, whole?}: both are {nodes?, notes?, groups?}, Maps of id to value or to null, where nothing stands.
export const layOut = StateEffect.define();

export const layoutField = StateField.define({
  create: () => emptyLayout(),
  update: (value, tr) => tr.effects.reduce((all, effect) => (effect.is(layOut) ? withLayout(all, effect.value) : all), value),
});

export const undoLayout = invertedEffects.of((tr) =>
  tr.effects
    .filter((effect) => effect.is(layOut) && !effect.value.whole)
    .map(({ value }) => layOut.of({ before: value.after, after: value.before })),
);

export const emptyLayout = () => ({ nodes: new Map(), notes: new Map(), groups: new Map() });

function withLayout(layout, { after, whole }) {
  if (whole) return after;
  const next = { ...layout };
  for (const part of PARTS) if (after[part]) next[part] = merged(layout[part], after[part]);
  return next;
}

function merged(old, change) {
  const next = new Map(old);
  for (const [id, value] of change) {
    if (value) next.set(id, value);
    else next.delete(id);
  }
  return next;
}

// The effect's value for a change: with what stood there before.
export function changed(layout, change) {
  const before = {};
  for (const part of PARTS) {
    if (change[part]) before[part] = new Map([...change[part].keys()].map((id) => [id, layout[part].get(id) ?? null]));
  }
  return { before, after: change };
}

// The change that puts `next` in the place of `old`: what it does not have goes.
export function replaced(old, next) {
  return Object.fromEntries(PARTS.map((part) => [part, new Map([...[...old[part].keys()].map((id) => [id, null]), ...next[part]])]));
}

// The change that gives a node's place and its groups to another name.
export function renamedIn(layout, from, to) {
  const change = {};
  const at = layout.nodes.get(from);
  if (at) change.nodes = new Map([[from, null], [to, at]]);
  const groups = [...layout.groups].filter(([, group]) => group.nodes.includes(from));
  if (groups.length) change.groups = new Map(groups.map(([id, group]) => [id, { ...group, nodes: group.nodes.map((name) => (name === from ? to : name)) }]));
  return change;
}

// The change that turns `old` into `next`, of the parts in which they differ.
export function differing(old, next) {
  const change = {};
  for (const part of PARTS) {
    const items = [...replaced(old, next)[part]].filter(([id, value]) => !isSameItem(old[part].get(id), value));
    if (items.length) change[part] = new Map(items);
  }
  return change;
}

const ITEM = ["at", "size", "text", "color", "title", "nodes"];

// Whether two places, notes or groups are the same; null and undefined both mean that there is none.
export const isSameItem = (one, other) => one === other || said(one) === said(other);
const said = (item) => JSON.stringify(item == null || Array.isArray(item) ? item ?? null : ITEM.map((key) => item[key] ?? null));

// The layout with a change made to it.
export const laidOver = (layout, change) => withLayout(layout, { after: change });

// The change that takes over `next` as somebody else left it, but for what this person moved or wrote since (`touched`).
export function adopted(old, next, touched) {
  const change = differing(old, next);
  for (const part of PARTS) for (const id of touched[part]) change[part]?.delete(id);
  return change;
}

// From the stored sidecar, which may have been written by hand: what is not understood is left out.
export function readLayout(stored) {
  const layout = emptyLayout();
  for (const [name, at] of Object.entries(stored?.nodes ?? {})) if (isPair(at)) layout.nodes.set(name, at);
  for (const note of listed(stored?.notes)) {
    if (isPair(note.at) && typeof note.text === "string") layout.notes.set(idOf(note, layout.notes), { at: note.at, size: isPair(note.size) ? note.size : undefined, text: note.text, color: note.color });
  }
  for (const group of listed(stored?.groups)) {
    if (typeof group.title === "string" && Array.isArray(group.nodes)) layout.groups.set(idOf(group, layout.groups), { title: group.title, nodes: group.nodes, color: group.color });
  }
  return layout;
}

// Notes and groups are known by their ids, in every tab, for as long as they are there.
const idOf = ({ id }, taken) => (/^[\w-]{1,32}$/.test(id ?? "") && !taken.has(id) ? id : newId());

const isPair = (value) => Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);
const listed = (value) => (Array.isArray(value) ? value.filter((one) => one && typeof one === "object") : []);

export const newId = () => Math.random().toString(36).slice(2, 10);

// What a commit says about the parts that changed: places by name, notes and groups whole. `touched`: a set of ids for each part.
export function writeLayout(layout, touched) {
  const written = {};
  if (touched.nodes.size) written.nodes = Object.fromEntries([...touched.nodes].map((name) => [name, layout.nodes.get(name) ?? null]));
  if (touched.notes.size) written.notes = [...layout.notes].map(([id, { at, size, text, color }]) => ({ id, at: rounded(at), size: size && rounded(size), text, color }));
  if (touched.groups.size) written.groups = [...layout.groups].map(([id, { title, nodes, color }]) => ({ id, title, nodes, color }));
  return written;
}

const rounded = (pair) => pair.map(Math.round);
