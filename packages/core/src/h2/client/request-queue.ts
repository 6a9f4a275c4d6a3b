/**
 * Requests that wait for a stream, first come first served; any of them may leave, in constant time.
 *
 * An array rather than a `Set`, for the same reason as in `stream/stream-map.ts`.
 */

/** What a waiting request has for the queue. */
export interface Queued {
  /** Its place, or -1; for the queue alone. */
  queuedAt: number;
}

/** Places given up at the front are cut off when there are so many. */
const maxGap = 64;

export class RequestQueue<Request extends Queued> {
  #places: (Request | undefined)[] = [];
  /** The place of the first element of `#places`. */
  #base = 0;
  /** Places at the front that are known to be empty. */
  #first = 0;
  #size = 0;

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  get size(): number {
    return this.#size;
  }

  push(request: Request): void {
    request.queuedAt = this.#base + this.#places.length;
    this.#places.push(request);
    this.#size++;
  }

  /** Nothing happens if it does not wait. */
  remove(request: Request): void {
    if (request.queuedAt < 0) return;
    this.#places[request.queuedAt - this.#base] = undefined;
    request.queuedAt = -1;
    if (--this.#size === 0) this.#cut(this.#places.length);
  }

  shift(): Request | undefined {
    if (this.#size === 0) return undefined;
    while (this.#places[this.#first] === undefined) this.#first++;
    const request = this.#places[this.#first] as Request;
    this.remove(request);
    if (this.#size === 0) return request;
    this.#first++;
    if (this.#first >= maxGap && this.#first * 2 >= this.#places.length) this.#cut(this.#first);
    return request;
  }

  #cut(count: number): void {
    this.#places.splice(0, count);
    this.#base += count;
    this.#first = 0;
  }
}
