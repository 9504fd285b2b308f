// The layout beside the text: where nodes stand, sticky notes, groups. It lives in the text's state, so that one history
// undoes both.
import { StateEffect, StateField } from "@codemirror/state";
import { invertedEffects } from "@codemirror/commands";

export const PARTS = ["nodes", "notes", "groups"];

// {before, after, stood?, whole?, back?}: both are {nodes?, notes?, groups?}, Maps of id to value or to null, where nothing stands.
// `stood`: where nodes without a place of their own were drawn before. `back`: a step in the history, back or forth.
export const layOut = StateEffect.define();

export const layoutField = StateField.define({
  create: () => emptyLayout(),
  update: (value, tr) => tr.effects.reduce((all, effect) => (effect.is(layOut) ? withLayout(all, effect.value) : all), value),
});

export const undoLayout = invertedEffects.of((tr) =>
  tr.effects
    .filter((effect) => effect.is(layOut) && !effect.value.whole)
    .map(({ value: { before, after, stood } }) => layOut.of({ before: after, after: before, stood, back: true })),
);

export const emptyLayout = () => ({ nodes: new Map(), notes: new Map(), groups: new Map() });

function withLayout(layout, effect) {
  if (effect.whole) return effect.after;
  const after = effect.back ? stepped(layout, effect).change : effect.after;
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

// What a step in the history does to what stands there now: {change, kept, gone}. What somebody else moved, sized or wrote on
// since stays as they left it: `kept` is [part, id, how it stands now] of each. `gone` are names of nodes that have no place any
// more: somebody else renamed or removed them, or took all places away.
export function stepped(layout, { before, after, stood }) {
  const change = {};
  const kept = [];
  const gone = [];
  for (const part of PARTS.filter((one) => after[one])) {
    change[part] = new Map();
    for (const [id, to] of after[part]) {
      const drawn = part === "nodes" ? stood?.get(id) : undefined;
      const [now, from] = [layout[part].get(id) ?? null, before[part]?.get(id) ?? null];
      const { next, isKept } = stepOf(now, from, to, drawn);
      if (part === "nodes" && from && !now) gone.push(id);
      change[part].set(id, next);
      if (isKept) kept.push([part, id, next]);
    }
  }
  const isPlacedAnew = gone.length && [...layout.nodes.keys()].some((name) => !after.nodes.has(name));
  if (isPlacedAnew || kept.some(([part]) => part === "nodes")) keepDrawn(change.nodes, stood);
  const isMeant = (name) => !isPin(name, before, after, stood);
  return { change, kept: kept.filter(([part, id]) => part !== "nodes" || isMeant(id)), gone: gone.filter(isMeant) };
}

// With one card left where somebody put it, those that get no place of their own again would find others than they had.
function keepDrawn(places, stood) {
  for (const [name, at] of places) if (!at && stood?.has(name)) places.set(name, stood.get(name));
}

// Whether the step is about a card only because the first place that is kept fixes all others (actions.js).
const isPin = (name, before, after, stood) => stood?.has(name) && isSameItem(before.nodes.get(name) ?? after.nodes.get(name), stood.get(name));

// Of one place, note or group: from what it was left as, to what it is to be. Standing where it was drawn is as good as no place.
function stepOf(now, from, to, drawn) {
  if (isSameItem(now, from) || (!from && drawn && isSameItem(now, drawn))) return { next: to };
  if (!now || isSameItem(now, to)) return { next: now };
  if (!from || !to || Array.isArray(now)) return { next: now, isKept: true };
  const next = { ...now };
  let isKept = false;
  for (const key of ITEM.filter((one) => !sameField(from, to, one) && !sameField(now, to, one))) {
    if (key === "nodes") next.nodes = withSteps(now.nodes, from.nodes, to.nodes);
    else if (sameField(now, from, key)) next[key] = to[key];
    else isKept = true;
  }
  return { next, isKept };
}

const sameField = (one, other, key) => JSON.stringify(one[key] ?? null) === JSON.stringify(other[key] ?? null);

// Whether anything that a change of a place, note or group did is not there in `next`.
export function isOtherwise(before, after, next) {
  if (!before || !after || Array.isArray(after)) return !isSameItem(before, after) && !isSameItem(after, next);
  return ITEM.some((key) => key !== "nodes" && !sameField(before, after, key) && !sameField(after, next, key));
}

// The list without what the step takes out, and with what it brings.
const withSteps = (now, from, to) => [...now.filter((name) => to.includes(name) || !from.includes(name)), ...to.filter((name) => !from.includes(name) && !now.includes(name))];

// What a transaction of the history leaves alone: {kept, gone}, see `stepped`.
export function keptOf(tr) {
  let layout = tr.startState.field(layoutField);
  const all = { kept: [], gone: [] };
  for (const { value } of tr.effects.filter((effect) => effect.is(layOut))) {
    const { kept, gone } = stepped(layout, value);
    layout = withLayout(layout, value);
    all.kept.push(...kept);
    all.gone.push(...gone);
  }
  return all;
}

// The effect's value for a change: with what stood there before. `drawn`: where the nodes are, with or without a place of their own.
export function changed(layout, change, drawn) {
  const before = {};
  for (const part of PARTS) {
    if (change[part]) before[part] = new Map([...change[part].keys()].map((id) => [id, layout[part].get(id) ?? null]));
  }
  const loose = [...(change.nodes?.keys() ?? [])].filter((name) => !layout.nodes.has(name) && drawn?.has(name));
  return { before, after: change, stood: new Map(loose.map((name) => [name, drawn.get(name)])) };
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
