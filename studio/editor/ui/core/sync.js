// The one way to the server. One commit is under way at a time; its answer moves the base on which the next one stands.
//
// What travels: {op, revision, text?, edits?, layout?}. `text` is the whole document when the person typed; `edits` are
// span edits of the canvas and the inspector; `layout` holds the places that changed. The answer: {op, revision, changes,
// graph, diagnostics, error?, conflict?}; `changes` is what each edit did to the text that the commit stood on.
import { ChangeSet, applyFromServer, fromServer, layoutOf, minimalChange, moveNodes, replaceAll, textOf } from "../text/view.js";

const TYPING_MS = 150;
const LOST_MS = 12_000;

export class Sync {
  constructor(session, revision) {
    this.session = session;
    this.revision = revision;
    this.queue = [];
    this.flight = null;
    this.typed = null; // ChangeSet: what the server does not have yet, relative to the text it has
    this.moved = new Set();
    this.timer = null;
    this.lost = null;
    this.halted = false;
    this.count = 0;
    this.idlers = [];
  }

  get view() {
    return this.session.view;
  }

  get idle() {
    return !this.flight && !this.queue.length && !this.typed && !this.moved.size;
  }

  // Resolves once everything is on the server; rejects while it cannot be (conflict).
  settled() {
    this.flush();
    if (this.halted) return Promise.reject(new Error("The draft could not be saved."));
    return this.idle ? Promise.resolve() : new Promise((resolve, reject) => this.idlers.push({ resolve, reject }));
  }

  // Called for every change of the document by the person, undo and redo included.
  onUpdate(update) {
    for (const tr of update.transactions) {
      const known = tr.annotation(fromServer);
      for (const effect of tr.effects) {
        if (effect.is(moveNodes) && !known) Object.keys(effect.value.after).forEach((name) => this.moved.add(name));
      }
      if (tr.docChanged && !known) this.typed = this.typed ? this.typed.compose(tr.changes) : tr.changes;
    }
    if (!this.idle) {
      this.session.setSave("pending");
      const urgent = update.transactions.some((tr) => tr.isUserEvent("undo") || tr.isUserEvent("redo") || !tr.docChanged);
      this.schedule(urgent ? 0 : TYPING_MS);
    }
  }

  // `build(graph)` gives {edits, layout} when its turn comes, or null when there is nothing left to do.
  edit(build, after) {
    this.queue.push({ build, after });
    this.session.setSave("pending");
    this.schedule(0);
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
    const op = { op: `${this.session.id}:${(this.count += 1)}`, revision: this.revision };
    const sent = { typed: this.typed, text: textOf(this.view), doc: this.view.state.doc, after: null, places: {} };
    if (this.typed) op.text = sent.text;
    // Edits that stand behind typing wait for its answer: their edges are counted on the graph of the new text.
    const next = !this.typed && this.queue.shift();
    if (next) {
      const built = next.build(this.session.store.get().graph);
      if (!built) return this.pump();
      op.edits = built.edits;
      sent.places = built.layout ?? {};
      sent.after = next.after;
    }
    op.layout = { ...this.takeMoved(), ...sent.places };
    if (!op.text && !op.edits && !Object.keys(op.layout).length) return this.rest();
    this.typed = null;
    this.flight = { op, sent };
    this.session.setSave("saving");
    this.send();
  }

  takeMoved() {
    const layout = layoutOf(this.view);
    const places = Object.fromEntries([...this.moved].map((name) => [name, layout[name] ?? null]));
    this.moved.clear();
    return places;
  }

  send() {
    clearTimeout(this.lost);
    this.lost = setTimeout(() => {
      this.session.setSave("failed", "No answer from the server; trying again.");
      this.send(); // same op: the server answers a repeated one without applying it twice
    }, LOST_MS);
    this.session.server.commit(this.flight.op);
  }

  answer(reply) {
    if (!this.flight || reply.op !== this.flight.op.op) return;
    clearTimeout(this.lost);
    const { op, sent } = this.flight;
    this.flight = null;
    if (reply.conflict) return this.onConflict(reply, op, sent);
    this.revision = reply.revision ?? this.revision;
    this.rebase(reply, sent);
    this.session.setGraph(reply);
    if (reply.error) this.session.fail(reply.error);
    sent.after?.(reply);
    this.pump();
  }

  // Put the server's change into the document, under whatever was typed since.
  rebase(reply, sent) {
    const places = reply.error ? {} : sent.places;
    let change = null;
    const patch = composed(reply.changes, sent.doc.length);
    if (patch) {
      change = this.typed ? patch.map(this.typed, true) : patch;
      if (this.typed) this.typed = this.typed.map(patch);
    }
    applyFromServer(this.view, change, places);
  }

  onConflict(reply, op, sent) {
    const theirs = reply.conflict;
    if (theirs.text === textOf(this.view) && !op.edits) {
      this.revision = theirs.revision; // our own save, whose answer was lost
      this.typed = null;
      return this.pump();
    }
    this.halted = true;
    this.idlers.splice(0).forEach(({ reject }) => reject(new Error("conflict")));
    this.session.conflict({ ...theirs, mine: textOf(this.view), op, sent });
  }

  // Take the other side's draft; what was not saved here is dropped.
  takeTheirs({ text, layout, revision }) {
    this.queue = [];
    this.typed = null;
    this.moved.clear();
    this.revision = revision;
    this.halted = false;
    replaceAll(this.view, text, layout);
    this.session.setSave("saved");
  }

  // Save this side's text over theirs, as a new revision.
  keepMine({ revision, op, text }) {
    this.revision = revision;
    this.halted = false;
    const mine = textOf(this.view);
    const places = { ...(op.layout ?? {}), ...layoutOf(this.view) };
    const change = minimalChange(text, mine);
    if (op.edits) this.queue.unshift({ build: () => ({ edits: op.edits, layout: op.layout }), after: null });
    Object.keys(places).forEach((name) => this.moved.add(name));
    if (change) this.typed = ChangeSet.of(change, text.length, "\n");
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

// Several edits, each a list of {from, to, insert} on the text before it, as one change of the first text.
function composed(steps, length) {
  return (steps ?? []).reduce((all, step) => {
    const change = ChangeSet.of(step, all ? all.newLength : length, "\n");
    return all ? all.compose(change) : change;
  }, null);
}
