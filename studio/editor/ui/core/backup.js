// What is not on the server yet is kept in the browser as well, within a second: a tab that is closed or crashes during an outage
// loses nothing. Offered when the workflow is opened again, never put in place unasked. What is kept is where the way to the server
// stood (unsaved.js), so that bringing it back is a merge with what others saved since, and nothing is done twice.
import { layoutOf } from "../text/view.js";
import { isMissing, leftOpen } from "./unsaved.js";

const WAIT_MS = 1_000;
const KEPT_MS = 30 * 24 * 3_600_000; // then nobody misses it any more

export class Backup {
  constructor(session) {
    this.session = session;
    this.timer = null;
  }

  // Each tab keeps its own: one that saves does not take away what another still has.
  get prefix() {
    return `heddle-draft:${this.session.state.view.workflow_id}:`;
  }

  get key() {
    return this.prefix + this.session.id;
  }

  keepSoon() {
    this.timer ??= setTimeout(() => this.keep(), WAIT_MS);
  }

  keep() {
    clearTimeout(this.timer);
    this.timer = null;
    const { view, save } = this.session.state;
    if (!view || !this.session.view || ["saved", "readonly"].includes(save.state)) return;
    try {
      localStorage.setItem(this.key, JSON.stringify({ ...leftOpen(this.session), at: Date.now() }));
    } catch {
      // A full or forbidden storage: the draft still stands in this tab and is sent again.
    }
  }

  forget(key = this.key) {
    if (key === this.key) {
      clearTimeout(this.timer);
      this.timer = null;
    }
    try {
      localStorage.removeItem(key);
    } catch {
      // nothing was kept there either
    }
  }

  // The newest that the draft does not have.
  offer() {
    const { view } = this.session;
    const [missing, done] = [[], []];
    for (const kept of this.read()) (this.isWanted(kept, view) ? missing : done).push(kept);
    for (const { key } of done) this.forget(key);
    this.session.set({ kept: missing.sort((one, other) => other.at - one.at)[0] ?? null });
  }

  isWanted(kept, view) {
    try {
      return Date.now() - kept.at < KEPT_MS && isMissing(kept, view.state.doc, layoutOf(view));
    } catch {
      return false; // written by nobody, or by another version of this page
    }
  }

  // What other tabs and earlier visits kept: [{key, at, …}].
  read() {
    try {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix) && key !== this.key);
      return keys.map((key) => ({ ...JSON.parse(localStorage.getItem(key)), key }));
    } catch {
      return [];
    }
  }
}
