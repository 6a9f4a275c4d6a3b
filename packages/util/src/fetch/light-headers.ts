/**
 * `Headers` as a view of a `HeaderMap`: nothing is copied to be looked at.
 *
 * A view that is `shared` belongs to a message whose fields must stay as they are: the first change makes a copy. Rules are
 * those of the Fetch standard, section 5.1, but for values: what a `HeaderMap` does not take (control characters) is refused here,
 * where a native `Headers` would keep it.
 */
import { HeaderMap, isToken, normalizeName } from "@sluice/body";
import { NativeHeaders } from "./platform.ts";

/** Whether a change goes into the map, into a copy of it, or nowhere. */
export type Guard = "own" | "shared" | "immutable";

const inspectSymbol: symbol = Symbol.for("nodejs.util.inspect.custom");

export class LightHeaders implements Iterable<[string, string]> {
  #map: HeaderMap;
  #guard: Guard;
  #changes = 0;

  constructor(map: HeaderMap, guard: Guard) {
    this.#map = map;
    this.#guard = guard;
  }

  static {
    Object.setPrototypeOf(LightHeaders.prototype, NativeHeaders.prototype);
    // Like those of the native class.
    for (const name of [
      "append",
      "delete",
      "get",
      "has",
      "set",
      "getSetCookie",
      "keys",
      "values",
      "entries",
      "forEach",
    ]) {
      Object.defineProperty(LightHeaders.prototype, name, { enumerable: true });
    }
    Object.defineProperty(LightHeaders.prototype, inspectSymbol, {
      value(
        this: LightHeaders,
        _depth: unknown,
        options: unknown,
        inspect: (value: unknown, options: unknown) => string,
      ) {
        return `Headers ${inspect(Object.fromEntries(this), options)}`;
      },
    });
  }

  /** The map of a view made here; `undefined` for anything else. */
  static mapOf(value: unknown): HeaderMap | undefined {
    return typeof value === "object" && value !== null && #map in value ? value.#map : undefined;
  }

  /** How often it was changed. */
  get changes(): number {
    return this.#changes;
  }

  get(name: string): string | null {
    const map = this.#map;
    const first = map.indexOf(name);
    if (first < 0) {
      checkName(name);
      return null;
    }
    const key = map.nameAt(first);
    let value = map.valueAt(first);
    for (let i = first + 1; i < map.size; i++) {
      if (map.nameAt(i) === key) value += separatorOf(key) + map.valueAt(i);
    }
    return value;
  }

  has(name: string): boolean {
    if (this.#map.has(name)) return true;
    checkName(name);
    return false;
  }

  getSetCookie(): string[] {
    return [...this.#map.getAll("set-cookie")];
  }

  append(name: string, value: string): void {
    this.#writable().append(`${name}`, fieldValue(value));
  }

  set(name: string, value: string): void {
    this.#writable().insert(`${name}`, fieldValue(value));
  }

  delete(name: string): void {
    checkName(name);
    this.#writable().remove(name);
  }

  entries(): IterableIterator<[string, string]> {
    return sortedEntries(this.#map)[Symbol.iterator]();
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  keys(): IterableIterator<string> {
    return sortedEntries(this.#map)
      .map(([name]) => name)
      [Symbol.iterator]();
  }

  values(): IterableIterator<string> {
    return sortedEntries(this.#map)
      .map(([, value]) => value)
      [Symbol.iterator]();
  }

  forEach(callback: (value: string, name: string, headers: this) => void, thisArg?: unknown): void {
    if (typeof callback !== "function") throw new TypeError("Headers.forEach: the callback must be a function");
    for (const [name, value] of sortedEntries(this.#map)) callback.call(thisArg, value, name, this);
  }

  #writable(): HeaderMap {
    if (this.#guard === "immutable") throw new TypeError("immutable");
    if (this.#guard === "shared") {
      this.#map = this.#map.clone();
      this.#guard = "own";
    }
    this.#changes++;
    return this.#map;
  }
}

/** A new map of what a `Headers` can be made of. @throws TypeError for what cannot be sent. */
export function headerMapOf(init: unknown): HeaderMap {
  if (init === undefined) return new HeaderMap();
  const known = LightHeaders.mapOf(init);
  if (known !== undefined) return known.clone();
  if (HeaderMap.is(init)) return init.clone();
  if (typeof init !== "object" || init === null)
    throw new TypeError("headers must be a Headers, an iterable or a record");
  const map = new HeaderMap();
  if (Symbol.iterator in init) {
    for (const pair of init as Iterable<readonly unknown[]>) {
      const [name, value, ...more] = pair;
      if (value === undefined || more.length > 0) throw new TypeError("headers must be pairs of a name and a value");
      map.append(String(name), fieldValue(value));
    }
    return map;
  }
  for (const name of Object.keys(init)) map.append(name, fieldValue((init as Record<string, unknown>)[name]));
  return map;
}

/** As `headerMapOf`, with one line for each name, as fetch sends them. */
export function requestHeaderMapOf(init: unknown): HeaderMap {
  const map = headerMapOf(init);
  if (typeof init !== "object" || init === null || !(Symbol.iterator in init) || map.namesSize === map.size) return map;
  const joined = new HeaderMap();
  for (const [name, value] of sortedEntries(map)) joined.append(name, value);
  return joined;
}

/** A value without the white space around it, which Fetch lets hold line ends too. */
function fieldValue(value: unknown): string {
  const text = typeof value === "string" ? value : String(value);
  const isTight = text.charCodeAt(0) > 0x20 && text.charCodeAt(text.length - 1) > 0x20;
  return isTight ? text : text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");
}

function checkName(name: unknown): void {
  if (!isToken(String(name))) normalizeName(name as string);
}

/** RFC 9110 5.3, RFC 9113 8.2.3. */
function separatorOf(name: string): string {
  return name === "cookie" ? "; " : ", ";
}

/** By name, the lines of one name joined, those of set-cookie each for itself. */
function sortedEntries(map: HeaderMap): [string, string][] {
  const joined = new Map<string, [string, string]>();
  const entries: [string, string][] = [];
  for (let i = 0; i < map.size; i++) {
    const name = map.nameAt(i);
    const value = map.valueAt(i);
    const before = name === "set-cookie" ? undefined : joined.get(name);
    if (before !== undefined) {
      before[1] += separatorOf(name) + value;
      continue;
    }
    const entry: [string, string] = [name, value];
    entries.push(entry);
    joined.set(name, entry);
  }
  return entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
