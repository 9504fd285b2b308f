// What became of nodes whose names changed while they are open: the panel of one stays, with the focus and what is typed in it,
// and edits that wait to be sent mean it by its new name.
const NAMING = new Set(["node", "from", "to", "after"]); // keys of edits

export class Names {
  constructor() {
    this.later = new Map(); // old name to new
    this.panels = new Map(); // name to the key of its panel, where that is not the name
    this.count = 0;
  }

  changed(from, to) {
    const key = this.panelOf(from);
    this.panels.set(from, `${from}#${(this.count += 1)}`); // another node may be called that one day
    this.panels.set(to, key);
    this.later.set(from, to);
    this.later.delete(to);
  }

  panelOf(name) {
    return this.panels.get(name) ?? name;
  }

  // What the node that was called so is called now, or null when it is gone.
  nowCalled(name, graph) {
    if (!graph || graph.byName.has(name)) return graph ? name : null;
    return this.later.has(name) ? this.nowCalled(this.later.get(name), graph) : null;
  }

  // The edits with the names that hold in `graph`; what they make themselves is called as they say.
  now(edits, graph) {
    if (!this.later.size || !graph) return edits;
    const made = new Set(edits.flatMap(({ op, node, to }) => (op === "add_node" ? [node.name] : op === "rename_node" ? [to] : [])));
    const named = (name) => (this.later.has(name) && !graph.byName.has(name) && !made.has(name) ? named(this.later.get(name)) : name);
    const meant = ([key, value]) => [key, NAMING.has(key) && typeof value === "string" ? named(value) : value];
    return edits.map((edit) => Object.fromEntries(Object.entries(edit).map(meant)));
  }
}
