// The history of a workflow, and the comparison of two of its states. Everything comes over plain HTTP; what is compared lies
// in the session's state under `versions`: {list, draft, live, chosen, base, data, error, tab, node, asking}. A side is a version's
// number, or null for the draft.
import { getComparison, getVersions, makeLive } from "../core/api.js";

export const isOlder = (a, b) => a !== null && (b === null || a < b);
export const nameOf = (side) => (side === null ? "the draft" : `version ${side}`);

export class Versions {
  constructor(session) {
    this.session = session;
    this.asked = 0;
  }

  get state() {
    return this.session.state.versions;
  }

  patch(change) {
    this.session.set((s) => (s.versions ? { versions: { ...s.versions, ...change } } : null));
  }

  async open() {
    this.session.set({ versions: { list: null, chosen: null, base: null, data: null, error: null, tab: "canvas", node: null, asking: false } });
    try {
      await this.session.sync.settled();
    } catch {
      return this.patch({ error: "The draft is not saved yet; resolve that first." });
    }
    return this.reload(null);
  }

  close() {
    this.asked += 1;
    this.session.set({ versions: null });
  }

  // The list again, and with it what is chosen.
  async reload(chosen) {
    const found = await this.ask(() => getVersions(this.session.state.view.name));
    if (!found) return undefined;
    this.patch({ list: found.versions, draft: found.draft, live: found.live });
    return this.choose(chosen);
  }

  // Show what one state changed: the draft against what is live, a version against the one before it.
  choose(chosen) {
    const { list, live } = this.state;
    const before = chosen === null ? (live ?? list[0]?.number) : list.find((one) => one.number < chosen)?.number;
    return this.compare(chosen, before ?? null);
  }

  // `base` may be the newer one of the two: what is older always stands first.
  async compare(chosen, base) {
    this.patch({ chosen, base, data: null, error: null, node: null });
    if (chosen === base) return;
    const [before, after] = isOlder(base, chosen) ? [base, chosen] : [chosen, base];
    const data = await this.ask(() => getComparison(this.session.state.view.name, before, after));
    if (data) this.patch({ data });
  }

  async ask(question) {
    const turn = (this.asked += 1);
    try {
      const answer = await question();
      return turn === this.asked && this.state ? answer : null;
    } catch (error) {
      if (turn === this.asked) this.patch({ error: error.message });
      return null;
    }
  }

  // The side that is chosen, with its text and layout.
  get side() {
    const { chosen, data } = this.state;
    return data && (data.after.number === chosen ? data.after : data.before);
  }

  restore() {
    const { number, text, layout } = this.side;
    this.session.replaceDraft(text, layout);
    this.close();
    this.session.say(`Version ${number} stands in the draft. Undo brings back what was there.`);
  }

  // Throws with a sentence when it is refused.
  async makeLive(number) {
    const { name } = this.session.state.view;
    await makeLive(name, number, this.state.live);
    const at = new Date().toISOString();
    this.session.set((s) => ({ view: { ...s.view, live: { number, at } } }));
    await this.reload(number);
    this.session.say(`Version ${number} is live.`);
  }
}
