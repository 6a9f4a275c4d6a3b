/**
 * A doubly linked list through its items: adding, and removing from anywhere, in constant time and without an allocation.
 */

/** What an item has for the list it is in. */
export interface Linked<Item> {
  before: Item | undefined;
  after: Item | undefined;
}

export class LinkedList<Item extends Linked<Item>> {
  #first: Item | undefined;
  #last: Item | undefined;
  #size = 0;

  get first(): Item | undefined {
    return this.#first;
  }

  get last(): Item | undefined {
    return this.#last;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds an item that is in no list at the end. */
  push(item: Item): void {
    item.before = this.#last;
    item.after = undefined;
    if (this.#last === undefined) this.#first = item;
    else this.#last.after = item;
    this.#last = item;
    this.#size++;
  }

  /** Removes an item that is in this list. */
  remove(item: Item): void {
    if (item.before === undefined) this.#first = item.after;
    else item.before.after = item.after;
    if (item.after === undefined) this.#last = item.before;
    else item.after.before = item.before;
    item.before = undefined;
    item.after = undefined;
    this.#size--;
  }

  /** Takes the first item out. */
  shift(): Item | undefined {
    const first = this.#first;
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** The items from the first to the last; the one just given may be removed meanwhile. */
  *[Symbol.iterator](): Generator<Item, void, undefined> {
    let item = this.#first;
    while (item !== undefined) {
      const { after } = item;
      yield item;
      item = after;
    }
  }
}
