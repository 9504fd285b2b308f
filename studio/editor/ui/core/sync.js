// The one way to the server. One commit is under way at a time; its answer moves the base on which the next one stands.
//
// What travels: {op, workflow_id, revision, typed, edits, layout, undone?}. `typed` are the changes of the text by the person,
// `edits` span edits of the canvas and the inspector, `layout` what moved, `undone` what of that only undo moved. The answer: {op, revision, changes, graph, error?};
// `changes` is what each edit did to the text that the commit stood on. A commit without an answer is sent again with the
// text it stands on, so that the server can tell whether the first try arrived; so is one that is `stale`, because somebody
// else saved meanwhile. Then both are merged: `merged` is what their changes do to the text, `layout` the whole sidecar, or
// there is a `conflict` about the fields that both changed, and the person's choices go with the commit once more.
import { ChangeSet } from "@codemirror/state";
import { moved } from "../run/pins.js";
import { PARTS, adopted, differing, laidOver, layOut, layoutField, readLayout, renamedIn, writeLayout } from "../text/layout.js";
import { fromServer } from "../text/marks.js";
import { applyFromServer, layoutOf, replaceAll } from "../text/view.js";
import { BothChanged } from "./both.js";

const LOST_MS = 6_000;
const PAUSE_MS = 3_000; // who types on in a field after this long begins another step of the history

const untouched = () => ({ nodes: new Set(), notes: new Set(), groups: new Set() });
const isTouched = (touched) => PARTS.some((part) => touched[part].size > 0);
const withTouched = (touched, more) => Object.fromEntries(PARTS.map((part) => [part, new Set([...touched[part], ...more[part]])]));
const without = (touched, other) => Object.fromEntries(PARTS.map((part) => [part, new Set([...touched[part]].filter((id) => !other[part].has(id)))]));
const withAll = (touched, layout) => Object.fromEntries(PARTS.map((part) => [part, new Set([...touched[part], ...(layout?.[part]?.keys() ?? [])])]));

export class Sync {
  constructor(session, revision) {
    this.session = session;
    this.revision = revision;
    this.known = this.view.state.doc; // the text that the server has
    this.knownLayout = layoutOf(this.view); // and the layout that was there with it
    this.queue = []; // [{build, after, field}]
    this.flight = null;
    this.taking = false; // an answer is being taken over: what is sent next stands on all of it
    this.typed = null; // ChangeSet: what the server does not have yet, relative to `known`
    this.touched = untouched(); // which places, notes and groups the server does not have yet
    this.undone = untouched(); // those of them that only a step in the history changed
    this.anew = false; // the graph that is drawn is not that of `known`: the next answer brings the whole one
    this.lost = null;
    this.halted = false; // nothing is sent: there is a conflict, or
    this.stuck = false; // the server refused what was typed; more typing may mend it
    this.count = 0;
    this.names = session.names;
    this.stroke = { field: null, at: 0, number: 0 };
    this.idlers = [];
    this.both = new BothChanged();
  }

  get view() {
    return this.session.view;
  }

  get isAllSent() {
    return !this.queue.length && !this.typed && !isTouched(this.touched);
  }

  get idle() {
    return !this.flight && this.isAllSent;
  }

  // Resolves once everything is on the server; rejects while it cannot be (conflict).
  settled() {
    this.session.drafts.flush();
    this.pump();
    if (this.halted) return Promise.reject(new Error("The draft could not be saved."));
    return this.idle ? Promise.resolve() : new Promise((resolve, reject) => this.idlers.push({ resolve, reject }));
  }

  // Called for every change of the document by the person, undo and redo included.
  onUpdate(update) {
    for (const tr of update.transactions) {
      if (tr.annotation(fromServer)) continue;
      const laid = tr.effects.filter((effect) => effect.is(layOut));
      if (laid.length) this.laid(withAll(untouched(), differing(tr.startState.field(layoutField), tr.state.field(layoutField))), laid[0].value.back);
      if ((tr.docChanged || laid.length) && this.stuck) this.halted = this.stuck = false;
      if (tr.docChanged) this.typed = this.typed ? this.typed.compose(tr.changes) : tr.changes;
    }
    if (this.idle) return;
    this.session.setSave("pending");
    this.pump();
  }

  laid(touched, isStep) {
    this.touched = withTouched(this.touched, touched);
    this.undone = isStep ? withTouched(this.undone, touched) : without(this.undone, touched);
  }

  // `build(graph)` gives {edits, layout} when its turn comes, or null when there is nothing left to do. `field`: what is
  // being typed into; of several values for one field that wait, the last one counts.
  edit(build, { after = null, field = null } = {}) {
    const last = this.queue.at(-1);
    const step = field && this.strokeOf(field);
    if (step && last?.field === step) this.queue.pop();
    this.queue.push({ build, after, field: step });
    this.session.setSave("pending");
    this.pump();
  }

  // Typing into one field without a long pause is one step of the history, however slowly the server answers.
  strokeOf(field) {
    const now = Date.now();
    const { field: before, at, number } = this.stroke;
    this.stroke = { field, at: now, number: field === before && now - at < PAUSE_MS ? number : number + 1 };
    return `${field}#${this.stroke.number}`;
  }

  pump() {
    if (this.flight || this.halted || this.taking) return;
    const op = { op: `${this.session.id}:${(this.count += 1)}`, workflow_id: this.session.state.view.workflow_id, revision: this.revision };
    const sent = { base: this.known, baseLayout: this.knownLayout, typed: this.typed, layout: null, touched: this.touched, undone: untouched(), after: null, field: null };
    if (this.anew) op.anew = true;
    if (this.typed) op.typed = listed(this.typed);
    // Edits that stand behind typing wait for its answer: their edges are counted on the graph of the new text.
    const next = !this.typed && this.queue.shift();
    if (next) {
      const { graph } = this.session.state;
      const built = next.build(graph);
      if (!built) return this.pump();
      op.edits = this.names.now(built.edits, graph);
      Object.assign(sent, { layout: built.layout ?? null, after: next.after, field: next.field });
    }
    sent.laid = laidOver(layoutOf(this.view), sent.layout ?? {});
    op.layout = writeLayout(sent.laid, withAll(sent.touched, sent.layout));
    sent.undone = without(this.undone, withAll(untouched(), sent.layout));
    if (isTouched(sent.undone)) op.undone = listedOf(sent.undone);
    this.touched = untouched();
    this.undone = untouched();
    if (!op.typed && !op.edits?.length && !Object.keys(op.layout).length) return this.rest();
    this.typed = null;
    this.flight = { op, sent };
    this.session.setSave("saving");
    this.send();
  }

  // Take over what somebody else saved, as a commit that changes nothing; what is being written is sent first, as what it is.
  pull() {
    this.session.drafts.flushResting();
    if (!this.idle || this.halted) return;
    this.ask({ workflow_id: this.session.state.view.workflow_id, revision: this.revision, layout: {} }, { base: this.known, baseLayout: this.knownLayout, typed: null, layout: null, laid: this.knownLayout, touched: untouched(), undone: untouched(), after: null, field: null, pulls: true });
  }

  send(again = false) {
    const { op, sent } = this.flight;
    clearTimeout(this.lost);
    this.lost = setTimeout(() => {
      this.session.setSave("failed", "No answer from the server. Your changes are kept in this tab and sent as soon as it answers.");
      this.send(true);
    }, LOST_MS);
    this.session.server.commit(again || sent.choices ? { ...op, ...this.standsOn(sent) } : op);
  }

  standsOn({ base, baseLayout, undone, choices, theirs }) {
    return { base: base.sliceString(0, undefined, "\n"), base_layout: writeLayout(baseLayout, { ...withAll(untouched(), baseLayout), nodes: undone.nodes }), choices, theirs };
  }

  // The same commit as another question, so that its answer is not taken for the first one's.
  ask(op, sent) {
    this.flight = { op: { ...op, op: `${this.session.id}:${(this.count += 1)}` }, sent };
    this.send(true);
  }

  // Send now what waits for an answer: the connection is back.
  retry() {
    if (this.flight && !this.flight.answered) this.send(true);
  }

  answer(reply) {
    if (!this.flight || reply.op !== this.flight.op.op || this.flight.answered) return;
    clearTimeout(this.lost);
    const { op, sent } = this.flight;
    if (reply.revision !== undefined) return this.kept(reply, sent);
    this.flight = null;
    if (reply.stale) return this.ask(op, sent);
    if (reply.conflict) return this.onConflict(reply, op, sent);
    return this.refused(reply, sent);
  }

  // It is on the server. That is said before the canvas is drawn again, which takes longer; not when somebody waits for it
  // to do more: a second undo, pressed at once, is no less this person's than the first.
  kept(reply, sent) {
    this.flight.answered = this.flight.saved = true;
    if (!reply.error && this.isAllSent && !this.idlers.length) this.session.setSave("saved");
    setTimeout(() => this.session.sync === this && this.view && this.take(reply, sent));
  }

  take(reply, sent) {
    this.flight = null;
    this.revision = reply.revision;
    this.anew = false;
    this.taking = true;
    try {
      this.rebase(reply, sent);
      for (const [from, to] of Object.entries({ ...reply.retyped, ...reply.renamed })) this.follow(from, to);
      this.session.setGraph(reply.graph, reply.op);
    } finally {
      this.taking = false;
    }
    if (reply.merged) this.session.say(this.saidOf(reply, sent));
    if (!reply.error && !sent.pulls) this.both.saved(sent);
    if (reply.error) this.session.fail(reply.error);
    sent.after?.(reply);
    this.pump();
  }

  // How this person is told that somebody else saved.
  saidOf(reply, sent) {
    const by = reply.by ?? "Somebody";
    if (sent.pulls) return this.both.takenOver(readLayout(reply.layout), by) ?? `${by} changed the draft.`;
    const left = this.both.heldBack(sent, readLayout(reply.layout), by);
    return left ?? (reply.theirs && this.both.laidOver(sent, readLayout(reply.theirs), by)) ?? `Merged with what ${reply.by ?? "somebody"} changed meanwhile.`;
  }

  // A node's name was typed over, or changed by somebody else: what stands beside the text goes with it, as on the server, and
  // so does what is being done to the node.
  follow(from, to) {
    this.names.changed(from, to);
    const layout = renamedIn(layoutOf(this.view), from, to);
    if (Object.keys(layout).length) applyFromServer(this.view, null, layout, { undoable: false });
    this.knownLayout = laidOver(this.knownLayout, renamedIn(this.knownLayout, from, to));
    this.session.set((s) => ({
      pins: moved(s.pins, from, to),
      selected: { ...s.selected, nodes: s.selected.nodes.map((name) => (name === from ? to : name)) },
    }));
  }

  // Nothing of it was kept (a text too long, a right that is gone): it stays unsaved in this tab until it can be.
  refused(reply, sent) {
    if (sent.typed) this.typed = this.typed ? sent.typed.compose(this.typed) : sent.typed;
    this.laidAgain(sent);
    this.halted = this.stuck = Boolean(sent.typed || isTouched(sent.touched));
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
    applyFromServer(this.view, this.under(patch), reply.error ? null : sent.layout, { field: sent.field, drawn: this.session.state.positions });
    if (reply.error) this.laidAgain(sent); // with the edits nothing was moved either
    if (reply.merged) this.takeOver(reply);
    else if (!reply.error) this.knownLayout = sent.laid;
  }

  // What was sent and not kept is to be sent again.
  laidAgain({ touched, undone }) {
    this.undone = withTouched(this.undone, without(undone, this.touched));
    this.touched = withTouched(this.touched, touched);
  }

  // The change as it is for the document of this moment, with what was typed on top.
  under(patch) {
    if (!patch || !this.typed) return patch;
    const change = patch.map(this.typed, true);
    this.typed = this.typed.map(patch);
    return change;
  }

  // What somebody else changed: not this person's to undo.
  takeOver({ merged, layout, by }) {
    const patch = composed([merged], this.known.length);
    this.known = patch.apply(this.known);
    this.knownLayout = readLayout(layout);
    const theirs = adopted(layoutOf(this.view), this.knownLayout, this.touched);
    this.both.heard(theirs, by ?? "Somebody");
    applyFromServer(this.view, this.under(patch), theirs, { undoable: false });
  }

  onConflict(reply, op, sent) {
    if (this.session.typing.isUnderWay) return this.postpone(reply, op, sent);
    this.halted = true;
    this.abandon("conflict");
    this.session.conflict({ ...reply.conflict, op, sent });
  }

  // Nobody chooses in the middle of a word: once the typing rests it is asked again, with all that was typed.
  async postpone(reply, op, sent) {
    this.flight = { op, sent, answered: true };
    this.session.setSave("pending");
    await this.session.typing.rests();
    if (this.session.sync !== this || !this.view) return;
    this.flight = null;
    const isOutdone = sent.typed ? this.typed : sent.field && this.queue[0]?.field === sent.field;
    if (sent.choices || !isOutdone) return this.onConflict(reply, op, sent);
    if (sent.typed) this.typed = sent.typed.compose(this.typed);
    this.laidAgain(sent);
    this.pump();
  }

  // The person chose, for each field that both changed: [{place, take}]. What they saw is the other's `revision`.
  decide({ op, sent, revision }, choices) {
    this.halted = false;
    this.session.setSave("saving");
    this.ask(op, { ...sent, choices, theirs: revision });
  }

  abandon(why) {
    this.idlers.splice(0).forEach(({ reject }) => reject(new Error(why)));
  }

  // Stand on a text that the server had before, as an earlier visit did (unsaved.js). The graph that is drawn is not its own.
  standOn({ text, revision, layout }) {
    replaceAll(this.view, text, layout);
    this.known = this.view.state.doc;
    this.knownLayout = layout;
    this.revision = revision;
    this.anew = true;
  }

  // Take the other side's draft; what was not saved here is dropped.
  takeTheirs({ text, revision }, layout) {
    this.queue = [];
    this.typed = null;
    this.touched = untouched();
    this.undone = untouched();
    this.revision = revision;
    this.halted = false;
    replaceAll(this.view, text, layout);
    this.known = this.view.state.doc;
    this.knownLayout = layoutOf(this.view);
    this.session.setSave("saved");
  }

  rest() {
    if (!this.idle) return;
    this.session.setSave("saved");
    this.idlers.splice(0).forEach(({ resolve }) => resolve());
  }

  close() {
    clearTimeout(this.lost);
    this.halted = true;
  }
}

const listedOf = (touched) => Object.fromEntries(PARTS.filter((part) => touched[part].size).map((part) => [part, [...touched[part]]]));

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
