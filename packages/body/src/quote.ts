/**
 * Renders received values for error messages: shortened, and with everything but printable ASCII escaped, so that a
 * message can be logged without carrying what a peer put into it.
 */

const maxQuotedLength = 64;

/** A value in quotes: at most 64 characters of it, everything but printable ASCII escaped. */
export function quote(value: string): string {
  const shown = value.length > maxQuotedLength ? value.slice(0, maxQuotedLength) : value;
  const escaped = shown.replace(/[^\x20-\x7e]|["\\]/g, (char) => {
    if (char === '"' || char === "\\") return `\\${char}`;
    const unit = char.charCodeAt(0);
    return unit < 0x100 ? `\\x${unit.toString(16).padStart(2, "0")}` : `\\u${unit.toString(16).padStart(4, "0")}`;
  });
  return value.length > maxQuotedLength ? `"${escaped}"... (${value.length} characters)` : `"${escaped}"`;
}

/** Names the kind of a value that should not have been there: `a number`, `null`, `an object of class Map`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "string") return `the string ${quote(value)}`;
  if (typeof value !== "object") return `a ${typeof value}`;
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && name !== "" ? `an object of class ${quote(name)}` : "an object";
}
