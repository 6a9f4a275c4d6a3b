/**
 * One name of a header map, to look at and change without naming it again. Holds no position, so it stays right when the
 * map is changed behind its back; each operation costs one lookup.
 */

import type { HeaderLineOptions, HeaderMap } from "./header-map.ts";

/** A name in a header map. Made by `HeaderMap.entry`. */
export class HeaderEntry {
  readonly #map: HeaderMap;
  /** The name, lower-case. */
  readonly name: string;

  /** `name` must be a lower-case token. */
  constructor(map: HeaderMap, name: string) {
    this.#map = map;
    this.name = name;
  }

  /** The first value, or `undefined` when there is no line of the name. */
  get value(): string | undefined {
    return this.#map.get(this.name);
  }

  /** Whether there is a line of the name. */
  get exists(): boolean {
    return this.#map.has(this.name);
  }

  /** The first value; when there is none, `value` (or what it returns) is put in and returned. Throws as `append` does. */
  orInsert(value: string | (() => string), options?: HeaderLineOptions): string {
    const present = this.value;
    if (present !== undefined) return present;
    this.append(typeof value === "function" ? value() : value, options);
    return this.#map.valueAt(this.#map.size - 1);
  }

  /**
   * Replaces the first value with what `change` makes of it; does nothing when there is none. `change` must not change
   * the map. Throws `TypeError` for a value that is not field content.
   */
  update(change: (value: string) => string): this {
    const at = this.#map.indexOf(this.name);
    if (at !== -1) this.#map.setValueAt(at, change(this.#map.valueAt(at)));
    return this;
  }

  /** Adds a line and keeps what is there. Throws as `HeaderMap.append` does. */
  append(value: string, options?: HeaderLineOptions): this {
    this.#map.append(this.name, value, options);
    return this;
  }

  /** Replaces all lines of the name with one. Returns whether there were any. Throws as `HeaderMap.append` does. */
  insert(value: string, options?: HeaderLineOptions): boolean {
    return this.#map.insert(this.name, value, options);
  }

  /** Removes all lines of the name. Returns whether there were any. */
  remove(): boolean {
    return this.#map.remove(this.name);
  }
}
