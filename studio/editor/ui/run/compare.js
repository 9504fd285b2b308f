// Two runs side by side: what differs at each step. Of the node's rounds, the first is held against the first.

// [{key, path, type, iteration, a, b, differs}] in the order of the run over the canvas; `differs`: what people would
// call a difference. Times and costs always differ a little, so they are shown and never counted.
export function compared(a, b) {
  const steps = new Map([...b.steps, ...a.steps].map((step) => [step.key, step]));
  const [inA, inB] = [byKey(a), byKey(b)];
  const order = [...a.steps, ...b.steps.filter((step) => !inA.has(step.key))];
  return order.map(({ key }) => {
    const { path, type, iteration } = steps.get(key);
    const [left, right] = [inA.get(key), inB.get(key)];
    return { key, path, type, iteration, a: left, b: right, differs: differences(left, right) };
  });
}

// Node name -> what differs in it or below it, of the nodes where anything does.
export function byNode(rows) {
  const found = Object.assign(Object.create(null));
  for (const { path, differs } of rows) {
    const [name] = path.split("/");
    if (differs.length) found[name] = [...new Set([...(found[name] ?? []), ...differs])];
  }
  return found;
}

const byKey = (run) => new Map(run.steps.map((step) => [step.key, step]));

function differences(a, b) {
  if (!a) return ["only in the other run"];
  if (!b) return ["only in this run"];
  const parts = [["status", a.status, b.status], ["input", a.input, b.input], ["output", a.output, b.output], ["error", a.error?.message, b.error?.message], ["model", a.model, b.model], ["tier", a.tier, b.tier]];
  return parts.filter(([, left, right]) => !same(left, right)).map(([name]) => name);
}

// The order of an object's keys says nothing.
export function same(a, b) {
  if (Object.is(a ?? null, b ?? null)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b || Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

// The same value with its keys in order, so that a text of it differs only where the values do.
export function inOrder(value) {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, inOrder(value[key])]));
}
