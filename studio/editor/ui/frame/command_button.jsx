// A button of a command: it shows the keys, and where the command cannot be done now, it says why.
import { useSession, useValue } from "../core/store.js";
import { commandOf, perform, whyNot } from "../core/commands.js";
import { shown } from "../core/keys.js";

export function CommandButton({ id, icon: Icon, size = 15, label, className = "hed-icon", pressed, showKeys = false, testid }) {
  const session = useSession();
  const { title, keys } = commandOf(id);
  const why = useValue(() => whyNot(session, id));
  return (
    <button
      type="button" className={className} aria-label={label ? undefined : title} aria-disabled={Boolean(why)} aria-pressed={pressed} data-testid={testid}
      title={why ? `${title}: ${why}` : keys ? `${title} (${shown(keys[0])})` : title} onClick={() => perform(session, id)}
    >
      {Icon && <Icon size={size} />}{label}{showKeys && <kbd>{shown(keys[0])}</kbd>}
    </button>
  );
}
