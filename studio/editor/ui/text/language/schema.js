// Walking the language's JSON Schema along a path of the file.

// Every schema that may hold at `path` (where.js), without `null`; `maps` tell which `if` of a schema is true.
export function schemasAt(root, path, maps) {
  let found = open(root, root, maps[0]);
  path.forEach((step, i) => {
    found = found.flatMap((schema) => below(root, schema, step)).flatMap((schema) => open(root, schema, maps[i + 1]));
  });
  return found;
}

// Schemas of the entries of a mapping: {key: [schema, required]}.
export function entriesOf(root, schemas) {
  const found = new Map();
  for (const schema of schemas) {
    for (const [key, one] of Object.entries(schema.properties ?? {})) {
      if (!found.has(key)) found.set(key, [described(root, one), schema.required?.includes(key) ?? false]);
    }
  }
  return found;
}

function below(root, schema, step) {
  if (typeof step === "number") return schema.items ? [{ ...schema.items, ui: schema.items.ui ?? schema.ui }] : [];
  const own = schema.properties?.[step];
  if (own) return [own];
  return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
}

// A schema and what it refers to, its alternatives one by one; of conditional parts those that hold for `entries`.
function open(root, schema, entries) {
  if (schema.$ref) {
    const { $ref, ...rest } = schema;
    return open(root, { ...root.$defs[$ref.split("/").pop()], ...rest }, entries);
  }
  if (schema.anyOf) {
    const { anyOf, ...rest } = schema;
    return anyOf.filter((one) => one.type !== "null").flatMap((one) => open(root, { ...rest, ...one, description: rest.description ?? one.description }, entries));
  }
  const own = { ...schema };
  for (const part of schema.allOf ?? []) {
    if (!part.if) Object.assign(own, part);
    else if (holds(part.if, entries)) own.properties = { ...own.properties, ...part.then.properties };
  }
  return [own];
}

const holds = (condition, entries) => Object.entries(condition.properties ?? {}).every(([key, { const: value }]) => entries?.[key] === value);

// What is said of a schema: with the texts of what it refers to where it has none of its own.
export function described(root, schema) {
  const [first, ...others] = open(root, schema, null);
  return { ...first, values: [...new Set([first, ...others].flatMap(valuesOf))] };
}

export const valuesOf = (schema) => schema.enum ?? (schema.const !== undefined ? [schema.const] : schema.type === "boolean" ? [true, false] : []);

// "number, 0 to 2" and the like.
export function typeOf({ type, values, unit, minimum, maximum, default: usual }) {
  const kind = values?.length ? values.join(" | ") : { object: "mapping", array: "list", string: "text", integer: "whole number" }[type] ?? type ?? "any value";
  const bounds = minimum !== undefined && maximum !== undefined ? `, ${minimum} to ${maximum}` : "";
  const shown = usual !== null && usual !== undefined && typeof usual !== "object" && String(usual).length < 30 ? `; default ${usual === "" ? '""' : usual}` : "";
  return `${kind}${bounds}${unit ? ` (${unit})` : ""}${shown}`;
}
