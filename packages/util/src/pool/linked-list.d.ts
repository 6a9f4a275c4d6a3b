/**
 * A doubly linked list through its items: adding, and removing from anywhere, in constant time and without an allocation.
 */
/** What an item has for the list it is in. */
export interface Linked<Item> {
    before: Item | undefined;
    after: Item | undefined;
}
export declare class LinkedList<Item extends Linked<Item>> {
    #private;
    get first(): Item | undefined;
    get last(): Item | undefined;
    get size(): number;
    /** Adds an item that is in no list at the end. */
    push(item: Item): void;
    /** Removes an item that is in this list. */
    remove(item: Item): void;
    /** Takes the first item out. */
    shift(): Item | undefined;
    /** The items from the first to the last; the one just given may be removed meanwhile. */
    [Symbol.iterator](): Generator<Item, void, undefined>;
}
