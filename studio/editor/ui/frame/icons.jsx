// Icons: those of the node types come from Python (each type names its own), the rest is imported where it is used.
import { createContext, useContext } from "react";
import { CircleHelp } from "lucide-react";

export const IconContext = createContext({});

export function TypeIcon({ name, size = 16 }) {
  const icons = useContext(IconContext);
  const Icon = icons[name] ?? CircleHelp;
  return <Icon size={size} strokeWidth={1.75} aria-hidden="true" />;
}
