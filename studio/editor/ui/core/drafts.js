// Fields under edit. What was typed into them last is saved before anything looks at the draft. What cannot be saved yet (half a
// value, a name that is taken) counts as unsaved, is kept in the browser (backup.js), and is back when its field is shown again.

const OPEN = "What you typed into a field is not saved yet. Leave the field to save it.";

export class Drafts {
  constructor(session) {
    this.session = session;
    this.fields = new Set(); // {node, id, isDirty, text, rests, commit()}: `id` names the field, where it has one
    this.kept = []; // [{workflow, node, id, text}] of fields that are not shown
  }

  // Returns how to leave again.
  add(field) {
    this.fields.add(field);
    const { workflow } = this;
    return () => {
      this.fields.delete(field);
      if (field.isDirty && field.id) this.kept.push({ workflow, ...entryOf(field) });
      this.changed();
    };
  }

  get workflow() {
    return this.session.state.view?.workflow_id;
  }

  // What an earlier visit left in fields of this workflow.
  keep(entries) {
    this.kept.push(...entries.map((one) => ({ workflow: this.workflow, ...one })));
  }

  flush() {
    for (const field of this.fields) field.commit();
  }

  // The same for those that are saved while they are typed into.
  flushResting() {
    for (const field of this.fields) if (field.rests) field.commit();
  }

  get isDirty() {
    return this.unsaved.length > 0 || [...this.fields].some((field) => field.isDirty);
  }

  // [{node, id, text}]
  get unsaved() {
    const { graph } = this.session.state;
    const open = [...this.fields].filter((field) => field.isDirty && field.id).map(entryOf);
    const hidden = this.kept.filter(({ workflow, node }) => workflow === this.workflow && (!node || graph?.byName.has(node)));
    return [...hidden.map(entryOf), ...open];
  }

  // A field became dirty, or clean.
  changed() {
    const { sync, state } = this.session;
    if (!sync || ["readonly", "failed", "conflict"].includes(state.save.state)) return this.session.backup.keepSoon();
    if (this.isDirty) return state.save.state === "saving" ? this.session.backup.keepSoon() : this.session.setSave("pending", OPEN);
    return sync.idle && state.save.state === "pending" ? this.session.setSave("saved") : undefined;
  }

  // What was typed into a field before it went out of sight, or in an earlier visit; null where nothing was.
  take(node, id) {
    const found = this.kept.findIndex((one) => one.workflow === this.workflow && one.node === node && one.id === id);
    return found < 0 ? null : this.kept.splice(found, 1)[0].text;
  }

  // As it may be said while all else is saved: [state, message].
  said(state, message) {
    return state === "saved" && this.isDirty ? ["pending", OPEN] : [state, message];
  }
}

const entryOf = ({ node, id, text }) => ({ node, id, text });
