// Sticky notes and groups: they stand beside the text, in the layout.
import { newId } from "../text/layout.js";
import { CARD } from "../graph/layered.js";
import { bounds } from "../graph/places.js";

export const NOTE = { width: 200, height: 120 };
const SIZE = [NOTE.width, NOTE.height];
const AIR = 20; // between a new note and what stands beside it
const STEPS = Array.from({ length: 41 }, (_, i) => (i - 20) * 20); // away from the middle, across and down
export const COLOURS = ["yellow", "blue", "green", "red", "violet", "grey"];

export function addNote(session, at) {
  const id = newId();
  session.lay({ notes: new Map([[id, { at: at ?? inView(session), size: [NOTE.width, NOTE.height], text: "", color: "yellow" }]]) });
  session.select([], { notes: [id], reveal: true });
  session.set({ writing: id }); // of the person who added it: an empty note that comes back, or from others, takes no focus
  return id;
}

// Near the middle of what is seen, where it covers nothing, or beside everything while no canvas is shown.
function inView(session) {
  const { positions, notes } = session.state;
  const centre = session.centre?.();
  if (!centre) {
    const { right, top } = bounds([...positions.values()]);
    return [right + 60, top];
  }
  const taken = [...[...positions.values()].map((at) => [at, [CARD.width, CARD.height]]), ...[...notes.values()].map(({ at, size }) => [at, size ?? SIZE])];
  const free = (at) => taken.every(([other, size]) => at.some((value, i) => value >= other[i] + size[i] + AIR || value + SIZE[i] + AIR <= other[i]));
  const middle = centre.map((value, i) => Math.round(value - SIZE[i] / 2));
  const around = STEPS.flatMap((x) => STEPS.map((y) => [x, y])).sort((one, other) => Math.hypot(...one) - Math.hypot(...other));
  return around.map((by) => middle.map((value, i) => value + by[i])).find(free) ?? middle;
}

export const setNote = (session, id, change) => setItem(session, "notes", id, change);
export const setGroup = (session, id, change) => setItem(session, "groups", id, change);

// `was`: what undoing it puts back, of what is changed; null for a change that is a part of one that follows.
function setItem(session, part, id, change, was) {
  const item = session.layout[part].get(id);
  if (!item) return;
  const before = was && { [part]: new Map([[id, { ...item, ...was }]]) };
  session.lay({ [part]: new Map([[id, change && { ...item, ...change }]]) }, { before });
}

// A text that is being written on a note or a group: saved whenever the typing rests, undone as one.
export const writeOn = (session, part, id, change) => setItem(session, part, id, change, null);
export const doneWriting = setItem;

export function groupSelected(session) {
  const { nodes } = session.state.selected;
  const id = newId();
  // A node stands in one group: it leaves the one it was in.
  const others = [...session.layout.groups]
    .filter(([, group]) => group.nodes.some((name) => nodes.includes(name)))
    .map(([key, group]) => [key, shrunk(group, nodes)]);
  session.lay({ groups: new Map([...others, [id, { title: "Group", nodes, color: "blue" }]]) });
  session.set({ naming: id });
}

function shrunk(group, gone) {
  const nodes = group.nodes.filter((name) => !gone.includes(name));
  return nodes.length ? { ...group, nodes } : null;
}

// A copy of a whole group is a group (clipboard.js); other copies join what they are copies of. `copies`: Map of name to the
// copy's.
export function groupsWithCopies(groups, copies) {
  const found = new Map();
  for (const [id, group] of groups) {
    const here = group.nodes.filter((name) => copies.has(name)).map((name) => copies.get(name));
    if (here.length && here.length < group.nodes.length) found.set(id, { ...group, nodes: [...group.nodes, ...here] });
  }
  return found;
}

// Those whose nodes are all selected.
export const wholeGroups = ({ selected, groups }) => [...groups.values()].filter((group) => group.nodes.length && group.nodes.every((name) => selected.nodes.includes(name)));

export const groupsOfSelected = ({ selected, groups }) => [...groups].filter(([, group]) => group.nodes.some((name) => selected.nodes.includes(name)));

export function ungroupSelected(session) {
  session.lay({ groups: new Map(groupsOfSelected(session.state).map(([id]) => [id, null])) });
}
