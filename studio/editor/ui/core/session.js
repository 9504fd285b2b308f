// One open workflow: what the components can ask for. Holds the store, the text, and the way to the server.
import { redo, redoDepth, undo, undoDepth } from "@codemirror/commands";
import { completing } from "../text/language/completing.js";
import { hovering } from "../text/language/hovering.js";
import { applyDraft, applyFix, applyLayout, createView, goToLine, inHistory, layoutOf, textOf } from "../text/view.js";
import { showLines, showProblems } from "../text/look.js";
import { readLayout } from "../text/layout.js";
import { atLine, edgeOf, hasShapeOf, isEmpty, isOfEmpty, linesOfNode, placeOfEdge, readGraph } from "../graph/graph.js";
import { place } from "../graph/places.js";
import { RunControl } from "../run/run_control.js";
import { Versions } from "../versions/versions.js";
import { getLanguage } from "./api.js";
import { Backup } from "./backup.js";
import { Presence } from "./presence.js";
import { createStore } from "./store.js";
import { Drafts } from "./drafts.js";
import { Names } from "./names.js";
import { Sync } from "./sync.js";
import { Typing } from "./typing.js";
import { goOn } from "./unsaved.js";

const START = {
  view: null, graph: null, valid: true, diagnostics: [], positions: new Map(), notes: new Map(), groups: new Map(),
  selected: { nodes: [], edge: null, notes: [] }, mode: "split", save: { state: "saved" }, history: { undo: 0, redo: 0 },
  run: null, lastRun: null, whole: null, at: null, compare: null, heat: null, people: [], newer: false, pins: {}, chat: [], busy: false, drawer: { tab: "chat", open: true }, inspector: "settings", wide: false, reads: false,
  picker: null, palette: null, menu: null, publish: null, conflict: null, sheet: false, report: false, tour: null, toast: null,
  focusStep: null, fit: 0, reveal: null, zoom: null, snap: true, map: null, isPart: false, hovered: null, over: null, naming: null, writing: null,
  focusName: null, asksWhen: null, problem: -1, kept: null, versions: null,
};

export class Session {
  constructor() {
    this.id = Math.random().toString(36).slice(2, 10);
    this.store = createStore(START);
    this.server = {};
    this.runs = new RunControl(this);
    this.versions = new Versions(this);
    this.drafts = new Drafts(this);
    this.names = new Names();
    this.backup = new Backup(this);
    this.presence = new Presence(this);
    this.typing = new Typing();
    this.checks = { asked: null, done: null, early: null, waiting: [] };
    this.reader = null; // the field that the cursor was in last: {insert(path)}
  }

  get state() {
    return this.store.get();
  }

  set(change) {
    this.store.set(change);
  }

  open(view) {
    this.close();
    view.specs = Object.assign(Object.create(null), view.specs); // a type may be called "constructor"
    this.view = createView({
      text: view.text, layout: readLayout(view.layout), readOnly: !view.can.write, most: view.max_text,
      handlers: { onUpdate: (update) => this.onUpdate(update), refuse: (why) => this.fail(why), keys: this.keys() },
      help: [hovering(this, getLanguage), view.can.write ? completing(this, getLanguage) : []],
    });
    this.names = new Names();
    this.sync = new Sync(this, view.revision);
    const { mode, snap, reads } = this.state;
    this.set({ ...START, view, mode, snap, reads, pins: Object.assign(Object.create(null), view.pins), save: { state: view.can.write ? "saved" : "readonly" } });
    this.setGraph(view.graph, null);
    this.setDiagnostics(view.diagnostics);
    this.set((s) => ({ fit: s.fit + 1 }));
    if (!view.graph) this.setMode("split");
    this.backup.offer();
    this.runs.open(view.run);
    this.presence.start(view.name);
  }

  // The page was loaded again under a living session: the connection was lost, or the server restarted.
  reopened(view) {
    this.set((s) => ({ view: { ...s.view, can: view.can, live: view.live, latest: view.latest } }));
    if (view.revision === this.sync.revision || !this.sync.idle) return this.sync.retry();
    this.sync.takeTheirs(view, readLayout(view.layout));
    this.setGraph(view.graph, null);
    this.setDiagnostics(view.diagnostics);
    return this.say("The draft was changed elsewhere meanwhile; this is how it stands now.");
  }

  // Somebody saved the draft. Who may write takes it over at once, between two changes; who may only look is told.
  movedOn() {
    if (this.state.view.can.write) this.sync.pull();
    else if (!this.state.newer) this.set({ newer: true });
  }

  close() {
    if (this.view) {
      this.drafts.flush();
      this.backup.keep();
    }
    this.presence.stop();
    this.sync?.close();
    this.runs.close();
    this.view?.destroy();
    this.view = null;
  }

  keys() {
    const key = (name, run) => ({ key: name, run, preventDefault: true });
    return [key("Mod-z", () => this.undo()), key("Mod-y", () => this.redo()), key("Mod-Shift-z", () => this.redo())];
  }

  onUpdate(update) {
    if (update.docChanged || update.transactions.some((tr) => tr.effects.length)) this.sync?.onUpdate(update);
    const { state } = update;
    const depth = { undo: undoDepth(state), redo: redoDepth(state) };
    const known = this.state.history;
    if (depth.undo !== known.undo || depth.redo !== known.redo) this.set({ history: depth });
    this.replace();
    const byPerson = update.transactions.some((tr) => tr.isUserEvent("select") || tr.isUserEvent("input"));
    if (update.selectionSet && byPerson) this.selectAtLine(state.doc.lineAt(state.selection.main.head).number);
  }

  // ---- what the server says

  // `change`: a graph or a difference (graph.js), null while the text is no workflow: then the last good one stays.
  setGraph(change, op) {
    const before = this.state.graph;
    const graph = change ? readGraph(before, change) : before;
    this.checks.asked = op;
    this.set((s) => ({ graph, valid: Boolean(change), selected: change ? kept(s.selected, graph, s.notes) : s.selected }));
    this.replace();
    this.highlight(false);
    if (op && this.checks.early?.op === op) this.checked(this.checks.early);
  }

  // The answer may come while the graph that it is about waits to be drawn (sync.js).
  checked({ op, diagnostics }) {
    if (op !== this.checks.asked) return void (this.checks.early = { op, diagnostics });
    this.checks.done = op;
    this.setDiagnostics(diagnostics);
    this.checks.waiting.splice(0).forEach((resolve) => resolve());
  }

  setDiagnostics(found) {
    const diagnostics = isEmpty(this.state) ? found.filter((one) => !isOfEmpty(one)) : found;
    this.set({ diagnostics });
    showProblems(this.view, diagnostics);
  }

  // Resolves when everything is saved and the diagnostics are those of the saved text.
  async whenChecked() {
    await this.sync.settled();
    if (this.checks.done === this.checks.asked) return undefined;
    return new Promise((resolve) => this.checks.waiting.push(resolve));
  }

  // Recompute places when the layout or the set of nodes changed.
  replace() {
    const { graph, positions } = this.state;
    if (!this.view) return;
    const layout = layoutOf(this.view);
    if (this.placed?.layout === layout && hasShapeOf(this.placed.graph, graph)) return;
    this.placed = { graph, layout };
    const next = graph ? place(graph.nodes, graph.edges, layout.nodes) : positions;
    const same = next.size === positions.size && [...next].every(([name, [x, y]]) => positions.get(name)?.[0] === x && positions.get(name)?.[1] === y);
    this.set({ positions: same ? positions : next, notes: layout.notes, groups: layout.groups });
  }

  setSave(...said) {
    const [state, message] = this.drafts.said(...said);
    if (state === "saved") this.backup.forget();
    else if (state !== "readonly") this.backup.keepSoon();
    if (this.state.save.state !== state || this.state.save.message !== message) this.set({ save: { state, message } });
  }

  conflict(theirs) {
    this.set({ conflict: theirs, save: { state: "conflict", message: "Both of you changed the same; choose what is to stay." } });
  }

  // `choices`: [{place, take: "mine" | "theirs"}] for each collision, or null to drop everything of one's own.
  resolve(choices) {
    const theirs = this.state.conflict;
    this.set({ conflict: null });
    if (choices) return this.sync.decide(theirs, choices);
    this.sync.takeTheirs(theirs, readLayout(theirs.layout));
    this.setGraph(theirs.graph, null);
    return this.setDiagnostics(theirs.diagnostics);
  }

  say(message, tone = "info") {
    this.set({ toast: { message, tone, at: Date.now() } });
  }

  fail(message) {
    this.say(message, "error");
  }

  // ---- the one way of changing things (actions.js says what to change)

  get canEdit() {
    return Boolean(this.state.view?.can.write && this.state.valid && this.state.graph);
  }

  // Why nothing can be changed now, or null.
  get whyNot() {
    const { view, valid } = this.state;
    if (!view?.can.write) return "Your role may look at workflows, not change them.";
    return valid ? null : "Mend the YAML first: the canvas shows the last good state.";
  }

  // The same for what is selected: notes stand beside the text, whatever it says.
  get whyNotSelected() {
    const { nodes, edge, notes } = this.state.selected;
    return notes.length && !nodes.length && !edge && this.state.view.can.write ? null : this.whyNot;
  }

  // `build(graph)` gives {edits, layout} or null; see Sync.edit.
  edit(build, options) {
    if (this.whyNot) return this.fail(this.whyNot);
    return this.sync.edit(build, options);
  }

  lay(layout, options) {
    if (!this.state.view.can.write) return this.fail(this.whyNot);
    return applyLayout(this.view, layout, { drawn: this.state.positions, ...options });
  }

  get layout() {
    return layoutOf(this.view);
  }

  undo() {
    return this.inHistory(undo);
  }

  redo() {
    return this.inHistory(redo);
  }

  // On what is saved; what the server refused cannot be, and going back is how to be rid of it.
  inHistory(step) {
    const go = () => this.view && inHistory(this.view, step, (left) => this.saidOf(left));
    if (this.sync.stuck) go();
    else {
      if (!this.sync.idle && this.state.save.state === "saved") this.setSave("pending"); // the answer is still being taken in
      this.sync.settled().then(go, () => {});
    }
    return true;
  }

  saidOf({ kept, gone }) {
    const { both } = this.sync;
    const { graph } = this.state;
    const renamed = gone.filter((name) => graph && !graph.byName.has(name));
    const said = [kept.length && both.leftAlone(kept), ...renamed.map((name) => both.wentAway(name, this.names.nowCalled(name, graph)))];
    if (said.some(Boolean)) this.say(said.filter(Boolean).join(" "));
  }

  saveNow() {
    this.sync.settled().then(() => this.say("Draft saved. It is saved after every change."), () => {});
    return true;
  }

  // ---- selection, panes

  select(nodes, { edge = null, notes = [], reveal = false, fromText = false } = {}) {
    const now = this.state.selected;
    const isSame = (before, items) => before.length === items.length && items.every((one) => before.includes(one));
    const same = now.edge === edge && isSame(now.nodes, nodes) && isSame(now.notes, notes);
    if (same && !reveal) return;
    this.set((s) => ({ selected: { nodes, edge, notes }, focusStep: null, asksWhen: null, reveal: reveal || fromText ? { nodes, notes, close: reveal, at: Date.now() } : s.reveal }));
    this.highlight(!fromText);
  }

  highlight(scroll) {
    const { selected, graph } = this.state;
    if (!this.view || !graph) return;
    const lines = selected.edge ? placeOfEdge(graph, selected.edge)?.lines : selected.nodes[0] ? linesOfNode(graph, selected.nodes[0]) : null;
    showLines(this.view, lines ?? null, { scroll });
  }

  selectAtLine(line) {
    const { graph, valid } = this.state;
    const found = graph && valid ? atLine(graph, line) : null;
    if (found?.node) this.select([found.node], { fromText: true });
    else if (found?.edge) this.select([], { edge: found.edge, fromText: true });
  }

  showProblem(problem) {
    if (problem.node) this.select([problem.node], { reveal: true });
    if (this.state.mode === "canvas") this.setMode("split");
    goToLine(this.view, problem.line, problem.column);
  }

  // The fix as it is for the text of this moment: what was typed since may have moved it.
  async applyFix(problem) {
    try {
      await this.whenChecked();
    } catch {
      return;
    }
    const same = (one) => one.code === problem.code && one.message === problem.message && one.node === problem.node && one.fix;
    const found = this.state.diagnostics.filter(same).sort((a, b) => Math.abs(a.line - problem.line) - Math.abs(b.line - problem.line))[0];
    if (found) applyFix(this.view, found.fix.patches);
    else this.say("This problem is gone already.");
  }

  setMode(mode) {
    this.set({ mode });
    requestAnimationFrame(() => this.view?.requestMeasure());
  }

  request(what, details = {}) {
    this.server[what]({ op: `${this.id}:${what}:${Date.now()}`, workflow_id: this.state.view.workflow_id, ...details });
  }

  // Go on with what this browser kept of an earlier visit; it can be undone.
  async restore(kept) {
    try {
      await this.sync.settled();
    } catch {
      return;
    }
    this.drafts.keep(kept.fields);
    goOn(this, kept);
    this.drafts.changed();
    this.backup.keep();
    this.backup.forget(kept.key);
    this.set({ kept: null });
    const field = kept.fields.find(({ node }) => node);
    if (field) this.showAgain(field.node);
  }

  // With what stands in its fields now.
  showAgain(node) {
    this.select([]);
    this.set({ inspector: "settings" });
    setTimeout(() => this.select([node], { reveal: true }));
  }

  // Another draft in place of this one, as a change of this person's: one step of the history.
  replaceDraft(text, layout) {
    applyDraft(this.view, text, readLayout(layout));
    this.set((s) => ({ fit: s.fit + 1 }));
  }

  get text() {
    return textOf(this.view);
  }
}

function kept(selected, graph, notes) {
  return {
    nodes: selected.nodes.filter((name) => graph.byName.has(name)),
    edge: edgeOf(graph, selected.edge) ? selected.edge : null,
    notes: selected.notes.filter((id) => notes.has(id)),
  };
}
