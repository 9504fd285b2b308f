// Who else has this draft open, and whether it moved on elsewhere: said and asked every few seconds while the tab is seen.
import { presenceIn } from "./api.js";

const EVERY_MS = 4_000;

export class Presence {
  constructor(session) {
    this.session = session;
    this.timer = null;
    this.workflow = null;
  }

  start(workflow) {
    this.stop();
    this.workflow = workflow;
    this.beat();
  }

  stop() {
    clearTimeout(this.timer);
    this.leave();
    this.workflow = null;
  }

  // Goes out even while the page is being closed.
  leave() {
    if (this.workflow) presenceIn(this.workflow, { tab: this.session.id, leaves: true }, { keepalive: true }).catch(() => {});
  }

  beat() {
    const { workflow } = this;
    this.timer = setTimeout(() => this.workflow === workflow && this.beat(), EVERY_MS);
    if (document.hidden) return;
    const node = this.session.state.selected.nodes[0] ?? null;
    presenceIn(workflow, { tab: this.session.id, node }).then((found) => this.workflow === workflow && this.heard(found), () => {});
  }

  heard({ people, revision }) {
    const before = this.session.state.people;
    if (JSON.stringify(before) !== JSON.stringify(people)) this.session.set({ people });
    if (revision > this.session.sync.revision) this.session.movedOn();
  }
}
