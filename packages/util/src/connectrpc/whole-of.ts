/**
 * All chunks of an iterable as one. Mostly there is one, which is given as it is.
 */
export async function wholeOf(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return new Uint8Array(0);
  let whole = first.value;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    whole = joined(whole, next.value);
  }
  return whole;
}

function joined(before: Uint8Array, after: Uint8Array): Uint8Array {
  const whole = new Uint8Array(before.length + after.length);
  whole.set(before);
  whole.set(after, before.length);
  return whole;
}
