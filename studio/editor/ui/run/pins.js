// Outputs pinned to nodes: runs of the draft take them instead of running the node. They are no part of the text.
import { pinOutput, unpinOutput } from "../core/api.js";

const byName = (pins) => Object.assign(Object.create(null), pins);

async function change(session, ask, said) {
  try {
    session.set({ pins: byName(await ask(session.state.view.name)) });
    session.say(said);
  } catch (error) {
    session.fail(error.message);
  }
}

// What the node gave in the run that is looked at.
export const pinRecorded = (session, node) =>
  change(session, (name) => pinOutput(name, node, { run_id: lookedAt(session.state).run_id }), `Runs of the draft take this output of ${node}, and do not run it.`);

export const pinWritten = (session, node, output) =>
  change(session, (name) => pinOutput(name, node, { output }), `The pinned output of ${node} is changed.`);

export const unpin = (session, node, said = `${node} runs again.`) => change(session, (name) => unpinOutput(name, node), said);

export const lookedAt = ({ run, lastRun }) => (run?.run_id ? run : lastRun);

export const gave = (state, node) => lookedAt(state)?.steps.some((step) => step.path === node && step.status === "succeeded" && step.output !== undefined);

// Names of nodes that have something pinned to them and are not there any more.
export const strays = ({ pins, graph }) => Object.keys(pins).filter((name) => !graph.byName.has(name));

// What a run says of names that pins are kept for and no node has.
export const straysSay = (names) => `What is pinned to ${names.join(", ")} is not used: there is no such node.`;

// What is pinned to renamed nodes goes with them.
export function moved(pins, from, to) {
  if (!(from in pins)) return pins;
  const { [from]: kept, ...rest } = pins;
  return byName({ ...rest, [to]: kept });
}
