// What two people placed, sized or coloured at once: the later save counts, and both of them are told. (Texts that both wrote are
// asked about: layout_merge.py.) A step in one's own history leaves alone what somebody else changed since, and says so.
import { PARTS, isOtherwise } from "../text/layout.js";

const LOOKS = ["at", "size", "color"];
const JUST_MS = 20_000; // who moved something longer ago than this has seen where it stood
const MOST_NAMED = 3;

const looks = (item) => JSON.stringify(item && (Array.isArray(item) ? item : LOOKS.map((key) => item[key] ?? null)));
const differ = (one, other) => Boolean(one && other) && looks(one) !== looks(other);

// Every one of `touched` and of the change `layout`: [part, id].
const ownOf = ({ touched, layout }) => PARTS.flatMap((part) => [...new Set([...touched[part], ...(layout?.[part]?.keys() ?? [])])].map((id) => [part, id]));

function named(found) {
  const names = found.map(([part, id, item]) => (part === "nodes" ? id : part === "groups" ? `the group “${item.title}”` : `the note “${item.text.slice(0, 20)}”`));
  return names.length > MOST_NAMED ? `${names.length} things` : names.join(", ");
}

export class BothChanged {
  constructor() {
    this.theirs = new Map(); // who changed it last, of what somebody else changed: by part and id
    this.mine = new Map(); // what this person saved lately: [part, id, item, when] by part and id
  }

  saved(sent) {
    for (const [part, id] of ownOf(sent)) this.mine.set(`${part}:${id}`, [part, id, sent.laid[part].get(id), Date.now()]);
  }

  // What somebody else changed, as a change of the layout.
  heard(change, by) {
    for (const part of PARTS) for (const id of change[part]?.keys() ?? []) this.theirs.set(`${part}:${id}`, by);
  }

  // Of what a step in the history would have changed: [part, id, item]. A sentence.
  leftAlone(kept) {
    const names = new Set(kept.map(([part, id]) => this.theirs.get(`${part}:${id}`) ?? "Somebody"));
    const by = names.size === 1 ? [...names][0] : "Others";
    const did = kept.every(([part]) => part === "nodes") ? ["moved", "where"] : ["changed", "as"];
    return `${by} ${names.size === 1 ? "has" : "have"} ${did[0]} ${named(kept)} since: ${kept.length === 1 ? "it stays" : "they stay"} ${did[1]} ${kept.length === 1 ? "it is" : "they are"}.`;
  }

  // Of a node that a step in the history would have moved, were it still there under that name. A sentence.
  wentAway(name, now) {
    const by = this.theirs.get(`nodes:${name}`) ?? "Somebody";
    return now ? `${by} has renamed ${name} since: ${now} stays where it is.` : `${by} has removed ${name} since: it cannot go back.`;
  }

  // Of a commit that was merged: which of its steps in the history gave way to what `by` did just before. A sentence, or null.
  heldBack({ undone, baseLayout, laid }, next, by) {
    const kept = PARTS.flatMap((part) => [...undone[part]].map((id) => [part, id, next[part].get(id)]))
      .filter(([part, id, item]) => item && isOtherwise(baseLayout[part].get(id), laid[part].get(id), item));
    for (const [part, id] of kept) this.theirs.set(`${part}:${id}`, by);
    return kept.length ? this.leftAlone(kept) : null;
  }

  // Of a commit that was merged with `theirs`: what it laid over what the other had just done. A sentence, or null.
  laidOver(sent, theirs, by) {
    const found = ownOf(sent).map(([part, id]) => [part, id, sent.laid[part].get(id)])
      .filter(([part, id, item]) => differ(theirs[part].get(id), item) && looks(theirs[part].get(id)) !== looks(sent.baseLayout[part].get(id)));
    return found.length ? `${by} had just changed ${named(found)} as well: yours took its place.` : null;
  }

  // Of what somebody else saved: what of this person's it took the place of. A sentence, or null.
  takenOver(next, by) {
    const found = [...this.mine.values()].filter(([part, id, item, at]) => Date.now() - at < JUST_MS && differ(next[part].get(id), item));
    this.mine.clear();
    return found.length ? `${by} changed ${named(found)} at the same time as you: theirs took the place of yours.` : null;
  }
}
