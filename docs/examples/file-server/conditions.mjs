// What a client has already, and whether it still is what we have (RFC 9110 section 13).

/** The fields by which a later request can tell. */
export function validators(file) {
  return { etag: etagOf(file), "last-modified": dateOf(file) };
}

/** Changes with every change of the file that its file system can tell apart. */
function etagOf({ ino, mtimeNs, size }) {
  return `"${ino.toString(36)}-${mtimeNs.toString(36)}-${size.toString(36)}"`;
}

/** HTTP knows whole seconds. */
function dateOf({ mtimeNs }) {
  return new Date(Number(mtimeNs / 1_000_000n)).toUTCString();
}

/** Whether the answer is 304. RFC 9110 13.2.2: If-Modified-Since counts only where there is no If-None-Match. */
export function isUnchanged(headers, file) {
  const known = headers.getJoined("if-none-match");
  if (known !== undefined) {
    if (known.trim() === "*") return true;
    // Weak comparison (8.8.3.2): a weak tag of the same text is good enough.
    return (known.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => tag.replace(/^W\//, "") === etagOf(file));
  }
  const since = Date.parse(headers.get("if-modified-since") ?? "");
  return Date.parse(dateOf(file)) <= since;
}

/**
 * Whether a part goes with what the client has (If-Range, 13.1.5); if not it gets the whole. Strong comparison: the tag,
 * exactly, or the date, exactly and only when it is old enough to be of this version alone.
 */
export function wantsPart(headers, file) {
  const condition = headers.get("if-range");
  if (condition === undefined || condition === etagOf(file)) return true;
  const isOld = Date.now() - Number(file.mtimeNs / 1_000_000n) > 60_000;
  return isOld && condition === dateOf(file);
}
