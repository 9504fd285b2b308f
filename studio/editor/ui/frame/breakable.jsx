// A node's name, which may go on in the next line after an underscore.
export const breakable = (name) => name.split(/(?<=_)/).flatMap((part, i) => (i ? [<wbr key={i} />, part] : [part]));
