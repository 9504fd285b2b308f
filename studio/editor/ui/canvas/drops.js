// What is dragged from the picker onto the canvas: into the void, or onto an edge.
import { useMemo, useState } from "react";
import { useSession } from "../core/store.js";
import { CARD, snap } from "../graph/layered.js";
import { edgeAt } from "../graph/routes.js";
import { DRAG_TYPE, place, takeDragged } from "../picker/entries.js";

// {over, handlers}: `over` is the key of the edge under what is dragged.
export function useDrops(flow, routes) {
  const session = useSession();
  const [over, setOver] = useState(null);
  const handlers = useMemo(() => {
    const at = (event) => {
      const { x, y } = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
      return [x, y];
    };
    return {
      onDragOver: (event) => {
        if (!event.dataTransfer.types.includes(DRAG_TYPE) || session.whyNot) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
        setOver(edgeAt(at(event), routes.current, 26));
      },
      onDragLeave: (event) => event.currentTarget.contains(event.relatedTarget) || setOver(null),
      onDrop: (event) => {
        const entry = takeDragged();
        setOver(null);
        if (!entry) return;
        event.preventDefault();
        const [x, y] = at(event);
        const edge = edgeAt([x, y], routes.current, 26);
        place(session, entry, { at: [snap(x - CARD.width / 2), snap(y - CARD.height / 2)], edge: edge ?? undefined });
      },
    };
  }, [flow, routes, session]);
  return { over, handlers };
}
