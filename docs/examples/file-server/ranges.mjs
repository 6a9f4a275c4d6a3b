// Which bytes are asked for (RFC 9110 section 14).

const maxRanges = 16;

/**
 * The ranges of a `Range` field that there is something of, in the order of the field, their ends excluded. Of a file that
 * has none of them an empty list, which is 416. `undefined` if the field is absent or is to be ignored: it is malformed, in
 * other units, or asks for so much that the whole is less (14.2: overlapping or very many ranges are an attack).
 */
export function rangesOf(field, size) {
  const [, list] = /^bytes=(.*)$/is.exec(field ?? "") ?? [];
  if (list === undefined) return undefined;
  // Lists may have empty elements (5.6.1).
  const specs = list.split(",").map((spec) => spec.trim());
  const parsed = specs.filter((spec) => spec !== "").map((spec) => rangeOf(spec, size));
  if (parsed.length === 0 || parsed.length > maxRanges || parsed.includes(undefined)) return undefined;
  const ranges = parsed.filter(({ start, end }) => start < end);
  const asked = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  return asked > size ? undefined : ranges;
}

/** `first-`, `first-last` or `-length`; `undefined` for anything else. */
function rangeOf(spec, size) {
  const [, first, last] = /^([0-9]*)-([0-9]*)$/.exec(spec) ?? [];
  if (first === undefined || (first === "" && last === "")) return undefined;
  if (first === "") return { start: Math.max(0, size - Number(last)), end: size };
  if (last !== "" && Number(last) < Number(first)) return undefined;
  return { start: Number(first), end: last === "" ? size : Math.min(size, Number(last) + 1) };
}
