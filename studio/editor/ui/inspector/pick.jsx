// The name of a value whose path can be put into a field: dragged there, or with a click where the cursor was last.
import { useSession } from "../core/store.js";
import { PATH_TYPE } from "./paths.js";

export function Pick({ path, label }) {
  const session = useSession();
  if (path === undefined) return <span className="k">{label}</span>;
  const put = () => {
    if (session.reader) session.reader.insert(path);
    else session.say("Click into a field first, then on a name here.");
  };
  return (
    <button className="k pick" draggable title={path} data-path={path} onClick={put}
      onDragStart={(event) => {
        event.dataTransfer.setData(PATH_TYPE, path);
        event.dataTransfer.setData("text/plain", path);
        event.dataTransfer.effectAllowed = "copy";
      }}>{label}</button>
  );
}
