// Everything a person can do, in one list. Keys, palette, menus, toolbar buttons and the sheet of shortcuts all read it, so
// each of them shows the same keys and gives the same reason where something cannot be done now.
import { align, distribute, removeSelected, tidy, toggleDisabled } from "./actions.js";
import { copy, cut, duplicate, paste } from "./clipboard.js";
import { addNote, groupSelected, groupsOfSelected, ungroupSelected } from "./notes.js";
import { hasMap, isEmpty, waysIn } from "../graph/graph.js";
import { importOf } from "../frame/import_report.js";
import { isFinal } from "../run/run.js";
import { toggleHeat } from "../run/heat.js";
import { gave, pinRecorded, unpin } from "../run/pins.js";

const editing = (session) => session.whyNot;
const nodes = (session) => session.state.selected.nodes;
const some = (session) => editing(session) ?? (nodes(session).length ? null : "Select a node first.");
const atLeast = (n) => (session) => editing(session) ?? (nodes(session).length >= n ? null : `Select at least ${n} nodes first.`);
const isAny = ({ state }) => Boolean(state.selected.nodes.length || state.selected.notes.length);
const anything = (session) => (isAny(session) || session.state.selected.edge ? null : "Select something first.");
const copyable = (session) => (isAny(session) ? null : "Select a node or a note first.");
const whyNoRun = ({ state }) => (state.view.can.run ? (state.valid ? null : "The YAML has an error; mend it, then run.") : "Your role does not allow running workflows.");
const isRunning = ({ state }) => state.busy || Boolean(state.run?.run_id && !isFinal(state.whole ?? state.run));
const one = (session) => (nodes(session).length === 1 ? null : "Select one node first.");
const whyNoPart = (session) => one(session) ?? whyNoRun(session) ?? (isRunning(session) ? "A run is under way." : isRemark(session) ? "A note does not run." : null);
const isRemark = ({ state }) => state.view.specs[state.graph.byName.get(state.selected.nodes[0])?.type]?.remark;
const isPinned = (session) => nodes(session)[0] in session.state.pins;
const whyNoPin = (session) => (session.state.view.can.write ? one(session) : "Your role may look at workflows, not change them.");
const onlyNote = ({ state: { selected } }) => (selected.notes.length === 1 && !selected.nodes.length ? selected.notes[0] : null);
const whyNoName = (session) => session.whyNotSelected ?? (nodes(session).length === 1 || onlyNote(session) ? null : "Select one node or one note first.");
const NO_GROUP = "The selection stands in no group.";
const whyNoGroup = (session) => (session.state.view.can.write ? (groupsOfSelected(session.state).length ? null : NO_GROUP) : editing(session));
const openTab = (tab) => (session) => session.set({ drawer: { tab, open: true, focus: Date.now() } });
const zoom = (how) => (session) => session.set({ zoom: { how, at: Date.now() } });

// {id, title, group, keys?, words?, why?(session), run(session), inText?}: `why` gives the reason why it cannot be done now,
// or null; `inText`: the keys also work while a field is being typed into.
export const COMMANDS = [
  { id: "palette", title: "Find a command", group: "Go", keys: ["Mod+K"], inText: true, run: (s) => s.set({ palette: { kind: "commands" } }) },
  { id: "search", title: "Find a node, an edge, a text", group: "Go", keys: ["Mod+F"], words: "search", run: (s) => s.set({ palette: { kind: "search" } }) },
  { id: "next-problem", title: "Next problem", group: "Go", keys: ["F8"], inText: true, why: (s) => (s.state.diagnostics.length ? null : "There are no problems."), run: nextProblem },
  { id: "chat", title: "Chat preview", group: "Go", words: "talk message try", run: openTab("chat") },
  { id: "input", title: "Run with an input of your own", group: "Go", words: "form json", run: openTab("input") },
  { id: "runs", title: "Past runs: look back, compare", group: "Go", words: "history overlay replay step", run: openTab("runs") },
  { id: "problems", title: "List of problems", group: "Go", words: "errors warnings hints diagnostics", run: openTab("problems") },
  { id: "shortcuts", title: "Keyboard shortcuts", group: "Go", keys: ["?"], words: "help keys", run: (s) => s.set({ sheet: true }) },
  { id: "import-report", title: "What became of the import", group: "Go", words: "report lost unsupported n8n dify langflow flowise", why: (s) => (importOf(s.state) ? null : "This draft was not imported from another studio."), run: (s) => s.set({ report: true }) },
  { id: "tour", title: "Take the tour", group: "Go", words: "help guide first", run: (s) => s.set({ tour: 0 }) },

  { id: "add-node", title: "Add a node", group: "Add", keys: ["N"], words: "insert new tool agent", why: editing, run: addHere },
  { id: "add-note", title: "Add a sticky note", group: "Add", keys: ["Shift+S"], words: "comment remark", why: (s) => (s.state.view.can.write ? null : editing(s)), run: (s) => addNote(s) },
  { id: "group", title: "Group the selection", group: "Add", keys: ["Mod+G"], words: "frame", why: some, run: groupSelected },
  { id: "rename-group", title: "Rename the group", group: "Add", keys: ["Shift+F2"], words: "frame title name", why: whyNoGroup, run: (s) => s.set({ naming: groupsOfSelected(s.state)[0][0] }) },
  { id: "select-group", title: "Select the whole group", group: "Add", words: "frame nodes", why: (s) => (groupsOfSelected(s.state).length ? null : NO_GROUP), run: (s) => s.select(groupsOfSelected(s.state).flatMap(([, group]) => group.nodes)) },
  { id: "ungroup", title: "Dissolve the group", group: "Add", keys: ["Mod+Shift+G"], why: (s) => some(s) ?? whyNoGroup(s), run: ungroupSelected },

  { id: "undo", title: "Undo", group: "Edit", keys: ["Mod+Z"], why: (s) => (s.state.view.can.write ? (s.state.history.undo || !s.sync.idle ? null : "There is nothing to undo.") : editing(s)), run: (s) => s.undo() },
  { id: "redo", title: "Redo", group: "Edit", keys: ["Mod+Shift+Z", "Mod+Y"], why: (s) => (s.state.view.can.write ? (s.state.history.redo ? null : "There is nothing to redo.") : editing(s)), run: (s) => s.redo() },
  { id: "cut", title: "Cut", group: "Edit", keys: ["Mod+X"], native: true, why: (s) => s.whyNotSelected ?? copyable(s), run: cut },
  { id: "copy", title: "Copy as YAML", group: "Edit", keys: ["Mod+C"], native: true, why: copyable, run: copy },
  { id: "paste", title: "Paste", group: "Edit", keys: ["Mod+V"], native: true, words: "yaml nodes notes", why: editing, run: paste },
  { id: "duplicate", title: "Duplicate", group: "Edit", keys: ["Mod+D"], why: (s) => editing(s) ?? copyable(s), run: duplicate },
  { id: "delete", title: "Delete", group: "Edit", keys: ["Delete", "Backspace"], words: "remove", why: (s) => s.whyNotSelected ?? anything(s), run: removeSelected },
  { id: "rename", title: "Rename the node, write on the note", titleOf: (s) => (onlyNote(s) ? "Write on the note" : "Rename the node"), group: "Edit", keys: ["F2"], words: "edit text", why: whyNoName, run: name },
  { id: "switch-off", title: "Switch off or on", group: "Edit", keys: ["D"], words: "disable enable skip", why: some, run: toggleDisabled },
  { id: "select-all", title: "Select everything", group: "Edit", keys: ["Mod+A"], words: "all nodes notes", run: (s) => s.select(s.state.graph?.nodes.map((node) => node.name) ?? [], { notes: [...s.state.notes.keys()] }) },
  { id: "select-none", title: "Select nothing", group: "Edit", keys: ["Escape"], run: (s) => s.select([]) },
  { id: "save", title: "Save the draft now", group: "Edit", keys: ["Mod+S"], inText: true, why: (s) => (s.state.view.can.write ? null : editing(s)), run: (s) => s.saveNow() },

  { id: "tidy", title: "Tidy up the layout", group: "Arrange", keys: ["Shift+T"], words: "auto layout", why: editing, run: tidy },
  { id: "align-left", title: "Align left", group: "Arrange", why: atLeast(2), run: (s) => align(s, "left") },
  { id: "align-centre", title: "Align centres", group: "Arrange", words: "center vertical", why: atLeast(2), run: (s) => align(s, "centre") },
  { id: "align-right", title: "Align right", group: "Arrange", why: atLeast(2), run: (s) => align(s, "right") },
  { id: "align-top", title: "Align top", group: "Arrange", why: atLeast(2), run: (s) => align(s, "top") },
  { id: "align-middle", title: "Align middles", group: "Arrange", words: "horizontal row", why: atLeast(2), run: (s) => align(s, "middle") },
  { id: "align-bottom", title: "Align bottom", group: "Arrange", why: atLeast(2), run: (s) => align(s, "bottom") },
  { id: "distribute-x", title: "Space out evenly across", group: "Arrange", words: "distribute", why: atLeast(3), run: (s) => distribute(s, "x") },
  { id: "distribute-y", title: "Space out evenly down", group: "Arrange", words: "distribute", why: atLeast(3), run: (s) => distribute(s, "y") },
  { id: "snap", title: "Snap to the grid: on or off", group: "Arrange", keys: ["Shift+G"], run: (s) => { s.set({ snap: !s.state.snap }); s.say(s.state.snap ? "Cards snap to the grid." : "Cards stand where you put them."); } },

  { id: "fit", title: "Fit everything", group: "View", keys: ["1"], words: "zoom all", run: zoom("fit") },
  { id: "zoom-selection", title: "Zoom to the selection", group: "View", keys: ["2"], why: copyable, run: zoom("selection") },
  { id: "zoom-100", title: "Zoom to 100 %", group: "View", keys: ["0"], run: zoom("full") },
  { id: "zoom-in", title: "Zoom in", group: "View", keys: ["+", "="], run: zoom("in") },
  { id: "zoom-out", title: "Zoom out", group: "View", keys: ["-"], run: zoom("out") },
  { id: "map", title: "Overview map: on or off", group: "View", keys: ["M"], words: "minimap", run: (s) => s.set((state) => ({ map: !hasMap(state) })) },
  { id: "mode-canvas", title: "Canvas alone", group: "View", keys: ["Alt+1"], inText: true, run: (s) => s.setMode("canvas") },
  { id: "mode-split", title: "Canvas and YAML", group: "View", keys: ["Alt+2"], inText: true, run: (s) => s.setMode("split") },
  { id: "mode-yaml", title: "YAML alone", group: "View", keys: ["Alt+3"], inText: true, run: (s) => s.setMode("yaml") },
  { id: "preview", title: "Preview: open or fold", group: "View", keys: ["P"], words: "chat drawer", run: (s) => s.set(({ drawer }) => ({ drawer: { ...drawer, open: !drawer.open } })) },

  { id: "run", title: "Run", group: "Run", keys: ["Mod+Enter"], inText: true, words: "test execute", why: (s) => whyNoRun(s) ?? (isRunning(s) ? "A run is under way." : null), run: (s) => s.runs.again() },
  { id: "run-node", title: "Run this node alone", group: "Run", keys: ["Mod+Shift+Enter"], words: "single step test partial", why: whyNoPart, run: (s) => s.runs.startPart(nodes(s)[0], true) },
  { id: "run-from", title: "Run from here on", group: "Run", words: "partial continue", why: whyNoPart, run: (s) => s.runs.startPart(nodes(s)[0], false) },
  { id: "pin", title: "Pin the output as test data", group: "Run", words: "mock freeze", why: (s) => whyNoPin(s) ?? (gave(s.state, nodes(s)[0]) ? null : "Run the node first: it has given nothing yet."), run: (s) => pinRecorded(s, nodes(s)[0]) },
  { id: "unpin", title: "Take the pinned output off", group: "Run", words: "mock", why: (s) => whyNoPin(s) ?? (isPinned(s) ? null : "Nothing is pinned to this node."), run: (s) => unpin(s, nodes(s)[0]) },
  { id: "cancel-run", title: "Cancel the run", group: "Run", why: (s) => (isRunning(s) ? null : "Nothing is running."), run: (s) => s.runs.cancel() },
  { id: "clear-run", title: "Clear the run from the canvas", group: "Run", why: (s) => (s.state.run?.steps.length ? null : "No run lies over the canvas."), run: (s) => s.runs.clear() },
  { id: "heat", title: "Heat map: where time and money go", group: "View", keys: ["Shift+H"], words: "cost latency slow expensive", run: toggleHeat },
  { id: "versions", title: "Versions: history, compare, restore", group: "View", keys: ["H"], words: "diff changes roll back published live", run: (s) => s.versions.open() },
  { id: "publish", title: "Publish version", group: "Run", words: "live deploy", why: (s) => (s.state.view.can.publish ? (isEmpty(s.state) ? "There is nothing to publish yet: begin on the canvas." : null) : "Your role does not allow publishing."), run: (s) => s.set({ publish: { step: "form" } }) },
];

const BY_ID = new Map(COMMANDS.map((command) => [command.id, command]));

export const commandOf = (id) => BY_ID.get(id);
export const whyNot = (session, id) => BY_ID.get(id).why?.(session) ?? null;

// Do it, or say why not.
export function perform(session, id) {
  const why = whyNot(session, id);
  if (why) session.say(why);
  else BY_ID.get(id).run(session);
}

// On the edge that is selected, or after the node that is; else where the workflow goes on to its end.
function addHere(session) {
  const { nodes: chosen, edge } = session.state.selected;
  session.set({ picker: edge ? { edge } : placeFor(session.state, chosen.at(-1)) });
}

function placeFor({ graph, view }, name) {
  const spec = view.specs[graph.byName.get(name)?.type];
  if (name && (spec?.leads ?? true)) return { from: name };
  const isEnd = (node) => Boolean(view.specs[node.type]?.final);
  const ends = name && spec.final ? [graph.byName.get(name)] : graph.nodes.filter(isEnd);
  const ways = ends.length === 1 ? waysIn(graph, ends[0].name) : [];
  if (ways.length === 1) return { into: ways[0].key };
  return name && spec.final ? { to: name } : { from: null };
}

function name(session) {
  const note = onlyNote(session);
  session.set(note ? { writing: note } : { focusName: Date.now() });
}

function nextProblem(session) {
  const { diagnostics, problem = -1 } = session.state;
  const next = (problem + 1) % diagnostics.length;
  session.set({ problem: next });
  session.showProblem(diagnostics[next]);
}
