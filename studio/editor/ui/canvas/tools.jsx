// What stands over the canvas: zoom and layout below, adding and aligning above.
import {
  AlignCenterHorizontal, AlignCenterVertical, AlignEndHorizontal, AlignEndVertical, AlignHorizontalDistributeCenter, AlignStartHorizontal, AlignStartVertical,
  AlignVerticalDistributeCenter, Copy, Eraser, Flame, Group, Magnet, Map as MapIcon, Maximize, Minus, Plus, StickyNote, Trash2, WandSparkles,
} from "lucide-react";
import { useValue } from "../core/store.js";
import { CommandButton } from "../frame/command_button.jsx";
import { things } from "../frame/format.js";
import { hasMap } from "../graph/graph.js";

export function Tools({ canEdit }) {
  const snaps = useValue((s) => s.snap);
  const heat = useValue((s) => Boolean(s.heat));
  const map = useValue(hasMap);
  return (
    <div className="hed-tools" role="toolbar" aria-label="View">
      <CommandButton id="zoom-out" icon={Minus} className="" />
      <CommandButton id="zoom-in" icon={Plus} className="" />
      <CommandButton id="fit" icon={Maximize} size={14} className="" />
      {canEdit && <CommandButton id="tidy" icon={WandSparkles} size={14} className="" />}
      {canEdit && <CommandButton id="snap" icon={Magnet} size={14} className="" pressed={snaps} />}
      {canEdit && <CommandButton id="add-note" icon={StickyNote} size={14} className="" />}
      <CommandButton id="heat" icon={Flame} size={14} className="" pressed={heat} testid="heat-map" />
      <CommandButton id="map" icon={MapIcon} size={14} className="" pressed={Boolean(map)} />
    </div>
  );
}

const ALIGN = [
  ["align-left", AlignStartVertical], ["align-centre", AlignCenterVertical], ["align-right", AlignEndVertical],
  ["align-top", AlignStartHorizontal], ["align-middle", AlignCenterHorizontal], ["align-bottom", AlignEndHorizontal],
  ["distribute-x", AlignHorizontalDistributeCenter], ["distribute-y", AlignVerticalDistributeCenter], ["group", Group], ["duplicate", Copy], ["delete", Trash2],
];

export function Corner({ canEdit }) {
  const hasRun = useValue((s) => Boolean(s.run?.steps.length));
  const selected = useValue((s) => s.selected);
  return (
    <>
      <div className="hed-corner left">
        {hasRun && <CommandButton id="clear-run" icon={Eraser} size={14} label="Clear run" className="hed-btn" />}
        {selected.nodes.length + selected.notes.length > 1 && (
          <div className="hed-many" role="toolbar" aria-label="Selected nodes">
            <span data-testid="selected-count">{things(selected)}</span>
            {canEdit && ALIGN.map(([id, Icon]) => <CommandButton key={id} id={id} icon={Icon} size={14} testid={id} />)}
          </div>
        )}
      </div>
      {canEdit && (
        <div className="hed-corner right">
          <CommandButton id="add-node" icon={Plus} size={14} label="Add node" className="hed-btn" showKeys testid="add-node" />
        </div>
      )}
    </>
  );
}
