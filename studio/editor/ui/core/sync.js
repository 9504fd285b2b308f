// The one way to the server. One commit is under way at a time; its answer moves the base on which the next one stands.
//
// What travels: {op, workflow_id, revision, typed, edits, layout}. `typed` are the changes of the text by the person, `edits`
// span edits of the canvas and the inspector, `layout` what moved. The answer: {op, revision, changes, graph, error?,
// conflict?}; `changes` is what each edit did to the text that the commit stood on. A commit without an answer is sent again
// with the text it stands on, so that the server can tell whether the first try arrived.
import { ChangeSet } from "@codemirror/state";
import { layOut, writeLayout } from "../text/layout.js";
import { fromServer } from "../text/marks.js";
import { applyFromServer, layoutOf, minimalChange, replaceAll, textOf } from "../text/view.js";

const TYPING_MS = 60;
const LOST_MS = 6_000;
const PAUSE_MS = 3_000; // who types on in a field after this long begins another step of the history

const untouched = () => ({ nodes: new Set(), notes: false, groups: false });
const isTouched = ({ nodes, notes, groups }) => nodes.size > 0 || notes || groups;

export class Sync {
  constructor(session, revision) {
    this.session = session;
    this.revision = revision;
    this.known = this.view.state.doc; // the text that the server has
    this.queue = []; // [{build, after, field}]
    this.flight = null;
    this.typed = null; // ChangeSet: what the server does not have yet, relative to `known`
    this.touched = untouched();
    this.timer = null;
    this.lost = null;
    this.halted = false; // nothing is sent: there is a conflict, or
    this.stuck = false; // the server refused what was typed; more typing may mend it
    this.count = 0;
    this.stroke = { field: null, at: 0, number: 0 };
    this.idlers = [];
  }

  get view() {
    return this.session.view;
  }

  get idle() {
    return !this.flight && !this.queue.length && !this.typed && !isTouched(this.touched);
  }

  // Resolves once everything is on the server; rejects while it cannot be (conflict).
  settled() {
    this.session.drafts.flush();
    this.flush();
    if (this.halted) return Promise.reject(new Error("The draft could not be saved."));
    return this.idle ? Promise.resolve() : new Promise((resolve, reject) => this.idlers.push({ resolve, reject }));
  }

  // Called for every change of the document by the person, undo and redo included.
  onUpdate(update) {
    for (const tr of update.transactions) {
      if (tr.annotation(fromServer)) continue;
      for (const effect of tr.effects) if (effect.is(layOut)) this.touch(effect.value.after);
      if (tr.docChanged && this.stuck) this.halted = this.stuck = false;
      if (tr.docChanged) this.typed = this.typed ? this.typed.compose(tr.changes) : tr.changes;
    }
    if (this.idle) return;
    this.session.setSave("pending");
    const urgent = update.transactions.some((tr) => tr.isUserEvent("undo") || tr.isUserEvent("redo") || !tr.docChanged);
    this.schedule(urgent ? 0 : TYPING_MS);
  }

  touch({ nodes, notes, groups }) {
    for (const name of nodes?.keys() ?? []) this.touched.nodes.add(name);
    this.touched.notes ||= Boolean(notes);
    this.touched.groups ||= Boolean(groups);
  }

  // `build(graph)` gives {edits, layout} when its turn comes, or null when there is nothing left to do. `field`: what is
  // being typed into; of several values for one field that wait, the last one counts.
  edit(build, { after = null, field = null } = {}) {
    const last = this.queue.at(-1);
    const step = field && this.strokeOf(field);
    if (step && last?.field === step) this.queue.pop();
    this.queue.push({ build, after, field: step });
    this.session.setSave("pending");
    this.schedule(0);
  }

  // Typing into one field without a long pause is one step of the history, however slowly the server answers.
  strokeOf(field) {
    const now = Date.now();
    const { field: before, at, number } = this.stroke;
    this.stroke = { field, at: now, number: field === before && now - at < PAUSE_MS ? number : number + 1 };
    return `${field}#${this.stroke.number}`;
  }

  schedule(wait) {
    clearTimeout(this.timer);
    if (wait) this.timer = setTimeout(() => this.pump(), wait);
    else this.pump();
  }

  flush() {
    clearTimeout(this.timer);
    this.pump();
  }

  pump() {
    if (this.flight || this.halted) return;
    const op = { op: `${this.session.id}:${(this.count += 1)}`, workflow_id: this.session.state.view.workflow_id, revision: this.revision };
    const sent = { base: this.known, typed: this.typed, layout: null, after: null, field: null };
    if (this.typed) op.typed = listed(this.typed);
    // Edits that stand behind typing wait for its answer: their edges are counted on the graph of the new text.
    const next = !this.typed && this.queue.shift();
    if (next) {
      const built = next.build(this.session.state.graph);
      if (!built) return this.pump();
      op.edits = built.edits;
      Object.assign(sent, { layout: built.layout ?? null, after: next.after, field: next.field });
    }
    op.layout = this.takeLayout(sent.layout);
    if (!op.typed && !op.edits?.length && !Object.keys(op.layout).length) return this.rest();
    this.typed = null;
    this.flight = { op, sent };
    this.session.setSave("saving");
    this.send();
  }

  // What moved, together with what an edit moves.
  takeLayout(withEdit) {
    const touched = this.touched;
    this.touched = untouched();
    if (!withEdit) return writeLayout(layoutOf(this.view), touched);
    const now = layoutOf(this.view);
    const next = { ...now };
    for (const part of ["nodes", "notes", "groups"]) {
      if (!withEdit[part]) continue;
      next[part] = new Map(now[part]);
      for (const [id, value] of withEdit[part]) value ? next[part].set(id, value) : next[part].delete(id);
    }
    for (const name of withEdit.nodes?.keys() ?? []) touched.nodes.add(name);
    touched.notes ||= Boolean(withEdit.notes);
    touched.groups ||= Boolean(withEdit.groups);
    return writeLayout(next, touched);
  }

  send(again = false) {
    const { op, sent } = this.flight;
    clearTimeout(this.lost);
    this.lost = setTimeout(() => {
      this.session.setSave("failed", "No answer from the server. Your changes are kept in this tab and sent as soon as it answers.");
      this.send(true);
    }, LOST_MS);
    this.session.server.commit(again ? { ...op, base: sent.base.sliceString(0, undefined, "\n") } : op);
  }

  // Send now what waits for an answer: the connection is back.
  retry() {
    if (this.flight) this.send(true);
  }

  answer(reply) {
    if (!this.flight || reply.op !== this.flight.op.op) return;
    clearTimeout(this.lost);
    const { op, sent } = this.flight;
    this.flight = null;
    if (reply.conflict) return this.onConflict(reply, op, sent);
    if (reply.revision === undefined) return this.refused(reply, sent);
    this.revision = reply.revision;
    this.rebase(reply, sent);
    this.session.setGraph(reply.graph, reply.op);
    if (reply.error) this.session.fail(reply.error);
    sent.after?.(reply);
    this.pump();
  }

  // Nothing of it was kept (a text too long, a right that is gone): it stays unsaved in this tab until it can be.
  refused(reply, sent) {
    if (sent.typed) this.typed = this.typed ? sent.typed.compose(this.typed) : sent.typed;
    this.halted = this.stuck = Boolean(sent.typed);
    this.session.fail(reply.error);
    sent.after?.(reply);
    if (!this.halted) return this.pump();
    this.session.setSave("failed", reply.error);
    this.abandon(reply.error);
  }

  // Put the server's change into the document, under whatever was typed since.
  rebase(reply, sent) {
    const before = sent.typed ? sent.typed.apply(sent.base) : sent.base;
    const patch = composed(reply.changes, before.length);
    this.known = patch ? patch.apply(before) : before;
    let change = patch;
    if (patch && this.typed) {
      change = patch.map(this.typed, true);
      this.typed = this.typed.map(patch);
    }
    applyFromServer(this.view, change, reply.error ? null : sent.layout, { field: sent.field });
  }

  onConflict(reply, op, sent) {
    this.halted = true;
    this.abandon("conflict");
    this.session.conflict({ ...reply.conflict, mine: textOf(this.view), op, sent });
  }

  abandon(why) {
    this.idlers.splice(0).forEach(({ reject }) => reject(new Error(why)));
  }

  // Take the other side's draft; what was not saved here is dropped.
  takeTheirs({ text, revision }, layout) {
    this.queue = [];
    this.typed = null;
    this.touched = untouched();
    this.revision = revision;
    this.halted = false;
    replaceAll(this.view, text, layout);
    this.known = this.view.state.doc;
    this.session.setSave("saved");
  }

  // Save this side's text over theirs, as a new revision.
  keepMine({ revision, op, text, sent }) {
    this.revision = revision;
    this.halted = false;
    const { nodes } = layoutOf(this.view);
    this.touch({ nodes: sent.layout?.nodes ? new Map([...nodes, ...sent.layout.nodes]) : nodes, notes: true, groups: true });
    if (op.edits) this.queue.unshift({ build: () => ({ edits: op.edits, layout: sent.layout }), after: sent.after, field: sent.field });
    const mine = textOf(this.view);
    const change = minimalChange(text, mine);
    this.known = this.view.state.toText(text);
    this.typed = change && ChangeSet.of(change, text.length, "\n");
    this.pump();
  }

  rest() {
    if (!this.idle) return;
    this.session.setSave("saved");
    this.idlers.splice(0).forEach(({ resolve }) => resolve());
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.lost);
    this.halted = true;
  }
}

function listed(changes) {
  const found = [];
  changes.iterChanges((from, to, _from, _to, inserted) => found.push({ from, to, insert: inserted.sliceString(0, undefined, "\n") }));
  return found;
}

// Several edits, each a list of {from, to, insert} on the text before it, as one change of the first text.
function composed(steps, length) {
  return (steps ?? []).reduce((all, step) => {
    const change = ChangeSet.of(step, all ? all.newLength : length, "\n");
    return all ? all.compose(change) : change;
  }, null);
}
