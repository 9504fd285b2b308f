// What two people placed, sized or coloured at once: the later save counts, and both of them are told. (Texts that both wrote are
// asked about: layout_merge.py.)
import { PARTS } from "../text/layout.js";

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
    this.mine = new Map(); // what this person saved lately: [part, id, item, when] by part and id
  }

  saved(sent) {
    for (const [part, id] of ownOf(sent)) this.mine.set(`${part}:${id}`, [part, id, sent.laid[part].get(id), Date.now()]);
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
