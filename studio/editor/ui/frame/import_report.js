// The report of the import that a draft comes from, as it stands in its layout: {from, counts, losses: [{outcome, name, type, text,
// node}]}. The layout may have been written by hand: what is not understood is left out.
const OUTCOMES = ["mapped", "approximated", "unsupported"];

export function importOf({ view }) {
  const { from, counts, losses } = Object(view?.layout?.import);
  if (typeof from !== "string" || !Array.isArray(losses)) return null;
  const said = OUTCOMES.filter((outcome) => Number.isInteger(counts?.[outcome]) && counts[outcome] > 0);
  return { from, said: said.map((outcome) => `${counts[outcome]} ${outcome}`).join(", "), losses: losses.filter((one) => typeof one?.text === "string") };
}
