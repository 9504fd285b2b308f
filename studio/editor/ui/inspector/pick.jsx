// The name of a value whose path can be put into a field: dragged there, or with a click where the cursor was last. So can what it
// is worth, for those who take hold of that.
import { useSession } from "../core/store.js";
import { PATH_TYPE } from "./paths.js";

export function Pick({ path, label }) {
  const drags = useDrags(path);
  if (path === undefined) return <span className="k">{label}</span>;
  return <button className="k pick" data-path={path} {...drags}>{label}</button>;
}

// Reached by the mouse alone: the name beside it does the same.
export function PickedValue({ path, children }) {
  const drags = useDrags(path);
  if (path === undefined) return children;
  return <button className="v pick" tabIndex={-1} data-value-of={path} {...drags}>{children}</button>;
}

function useDrags(path) {
  const session = useSession();
  const put = () => {
    if (session.reader) session.reader.insert(path);
    else session.say("Click into a field first, then on a name here.");
  };
  return {
    draggable: true,
    title: path,
    onClick: put,
    onDragStart: (event) => {
      event.dataTransfer.setData(PATH_TYPE, path);
      event.dataTransfer.setData("text/plain", path);
      event.dataTransfer.effectAllowed = "copy";
    },
  };
}
