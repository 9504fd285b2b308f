// What one tab has and the server does not, as data: it goes into the browser's storage, and a later visit goes on from there.
//
// {revision, base, laid, flight, typed, moved, queue, fields}: `base` is the text that the server had at `revision`, `laid` its
// layout; `flight` what was under way without an answer, {typed, edits, layout} or null; `typed` what was typed on top of it,
// `moved` what stood elsewhere in the layout, `queue` the edits that waited for their turn, [{edits, layout}]; `fields` what stood
// in fields that were not left yet (drafts.js). Changes of the text are ChangeSets as JSON, layouts lists of [id, value].
import { ChangeSet, Text } from "@codemirror/state";
import { PARTS, differing, emptyLayout, isSameItem } from "../text/layout.js";
import { applyKept, layoutOf } from "../text/view.js";

export function leftOpen({ sync, view, state, drafts }) {
  const flight = sync.flight?.saved ? null : sync.flight ?? state.conflict; // what waits for a choice is not saved either
  return {
    revision: sync.revision,
    base: sync.known.sliceString(0, undefined, "\n"),
    laid: entries(sync.knownLayout),
    flight: flight && { typed: flight.sent.typed?.toJSON() ?? null, edits: flight.op.edits ?? [], layout: entries(flight.sent.layout) },
    typed: sync.typed?.toJSON() ?? null,
    moved: entries(differing(sync.knownLayout, layoutOf(view))),
    queue: sync.queue.map(({ build }) => build(state.graph)).filter(Boolean).map(({ edits, layout }) => ({ edits, layout: entries(layout) })),
    fields: drafts.unsaved,
  };
}

// Go on from there, on the text that it stands on: the server tells what of it arrived, and merges the rest with what others
// saved since. What was typed and moved is a change of this person's, to be undone in one step.
export function goOn({ sync, view }, { revision, base, laid, flight, typed, moved, queue }) {
  sync.standOn({ text: base, revision, layout: { ...emptyLayout(), ...maps(laid) } });
  if (flight?.typed) applyKept(view, ChangeSet.fromJSON(flight.typed), {});
  if (flight?.edits.length) sync.edit(() => ({ edits: flight.edits, layout: maps(flight.layout) }));
  applyKept(view, typed && ChangeSet.fromJSON(typed), maps(moved));
  for (const { edits, layout } of queue) sync.edit(() => ({ edits, layout: maps(layout) }));
}

// Whether there is anything in it that the draft does not say already. Throws where it is not what `leftOpen` wrote.
export function isMissing({ flight, typed, moved, queue, fields, base }, doc, layout) {
  const steps = [flight?.typed, typed].filter(Boolean).map((change) => ChangeSet.fromJSON(change));
  const after = steps.reduce((text, change) => change.apply(text), Text.of(base.split("\n")));
  const isElsewhere = (part) => (moved[part] ?? []).some(([id, value]) => !isSameItem(layout[part].get(id), value));
  return Boolean(flight?.edits.length || queue.length || fields.length) || !after.eq(doc) && steps.length > 0 || PARTS.some(isElsewhere);
}

const entries = (layout) => Object.fromEntries(PARTS.filter((part) => layout?.[part]).map((part) => [part, [...layout[part]]]));
const maps = (layout) => Object.fromEntries(PARTS.filter((part) => layout?.[part]).map((part) => [part, new Map(layout[part])]));
