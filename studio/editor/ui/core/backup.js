// What is not on the server yet is kept in the browser as well: a tab that crashes in the middle of a lost connection loses
// nothing. Offered when the workflow is opened again, never put in place unasked.
const WAIT_MS = 1_000;

export class Backup {
  constructor(session) {
    this.session = session;
    this.timer = null;
  }

  get key() {
    return `heddle-draft:${this.session.state.view.workflow_id}`;
  }

  keepSoon() {
    this.timer ??= setTimeout(() => this.keep(), WAIT_MS);
  }

  keep() {
    this.timer = null;
    const { view, save } = this.session.state;
    if (!view || ["saved", "readonly"].includes(save.state)) return;
    try {
      localStorage.setItem(this.key, JSON.stringify({ text: this.session.text, revision: this.session.sync.revision, at: Date.now() }));
    } catch {
      // A full or forbidden storage: the draft still stands in this tab and is sent again.
    }
  }

  forget() {
    clearTimeout(this.timer);
    this.timer = null;
    try {
      localStorage.removeItem(this.key);
    } catch {
      // nothing was kept there either
    }
  }

  offer() {
    const kept = this.read();
    if (!kept || kept.text === this.session.text) return this.session.set({ kept: null });
    return this.session.set({ kept });
  }

  read() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "null");
      return typeof kept?.text === "string" ? kept : null;
    } catch {
      return null;
    }
  }
}
