// Beginning an empty workflow with a few nodes that work as they are.

// `starter`: {nodes, edges, triggers}, as in the file.
export function begin(session, { nodes, edges, triggers }) {
  const adds = nodes.map((node, i) => ({ op: "add_node", node, after: i ? nodes[i - 1].name : null }));
  const leads = edges.map((edge) => ({ op: "add_edge", condition: null, ...edge }));
  const listens = triggers?.length && !session.state.graph.top.triggers.length ? [{ op: "set_top", path: ["triggers"], value: triggers }] : [];
  session.edit(() => ({ edits: [...adds, ...leads, ...listens] }), { after: (reply) => reply.error || session.set((s) => ({ fit: s.fit + 1 })) });
}
