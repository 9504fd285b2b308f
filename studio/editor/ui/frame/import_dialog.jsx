// What an import from another studio made of each node that did not come as it was, the worst first.
import { CircleAlert, Info, TriangleAlert } from "lucide-react";
import { useSession, useValue } from "../core/store.js";
import { Dialog } from "./dialog.jsx";
import { importOf } from "./import_report.js";

const ICONS = { unsupported: CircleAlert, approximated: TriangleAlert };
const COLOURS = { unsupported: "var(--red)", approximated: "var(--amber)" };

export function ImportReport() {
  const session = useSession();
  const open = useValue((s) => s.report);
  const view = useValue((s) => s.view);
  const graph = useValue((s) => s.graph);
  const report = open && importOf({ view });
  if (!report) return null;
  const close = () => session.set({ report: false });
  const show = (name) => {
    close();
    session.select([name], { reveal: true });
  };
  return (
    <Dialog title="What became of the import" onClose={close} wide testid="import-report">
      <p>From {report.from}{report.said && `: ${report.said}`}. {report.losses.length ? "These did not come as they were; look at them before you publish." : "Every node came as it was."}</p>
      <ul className="hed-losses">
        {report.losses.map((loss, i) => <Loss key={i} loss={loss} name={session.names.nowCalled(loss.node, graph)} show={show} />)}
      </ul>
      <footer><button className="hed-btn" onClick={close} data-autofocus>Close</button></footer>
    </Dialog>
  );
}

function Loss({ loss: { outcome, name: title, type, text }, name, show }) {
  const Icon = ICONS[outcome] ?? Info;
  return (
    <li>
      <Icon size={14} color={COLOURS[outcome] ?? "var(--mut)"} aria-label={outcome} />
      <span className="of">{name ? <button className="hed-link" onClick={() => show(name)}>{String(title || name)}</button> : <b>{String(title ?? "")}</b>} <code>{String(type ?? "")}</code></span>
      <span>{text}</span>
    </li>
  );
}
