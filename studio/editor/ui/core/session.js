// One open workflow: what the components can ask for. Holds the store, the text, and the way to the server.
import { redo, redoDepth, undo, undoDepth } from "@codemirror/commands";
import { createStore } from "./store.js";
import { Sync } from "./sync.js";
import { applyFix, applyMove, createView, goToLine, layoutOf, showLines, showProblems, textOf } from "../text/view.js";
import { freeName, freeSpot, keyEdges, place } from "../graph/places.js";
import { layered } from "../graph/layered.js";
import { isDefault } from "../frame/format.js";
import { RunControl } from "../run/run_control.js";

const START = {
  view: null, graph: null, valid: true, diagnostics: [], positions: {}, selected: { nodes: [], edge: null },
  mode: "split", save: { state: "saved" }, history: { undo: 0, redo: 0 }, run: null, chat: [], busy: false,
  drawer: { tab: "chat", open: true }, inspector: "settings", picker: null, publish: null, conflict: null, toast: null,
  focusStep: null, fit: 0,
};

export class Session {
  constructor() {
    this.id = Math.random().toString(36).slice(2, 10);
    this.store = createStore(START);
    this.server = {};
    this.runs = new RunControl(this);
    this.clip = null;
  }

  get state() {
    return this.store.get();
  }

  open(view) {
    this.close();
    const stored = view.layout?.nodes ?? {};
    this.view = createView({
      text: view.text, layout: stored, readOnly: !view.can.write,
      handlers: { onUpdate: (update) => this.onUpdate(update), keys: this.keys() },
    });
    this.sync = new Sync(this, view.revision);
    this.store.set({ ...START, view, mode: this.state.mode, save: { state: view.can.write ? "saved" : "readonly" } });
    this.setGraph(view);
    this.store.set((s) => ({ fit: s.fit + 1 }));
    if (!view.graph) this.setMode("split");
    this.runs.open(view.run);
  }

  close() {
    this.sync?.close();
    this.runs.close();
    this.view?.destroy();
    this.view = null;
  }

  keys() {
    return [
      { key: "Mod-z", run: () => this.undo(), preventDefault: true },
      { key: "Mod-y", run: () => this.redo(), preventDefault: true },
      { key: "Mod-Shift-z", run: () => this.redo(), preventDefault: true },
      { key: "Mod-s", run: () => this.saveNow(), preventDefault: true },
      { key: "Mod-Enter", run: () => this.runs.again(), preventDefault: true },
    ];
  }

  onUpdate(update) {
    if (update.docChanged || update.transactions.some((tr) => tr.effects.length)) this.sync?.onUpdate(update);
    const { state } = update;
    const depth = { undo: undoDepth(state), redo: redoDepth(state) };
    const known = this.state.history;
    if (depth.undo !== known.undo || depth.redo !== known.redo) this.store.set({ history: depth });
    this.replace();
    const byPerson = update.transactions.some((tr) => tr.isUserEvent("select") || tr.isUserEvent("input"));
    if (update.selectionSet && byPerson) this.selectAtLine(state.doc.lineAt(state.selection.main.head).number);
  }

  // ---- what the server says

  setGraph({ graph, diagnostics = [] }) {
    if (graph) graph.edges = keyEdges(graph.edges);
    this.store.set((s) => ({
      graph: graph ?? s.graph,
      valid: Boolean(graph),
      diagnostics,
      selected: graph ? kept(s.selected, graph) : s.selected,
    }));
    this.replace();
    showProblems(this.view, diagnostics);
    this.highlight(false);
  }

  // Recompute places when the layout or the set of nodes changed.
  replace() {
    const { graph, positions } = this.state;
    if (!graph || !this.view) return;
    const layout = layoutOf(this.view);
    if (this.placed?.graph === graph && this.placed.layout === layout) return;
    this.placed = { graph, layout };
    const next = place(graph.nodes, graph.edges, layout);
    const same = Object.keys(next).length === Object.keys(positions).length
      && Object.entries(next).every(([name, [x, y]]) => positions[name]?.[0] === x && positions[name]?.[1] === y);
    if (!same) this.store.set({ positions: next });
  }

  setSave(state, message) {
    if (this.state.save.state !== state || this.state.save.message !== message) this.store.set({ save: { state, message } });
  }

  conflict(theirs) {
    this.store.set({ conflict: theirs, save: { state: "conflict" } });
  }

  resolve(choice) {
    const theirs = this.state.conflict;
    this.store.set({ conflict: null });
    if (choice === "mine") this.sync.keepMine(theirs);
    else {
      this.sync.takeTheirs(theirs);
      this.setGraph(theirs);
    }
  }

  say(message, tone = "info") {
    this.store.set({ toast: { message, tone, at: Date.now() } });
  }

  fail(message) {
    this.say(message, "error");
  }

  // ---- what the person does

  get canEdit() {
    return this.state.view?.can.write && this.state.valid;
  }

  edit(edits, layout = {}, after) {
    this.editWith(() => ({ edits, layout }), after);
  }

  editWith(build, after) {
    if (!this.state.view?.can.write) return;
    if (!this.state.valid) return this.fail("Mend the YAML first: the canvas shows the last good state.");
    this.sync.edit(build, after);
  }

  setField(node, path, value) {
    this.edit([value === undefined ? { op: "unset_field", node, path } : { op: "set_field", node, path, value }]);
  }

  setEdge(key, field, value) {
    this.editWith((graph) => withEdge(graph, key, (edge) => [{ op: "set_edge", index: edge.index, field, value }]));
  }

  moveEdge(key, by) {
    this.editWith((graph) => withEdge(graph, key, (edge) => {
      const siblings = graph.edges.filter((other) => other.from === edge.from);
      const other = siblings[siblings.findIndex((one) => one.key === key) + by];
      return other ? [{ op: "move_edge", index: edge.index, to: other.index }] : null;
    }));
  }

  removeEdge(key) {
    this.editWith((graph) => withEdge(graph, key, (edge) => [{ op: "remove_edge", index: edge.index }]), () => this.select([]));
  }

  connect(from, to) {
    if (from === to) return this.fail("A node cannot lead to itself; use a condition node for a loop.");
    const { graph } = this.state;
    if (graph.edges.some((edge) => edge.from === from && edge.to === to)) return this.fail(`${from} already leads to ${to}.`);
    this.edit([{ op: "add_edge", from, to, condition: null }]);
  }

  // `from`: connect from there, into its single way on when there is exactly one. `at`: flow position.
  addNode(type, { at, from } = {}) {
    const spec = this.state.view.specs[type];
    const { graph, positions } = this.state;
    const name = freeName(type, new Set(graph.nodes.map((node) => node.name)));
    const build = (now) => {
      const edits = [{ op: "add_node", node: { name, type, ...(spec.initial ? { config: spec.initial } : {}) }, after: from ?? null }];
      if (from) edits.push(...joined(now, from, name, spec, at));
      const spot = freeSpot(at ?? [positions[from]?.[0] ?? 0, (positions[from]?.[1] ?? 0) + 140], positions);
      return { edits, layout: this.pinned({ [name]: spot }) };
    };
    this.editWith(build, (reply) => reply.error || this.select([name], { reveal: true }));
    this.store.set({ picker: null });
  }

  // The first stored place fixes all others too, or they would move with every newcomer.
  pinned(places) {
    const stored = layoutOf(this.view);
    const { positions } = this.state;
    const rest = Object.fromEntries(Object.entries(positions).filter(([name]) => !stored[name]));
    return { ...rest, ...places };
  }

  move(places) {
    if (!this.state.view.can.write) return;
    applyMove(this.view, this.pinned(places));
  }

  tidy() {
    const { graph } = this.state;
    if (graph) applyMove(this.view, layered(graph.nodes, graph.edges));
    this.store.set((s) => ({ fit: s.fit + 1 }));
  }

  rename(from, to) {
    const at = layoutOf(this.view)[from];
    const layout = at ? { [from]: null, [to]: at } : {};
    this.edit([{ op: "rename_node", node: from, to }], layout, (reply) => reply.error || this.select([to]));
  }

  removeSelected() {
    const { nodes, edge } = this.state.selected;
    if (edge) return this.removeEdge(edge);
    if (!nodes.length) return undefined;
    const gone = Object.fromEntries(nodes.filter((name) => layoutOf(this.view)[name]).map((name) => [name, null]));
    this.edit(nodes.map((node) => ({ op: "remove_node", node })), gone, () => this.select([]));
    return undefined;
  }

  copy() {
    const { selected, graph, positions } = this.state;
    const nodes = graph.nodes.filter((node) => selected.nodes.includes(node.name));
    if (!nodes.length) return;
    const names = new Set(nodes.map((node) => node.name));
    this.clip = {
      nodes: nodes.map((node) => ({ raw: node.raw, at: positions[node.name] })),
      edges: graph.edges.filter((edge) => names.has(edge.from) && names.has(edge.to)),
    };
    this.say(`${nodes.length === 1 ? nodes[0].name : `${nodes.length} nodes`} copied.`);
  }

  paste() {
    if (!this.clip || !this.canEdit) return;
    const { graph, positions } = this.state;
    const taken = new Set(graph.nodes.map((node) => node.name));
    const names = new Map();
    const layout = {};
    const edits = this.clip.nodes.map(({ raw, at }) => {
      const name = freeName(raw.name.replace(/_\d+$/, ""), taken);
      taken.add(name);
      names.set(raw.name, name);
      layout[name] = freeSpot([at[0] + 40, at[1] + 40], { ...positions, ...layout });
      return { op: "add_node", node: { ...raw, name }, after: null };
    });
    for (const edge of this.clip.edges) {
      edits.push({ op: "add_edge", from: names.get(edge.from), to: names.get(edge.to), condition: edge.condition ?? null });
    }
    this.edit(edits, this.pinned(layout), (reply) => reply.error || this.select([...names.values()]));
  }

  duplicate() {
    this.copy();
    this.paste();
  }

  undo() {
    this.sync.settled().then(() => this.view && undo(this.view), () => {});
    return true;
  }

  redo() {
    this.sync.settled().then(() => this.view && redo(this.view), () => {});
    return true;
  }

  saveNow() {
    this.sync.settled().then(() => this.say("Draft saved. It is saved after every change."), () => {});
    return true;
  }

  // ---- selection, panes

  select(nodes, { edge = null, reveal = false, fromText = false } = {}) {
    const now = this.state.selected;
    if (now.edge === edge && now.nodes.length === nodes.length && nodes.every((name) => now.nodes.includes(name))) return;
    this.store.set((s) => ({ selected: { nodes, edge }, focusStep: null, reveal: reveal || fromText ? { nodes, at: Date.now() } : s.reveal }));
    this.highlight(!fromText);
  }

  highlight(scroll) {
    const { selected, graph } = this.state;
    if (!this.view || !graph) return;
    const owner = selected.edge ? graph.edges.find((edge) => edge.key === selected.edge) : graph.nodes.find((node) => node.name === selected.nodes[0]);
    showLines(this.view, owner?.lines ?? null, { scroll });
  }

  selectAtLine(line) {
    const { graph, valid } = this.state;
    if (!graph || !valid) return;
    const inside = ({ lines }) => lines && lines[0] <= line && line <= lines[1];
    const node = graph.nodes.find(inside);
    const edge = !node && graph.edges.find(inside);
    if (node) this.select([node.name], { fromText: true });
    else if (edge) this.select([], { edge: edge.key, fromText: true });
  }

  showProblem(problem) {
    if (problem.node) this.select([problem.node], { reveal: true });
    if (this.state.mode === "canvas") this.setMode("split");
    goToLine(this.view, problem.line, problem.column);
  }

  applyFix(problem) {
    this.sync.settled().then(() => applyFix(this.view, problem.fix.patches), () => {});
  }

  setTop(path, value) {
    this.edit([value === undefined ? { op: "unset_top", path } : { op: "set_top", path, value }]);
  }

  showAddresses() {
    const { number } = this.state.view.live;
    this.store.set({ publish: { number, step: "live" } });
    this.server.addresses({ op: `${this.id}:addresses:${Date.now()}` });
  }

  renewSecret(endpoint_id) {
    this.store.set((s) => ({ publish: { ...s.publish, busy: true, error: null } }));
    this.server.renew({ op: `${this.id}:renew:${Date.now()}`, endpoint_id });
  }

  setMode(mode) {
    this.store.set({ mode });
    requestAnimationFrame(() => this.view?.requestMeasure());
  }

  set(change) {
    this.store.set(change);
  }

  get text() {
    return textOf(this.view);
  }
}

function kept(selected, graph) {
  const names = new Set(graph.nodes.map((node) => node.name));
  const edge = graph.edges.some((one) => one.key === selected.edge) ? selected.edge : null;
  return { nodes: selected.nodes.filter((name) => names.has(name)), edge };
}

function withEdge(graph, key, build) {
  const edge = graph.edges.find((one) => one.key === key);
  const edits = edge && build(edge);
  return edits ? { edits } : null;
}

// How a new node is tied in behind `from`: between it and its only follower, or as one more branch.
function joined(graph, from, name, spec, dropped) {
  const out = graph.edges.filter((edge) => edge.from === from && edge.on === "success");
  const between = !dropped && out.length === 1 && isDefault(out[0].condition) && spec.leads;
  if (!between) return [{ op: "add_edge", from, to: name, condition: null }];
  return [
    { op: "set_edge", index: out[0].index, field: "to", value: name },
    { op: "add_edge", from: name, to: out[0].to, condition: null },
  ];
}
