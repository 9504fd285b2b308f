// Diagnostics beside what they are about. They name a place as ["nodes", 3, "config", "model"].
export const pathAt = (diagnostic, path) => {
  const at = diagnostic.path?.[0] === "nodes" ? diagnostic.path.slice(2) : [];
  return path.every((key, i) => String(at[i]) === String(key));
};

export function Problem({ problem }) {
  return <p className={`hed-error ${problem.severity}`} role={problem.severity === "error" ? "alert" : undefined}>{problem.message}</p>;
}

export const valueAt = (config, key) => key.split(".").reduce((data, part) => data?.[part], config);
