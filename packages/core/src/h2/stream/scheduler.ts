/**
 * Which stream sends next (RFC 9218 section 10), in the same time however many streams there are.
 *
 * Streams with something to send are linked into rings, one per urgency and kind; a bit mask knows which are not empty.
 * A lower urgency number always goes first, so a higher one may wait for long: the client asked for it and harms only
 * itself. Within one urgency, incremental streams take turns frame by frame, the others are served one after the other,
 * each until it has nothing to send or no window, and if there are both, they alternate. "One after the other" is by
 * when streams became ready, not by identifier: for requests answered in turn that is the same, and needs no search.
 * Without priorities, give every stream `fairPriority`, which makes this a plain round robin.
 */
import type { Priority } from "./priority.ts";

/** What a stream's record has for the scheduler. All of it but reading `priority` is for the scheduler alone. */
export interface Schedulable<Node> {
  /** Change it with `Scheduler.reprioritise`. */
  priority: Priority;
  schedPrev: Node | null;
  /** `null` if and only if the stream is not scheduled. */
  schedNext: Node | null;
}

const ringCount = 16;
const none: never[] = [];

export class Scheduler<Node extends Schedulable<Node>> {
  /** By priority: who is next in each ring. */
  #heads: (Node | null)[] = none;
  /** One bit per ring that is not empty; bits 2u and 2u+1 belong to urgency u. */
  #occupied = 0;
  /** One bit per urgency, at 2u: whether the stream served last was not incremental. */
  #wholeLast = 0;

  get isEmpty(): boolean {
    return this.#occupied === 0;
  }

  /** Schedules a stream, behind the others of its priority. Nothing happens if it is scheduled. */
  push(node: Node): void {
    if (node.schedNext !== null) return;
    // Many connections never have anything that must wait.
    if (this.#heads === none) this.#heads = new Array<Node | null>(ringCount).fill(null);
    const head = this.#heads[node.priority] ?? null;
    if (head === null) {
      node.schedPrev = node;
      node.schedNext = node;
      this.#heads[node.priority] = node;
      this.#occupied |= 1 << node.priority;
      return;
    }
    const tail = head.schedPrev as Node;
    node.schedPrev = tail;
    node.schedNext = head;
    tail.schedNext = node;
    head.schedPrev = node;
  }

  /** Takes a stream out: it has nothing to send, or may not. Nothing happens if it is not scheduled. */
  remove(node: Node): void {
    const next = node.schedNext;
    if (next === null) return;
    if (next === node) {
      this.#heads[node.priority] = null;
      this.#occupied &= ~(1 << node.priority);
    } else {
      const previous = node.schedPrev as Node;
      previous.schedNext = next;
      next.schedPrev = previous;
      if (this.#heads[node.priority] === node) this.#heads[node.priority] = next;
    }
    node.schedPrev = null;
    node.schedNext = null;
  }

  /**
   * The stream that sends the next frame, or `null`. It stays scheduled; an incremental one goes behind its peers.
   * Each call is a turn, so remove a stream that can send nothing more before the next call.
   */
  next(): Node | null {
    const occupied = this.#occupied;
    if (occupied === 0) return null;
    // The lowest bit set, rounded down to its urgency.
    const first = (31 - Math.clz32(occupied & -occupied)) & ~1;
    const kinds = (occupied >> first) & 3;
    const urgency = 1 << first;
    const incremental = kinds === 2 || (kinds === 3 && (this.#wholeLast & urgency) !== 0);
    if (!incremental) {
      this.#wholeLast |= urgency;
      return this.#heads[first] as Node;
    }
    this.#wholeLast &= ~urgency;
    const node = this.#heads[first + 1] as Node;
    this.#heads[first + 1] = node.schedNext;
    return node;
  }

  /**
   * Changes a stream's priority, scheduled or not. The same priority again changes nothing, nor does it lose a turn.
   */
  reprioritise(node: Node, priority: Priority): void {
    if (node.priority === priority) return;
    const scheduled = node.schedNext !== null;
    this.remove(node);
    node.priority = priority;
    if (scheduled) this.push(node);
  }
}
