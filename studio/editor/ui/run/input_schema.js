// What a JSON Schema means for a form: which kind of field each value gets, what it begins with, and where a fault belongs.

const DEEPEST = 3; // fields within fields; what lies deeper is JSON
const LONG = 200; // characters: a text that may be longer has several lines
const FORMATS = { email: "email", date: "date", time: "time", uri: "url" };

const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const isScalar = (value) => value === null || typeof value !== "object";

// The schema that a run's input is held against: of the workflow, or of its start.
export function schemaOf(graph) {
  const own = [graph?.top?.inputs, ...(graph?.nodes ?? []).filter(({ type }) => type === "start").map(({ config }) => config.input_schema)];
  return own.find((one) => isMap(one?.properties) && Object.keys(one.properties).length) ?? own.find(isMap) ?? null;
}

// The schema's types, but for null: leaving a field empty says that.
const typesOf = ({ type }) => [type].flat().filter((one) => one && one !== "null");

// "choice", "choices", "yes", "number", "text", "long", "rows", "group", "json", or "any": a text, or JSON.
export function kindOf(shape, depth = 0) {
  if (!isMap(shape)) return "any";
  if (Array.isArray(shape.enum)) return shape.enum.every(isScalar) ? "choice" : "json";
  const types = typesOf(shape);
  if (types.length !== 1) return types.length ? "json" : "any";
  const items = isMap(shape.items) ? shape.items : {};
  if (types[0] === "array" && Array.isArray(items.enum) && items.enum.every(isScalar)) return "choices";
  if (types[0] === "array") return ["text", "number"].includes(kindOf(items)) ? "rows" : "json";
  if (types[0] === "object") return isMap(shape.properties) && Object.keys(shape.properties).length && depth < DEEPEST ? "group" : "json";
  return { boolean: "yes", integer: "number", number: "number", string: shape.format === "multiline" || shape.maxLength > LONG ? "long" : "text" }[types[0]] ?? "json";
}

export const inputType = ({ format }) => FORMATS[format] ?? "text";
export const isWhole = (shape) => typesOf(shape)[0] === "integer";

// [{name, shape, required}]
export const fieldsOf = (schema) => Object.entries(isMap(schema?.properties) ? schema.properties : {}).map(([name, shape]) => ({
  name, shape: isMap(shape) ? shape : {}, required: Array.isArray(schema.required) && schema.required.includes(name),
}));

// The defaults of a schema, as far as it has some.
export function startOf(schema) {
  const found = fieldsOf(schema).map(({ name, shape }) => [name, shape.default !== undefined ? shape.default : kindOf(shape) === "group" ? startOf(shape) : undefined]);
  const given = found.filter(([, value]) => value !== undefined && !(isMap(value) && !Object.keys(value).length));
  return Object.fromEntries(given);
}

// With the objects that have to be there: what is missing is then said at the fields in them.
export function completed(schema, values) {
  const groups = fieldsOf(schema).filter(({ name, shape, required }) => kindOf(shape) === "group" && (required || isMap(values[name])));
  return { ...values, ...Object.fromEntries(groups.map(({ name, shape }) => [name, completed(shape, isMap(values[name]) ? values[name] : {})])) };
}

// The tree with another value at a path; undefined takes it out, and with it an object that is empty then.
export function withValue(tree, [key, ...rest], value) {
  const copy = Array.isArray(tree) ? [...tree] : { ...tree };
  const next = rest.length ? withValue(copy[key] ?? (typeof rest[0] === "number" ? [] : {}), rest, value) : value;
  if (next === undefined || (rest.length && isMap(next) && !Object.keys(next).length)) Array.isArray(copy) ? copy.splice(key, 1) : delete copy[key];
  else copy[key] = next;
  return copy;
}

// {value} or {fault} of what was written into a field for a number, JSON, or anything.
export function readNumber(text, shape) {
  if (text.trim() === "") return {};
  const value = Number(text);
  if (!Number.isFinite(value) || (isWhole(shape) && !Number.isInteger(value))) return { fault: isWhole(shape) ? "Please write a whole number." : "Please write a number." };
  return Math.abs(value) > Number.MAX_SAFE_INTEGER ? { fault: "This number is too large." } : { value };
}

export function readJson(text) {
  if (text.trim() === "") return {};
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { fault: `This is not JSON: ${error.message.replace(/^JSON\.parse: /, "")}` };
  }
}

export function readAny(text) {
  const { value, fault } = readJson(text);
  if (!fault) return { value };
  return /^\s*[[{]/.test(text) ? { fault } : { value: text };
}

export const keyOf = (path) => JSON.stringify(path);
export const isWithin = (at, path) => at.length >= path.length && path.every((key, i) => key === at[i]);
