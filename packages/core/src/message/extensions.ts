/**
 * Values that travel with a message beside its head and body: typed by their key, invisible to the wire.
 */

declare const valueType: unique symbol;

/** Names a slot for values of type `T`. Two keys are never the same slot, whatever their names. */
export interface ExtensionKey<T> {
  readonly symbol: symbol;
  readonly [valueType]?: T;
}

/** Makes a new key; `name` is for people reading a dump. */
export function extensionKey<T>(name: string): ExtensionKey<T> {
  return { symbol: Symbol(name) };
}

/** Values of any types, each under a key of its own. */
export class Extensions {
  readonly #values = new Map<symbol, unknown>();

  /** How many values there are. */
  get size(): number {
    return this.#values.size;
  }

  /** Whether there is a value of `key`. */
  has(key: ExtensionKey<unknown>): boolean {
    return this.#values.has(key.symbol);
  }

  /** The value of `key`, or `undefined`. */
  get<T>(key: ExtensionKey<T>): T | undefined {
    return this.#values.get(key.symbol) as T | undefined;
  }

  /** Sets the value of `key`, in place of one there may be. */
  set<T>(key: ExtensionKey<T>, value: T): this {
    this.#values.set(key.symbol, value);
    return this;
  }

  /** The value of `key`, made by `make` and kept if there was none. */
  getOrInsert<T>(key: ExtensionKey<T>, make: () => T): T {
    if (this.#values.has(key.symbol)) return this.#values.get(key.symbol) as T;
    const value = make();
    this.#values.set(key.symbol, value);
    return value;
  }

  /** Takes the value of `key` out. */
  remove<T>(key: ExtensionKey<T>): T | undefined {
    const value = this.get(key);
    this.#values.delete(key.symbol);
    return value;
  }

  /** Takes everything out. */
  clear(): void {
    this.#values.clear();
  }

  /** Takes over everything `other` holds; its values win. */
  extend(other: Extensions): this {
    for (const [symbol, value] of other.#values) this.#values.set(symbol, value);
    return this;
  }
}
