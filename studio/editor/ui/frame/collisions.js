// What two people changed at once, in the words of the inspector. A collision is {place, base?, mine?, theirs?}; a side without a
// value has no such field (engine/language/merge_data.py, studio/services/layout_merge.py).

const SECTIONS = { nodes: "", edges: "Edge ", triggers: "Trigger ", variables: "Variable ", credentials: "Credential ", error_handling: "Error rule " };
const WORDS = {
  name: "Name", type: "Type", description: "Description", disabled: "Switched off", retry: "Tries", on_error: "If it still fails", cache: "Kept answers",
  config: "Settings", from: "From", to: "To", condition: "Condition", on: "On", label: "Label", enabled: "Switched on", version: "Version",
  category: "Category", priority: "Priority", text: "Text", title: "Title", at: "Place", size: "Size", color: "Colour", nodes: "Nodes",
};
const SHOWN = 40; // characters of a note that say which it is

const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// ("nodes", "answer", "config", "model") -> answer · Model. `view`: {specs, graph}.
export function titleOf(one, view) {
  const [section, name, ...rest] = one.place;
  if (section === undefined) return "The texts cannot be merged line by line; one of them has to stay as a whole";
  if (name === "(comments)") return `Comment, ${section}`;
  if (name === "(order)") return `Order of ${section}`;
  if (section === "notes" || section === "groups") return besideTitle(one);
  if (!(section in SECTIONS)) return [WORDS[section] ?? section, name, ...rest].filter((step) => step !== undefined).join(" · ");
  return [SECTIONS[section] + (name ?? section), rest.length && labelOf(rest, specOf(one, view))].filter(Boolean).join(" · ");
}

function besideTitle({ place: [section, , field], base, mine, theirs }) {
  const item = [base, mine, theirs].find((one) => one !== undefined);
  const said = String(isMap(item) ? item.text ?? item.title : item).trim();
  const short = said.length > SHOWN ? `${said.slice(0, SHOWN)}…` : said;
  return [`${section === "notes" ? "Note" : "Group"}${short && ` “${short}”`}`, WORDS[field]].filter(Boolean).join(" · ");
}

function specOf({ place: [section, name], mine, theirs }, { specs, graph }) {
  const type = graph?.byName.get(name)?.type ?? [mine, theirs].find(isMap)?.type;
  return section === "nodes" ? specs[type] : undefined;
}

// The words for a field: ["config", "model"] -> Model
function labelOf(path, spec) {
  const inner = path[0] === "config" && path.length > 1 ? path.slice(1) : path;
  const known = path[0] === "config" ? spec?.fields.find(({ key }) => key === inner.join("."))?.title : undefined;
  return known ?? inner.map((step, i) => (i ? step : WORDS[step] ?? step)).join(" · ");
}

// Whether whole things collide, such as a node that one side took away: then their fields are shown, each by itself.
export const isWhole = ({ base, mine, theirs }) => [base, mine, theirs].some(isMap) && [base, mine, theirs].every((one) => one === undefined || isMap(one));

// What a side made of each field, where that is not what was there: [{label, before?, after?}].
export function changesOf(one, side, view) {
  const spec = specOf(one, view);
  const [base, now, other] = [one.base, one[side], one[side === "mine" ? "theirs" : "mine"]].map(flat);
  const beside = one.base === undefined ? other : base; // both added it: what differs between them
  const keys = [...new Set([...beside.keys(), ...now.keys()])].filter((key) => !same(beside.get(key), now.get(key)));
  return keys.map((key) => ({ label: labelOf(JSON.parse(key), spec), before: base.get(key), after: now.get(key) }));
}

// Fields by path; those of a config each by itself.
function flat(value) {
  const fields = Object.entries(isMap(value) ? value : {});
  const inner = fields.flatMap(([key, field]) => (key === "config" && isMap(field) ? Object.entries(field).map(([name, one]) => [["config", name], one]) : [[[key], field]]));
  return new Map(inner.map(([path, field]) => [JSON.stringify(path), field]));
}
