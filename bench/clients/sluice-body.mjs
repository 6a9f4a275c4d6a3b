// Reads a body without a promise for what is at hand.

/** The length of a body's content. */
export async function lengthOf(body) {
  let length = 0;
  for (;;) {
    const next = body.frame();
    const frame = next instanceof Promise ? await next : next;
    if (frame === null) return length;
    length += frame.length;
  }
}
