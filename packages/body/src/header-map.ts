/**
 * The fields of a message: an insertion-ordered multimap of field lines (RFC 9110 section 5) with case-insensitive names,
 * stored lower-case. Values are strings in which one char is one byte (latin1).
 *
 * Lines live in parallel arrays, in the order they were put in. Few lines are searched by a scan, which for names that
 * are shared strings compares pointers; many lines by an index that is built when first needed. No object is keyed by a
 * name, so `__proto__` is just a name, and a peer that chooses names chooses nothing but positions in an array. The
 * number of lines has a cap. What is rarely there, original spellings and marks of sensitive values, costs nothing until
 * it is.
 */

import { BodyError } from "./body-error.ts";
import { HeaderEntry } from "./header-entry.ts";
import { describe, quote } from "./quote.ts";
import { alternativeName, checkValue, normalizeName } from "./token.ts";

/** Where the lines of a new map come from. A record may give several values for a name. */
export type HeaderInit =
  | HeaderMap
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[]>>;

/** Options of a header map. */
export interface HeaderMapOptions {
  /** The most field lines the map takes, an integer of 0 or more. Default: 32,768 (as hyper's). */
  readonly maxLines?: number | undefined;
}

/** What may be said of a line besides its name and value. */
export interface HeaderLineOptions {
  /** Never put in an HPACK table, and not shown when printed. Default: false. */
  readonly sensitive?: boolean | undefined;
  /** The spelling to keep for protocols that show it (HTTP/1). Default: none is kept. */
  readonly originalName?: string | undefined;
}

const defaultMaxLines = 32_768;

/** Up to this many lines a scan is at least as fast as an index. */
const maxScannedLines = 24;

const redacted = "[sensitive]";
const none: readonly number[] = [];
const brand: symbol = Symbol.for("@sluice/body.HeaderMap");
/** How Node, Deno and Bun ask an object to print itself. */
const inspectSymbol: symbol = Symbol.for("nodejs.util.inspect.custom");

/** An insertion-ordered multimap of field lines. Iterating gives `[name, value]` per line. */
export class HeaderMap implements Iterable<[string, string]> {
  readonly #maxLines: number;
  #names: string[];
  #values: string[];
  /** As long as `#names` once there is one, else absent. */
  #sensitive: boolean[] | undefined;
  /** As long as `#names` once there is one, else absent. */
  #originals: (string | undefined)[] | undefined;
  /** From each name to its positions in ascending order; absent while not needed or out of date. */
  #index: Map<string, number[]> | undefined;

  /**
   * A map of the lines of `init`, which is copied. Throws as `append` does, and `RangeError` when `maxLines` is not an
   * integer of 0 or more.
   */
  constructor(init?: HeaderInit, options?: HeaderMapOptions) {
    const maxLines = options?.maxLines ?? defaultMaxLines;
    if (!Number.isSafeInteger(maxLines) || maxLines < 0) {
      throw new RangeError(`maxLines must be an integer of 0 or more; received ${String(maxLines)}`);
    }
    this.#maxLines = maxLines;
    this.#names = [];
    this.#values = [];
    if (init !== undefined) this.extend(init);
  }

  static {
    Object.defineProperty(HeaderMap.prototype, brand, { value: true });
    Object.defineProperty(HeaderMap.prototype, inspectSymbol, {
      value(this: HeaderMap): string {
        return this.#inspect();
      },
    });
  }

  /** Tells a `HeaderMap` from anything else, also one made by another copy of this package. */
  static is(value: unknown): value is HeaderMap {
    return typeof value === "object" && value !== null && brand in value;
  }

  /** The number of field lines. */
  get size(): number {
    return this.#names.length;
  }

  /** The number of distinct names. */
  get namesSize(): number {
    return this.#index === undefined ? new Set(this.#names).size : this.#index.size;
  }

  /** The most field lines this map takes. */
  get maxLines(): number {
    return this.#maxLines;
  }

  /** The first value of a name, or `undefined`. */
  get(name: string): string | undefined {
    const at = this.indexOf(name);
    return at === -1 ? undefined : this.#values[at];
  }

  /** All values of a name, in order. */
  getAll(name: string): readonly string[] {
    return this.#positions(name).map((at) => this.valueAt(at));
  }

  /**
   * The values of a name as one (RFC 9110 section 5.3): joined with `, `, those of `cookie` with `; ` (RFC 9113 section
   * 8.2.3), or `undefined` when there is none. Throws `TypeError` for several lines of `set-cookie`, which cannot be
   * joined.
   */
  getJoined(name: string): string | undefined {
    const values = this.getAll(name);
    if (values.length < 2) return values[0];
    const key = normalizeName(name);
    if (key === "set-cookie") {
      throw new TypeError(`${values.length} lines of set-cookie cannot be joined into one (RFC 9110 5.3); use getAll`);
    }
    return values.join(key === "cookie" ? "; " : ", ");
  }

  /** Whether there is a line of this name. */
  has(name: string): boolean {
    return this.indexOf(name) !== -1;
  }

  /** The position of the first line of a name, or -1. */
  indexOf(name: string): number {
    const at = this.#find(name);
    if (at !== -1) return at;
    const other = alternativeName(name);
    return other === name ? -1 : this.#find(other);
  }

  /**
   * Adds a line and keeps what is there. Throws `TypeError` for a name that is not a token, a value that is not field
   * content (see `checkValue`), or an `originalName` that is another name; a `BodyError` with code `too-many-fields` at
   * the cap.
   */
  append(name: string, value: string, options?: HeaderLineOptions): this {
    const key = normalizeName(name);
    const content = checkValue(value);
    const original = checkOriginal(key, options?.originalName);
    this.#push(key, content);
    if (original !== undefined) this.#setOriginal(this.#names.length - 1, original);
    if (options?.sensitive === true) this.#setSensitive(this.#names.length - 1, true);
    return this;
  }

  /**
   * Replaces all lines of a name with one, in the place of the first; adds it at the end when there was none. Returns
   * whether something was replaced. Throws as `append` does.
   */
  insert(name: string, value: string, options?: HeaderLineOptions): boolean {
    const key = normalizeName(name);
    const at = this.#find(key);
    if (at === -1) {
      this.append(key, value, options);
      return false;
    }
    const content = checkValue(value);
    const original = checkOriginal(key, options?.originalName);
    this.#drop(key, at + 1);
    this.#values[at] = content;
    this.#setOriginal(at, original);
    this.#setSensitive(at, options?.sensitive === true);
    return true;
  }

  /** Removes all lines of a name. Returns whether there were any. */
  remove(name: string): boolean {
    const at = this.indexOf(name);
    return at !== -1 && this.#drop(this.nameAt(at), at);
  }

  /** Removes all lines. */
  clear(): void {
    this.#names = [];
    this.#values = [];
    this.#sensitive = undefined;
    this.#originals = undefined;
    this.#index = undefined;
  }

  /** A name with what is there for it, to look and change in one go. Throws `TypeError` for a name that is not a token. */
  entry(name: string): HeaderEntry {
    return new HeaderEntry(this, normalizeName(name));
  }

  /** The distinct names, in the order of their first lines, as they are now. */
  keys(): IterableIterator<string> {
    return new Set(this.#names).values();
  }

  /** The values of all lines, in order. */
  values(): IterableIterator<string> {
    return this.#values.values();
  }

  /** `[name, value]` of all lines, in order. */
  *entries(): IterableIterator<[string, string]> {
    for (let i = 0; i < this.#names.length; i++) yield [this.nameAt(i), this.valueAt(i)];
  }

  /** Every line as name and value, in the order of the lines. */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  /** Calls `callback` for each line, in order. */
  forEach(callback: (value: string, name: string, map: HeaderMap) => void): void {
    for (let i = 0; i < this.#names.length; i++) callback(this.valueAt(i), this.nameAt(i), this);
  }

  /** Whether a line of this name is marked as sensitive. */
  isSensitive(name: string): boolean {
    return this.#sensitive !== undefined && this.#positions(name).some((at) => this.sensitiveAt(at));
  }

  /** Marks all lines of a name as sensitive, or no longer. Returns whether there were any. */
  setSensitive(name: string, sensitive: boolean): boolean {
    const positions = this.#positions(name);
    for (const at of positions) this.#setSensitive(at, sensitive);
    return positions.length > 0;
  }

  /** A copy, with the same cap. */
  clone(): HeaderMap {
    const copy = new HeaderMap(undefined, { maxLines: this.#maxLines });
    copy.#names = this.#names.slice();
    copy.#values = this.#values.slice();
    copy.#sensitive = this.#sensitive?.slice();
    copy.#originals = this.#originals?.slice();
    return copy;
  }

  /** Appends all lines of `other`, those of a map with their marks and spellings. Throws as `append` does. */
  extend(other: HeaderInit): this {
    if (HeaderMap.is(other)) this.#appendMap(other);
    else if (typeof other !== "object" || other === null) {
      throw new TypeError(`headers must be a HeaderMap, an iterable or a record; received ${describe(other)}`);
    } else if (Symbol.iterator in other) {
      for (const [name, value] of other as Iterable<readonly [string, string]>) this.append(name, value);
    } else this.#appendRecord(other);
    return this;
  }

  // By position, for protocol code: 0 <= position < size, else a RangeError.

  /** The name of a line, lower-case. */
  nameAt(position: number): string {
    return this.#names[position] ?? outOfRange(position, this.size);
  }

  /** The value of a line. */
  valueAt(position: number): string {
    return this.#values[position] ?? outOfRange(position, this.size);
  }

  /** Whether a line is marked as sensitive. */
  sensitiveAt(position: number): boolean {
    return this.#sensitive?.[position] === true;
  }

  /** Marks a line as sensitive, or no longer. */
  setSensitiveAt(position: number, sensitive: boolean): void {
    this.nameAt(position);
    this.#setSensitive(position, sensitive);
  }

  /** The original spelling of the name of a line, where it was kept. */
  originalNameAt(position: number): string | undefined {
    return this.#originals?.[position];
  }

  /** Replaces the value of a line and keeps all else of it. Throws `TypeError` for a value that is not field content. */
  setValueAt(position: number, value: string): void {
    const content = checkValue(value);
    this.nameAt(position);
    this.#values[position] = content;
  }

  /**
   * Adds a line without checking it, for parsers: `name` must already be a lower-case token, `value` field content
   * without surrounding space, `originalName` the same name. Throws a `BodyError` with code `too-many-fields` at the cap.
   */
  appendParsed(name: string, value: string, originalName?: string): void {
    this.#push(name, value);
    if (originalName !== undefined) this.#setOriginal(this.#names.length - 1, originalName);
  }

  /** The lines as `name: value`, sensitive values left out. Not for the wire. */
  toString(): string {
    return this.toJSON()
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n");
  }

  /** The lines as `[name, value]`, sensitive values left out. */
  toJSON(): [string, string][] {
    return this.#names.map((name, at) => [name, this.sensitiveAt(at) ? redacted : this.valueAt(at)]);
  }

  #inspect(): string {
    const lines = this.toJSON().map(([name, value]) => `  ${name}: ${JSON.stringify(value)}`);
    return lines.length === 0 ? "HeaderMap(0) {}" : `HeaderMap(${lines.length}) {\n${lines.join(",\n")}\n}`;
  }

  /** The position of the first line of a name given as it is stored, or -1. */
  #find(name: string): number {
    const names = this.#names;
    if (names.length > maxScannedLines) return this.#indexed().get(name)?.[0] ?? -1;
    for (let i = 0; i < names.length; i++) {
      if (names[i] === name) return i;
    }
    return -1;
  }

  /** The positions of all lines of a name. */
  #positions(name: string): readonly number[] {
    const first = this.indexOf(name);
    if (first === -1) return none;
    const names = this.#names;
    const key = this.nameAt(first);
    if (names.length > maxScannedLines) return this.#indexed().get(key) ?? none;
    const positions = [first];
    for (let i = first + 1; i < names.length; i++) {
      if (names[i] === key) positions.push(i);
    }
    return positions;
  }

  #indexed(): Map<string, number[]> {
    if (this.#index !== undefined) return this.#index;
    const index = new Map<string, number[]>();
    for (const [at, name] of this.#names.entries()) enter(index, name, at);
    this.#index = index;
    return index;
  }

  #push(name: string, value: string): void {
    const at = this.#names.length;
    if (at >= this.#maxLines) throw tooMany(this.#maxLines);
    if (at === 0) {
      // A literal takes one slot, a first push seventeen; many maps have one line.
      this.#names = [name];
      this.#values = [value];
    } else {
      this.#names.push(name);
      this.#values.push(value);
    }
    if (this.#sensitive !== undefined) this.#sensitive.push(false);
    if (this.#originals !== undefined) this.#originals.push(undefined);
    if (this.#index !== undefined) enter(this.#index, name, at);
  }

  #setSensitive(at: number, sensitive: boolean): void {
    if (this.#sensitive === undefined) {
      if (!sensitive) return;
      this.#sensitive = new Array<boolean>(this.#names.length).fill(false);
    }
    this.#sensitive[at] = sensitive;
  }

  #setOriginal(at: number, original: string | undefined): void {
    if (this.#originals === undefined) {
      if (original === undefined) return;
      this.#originals = new Array<string | undefined>(this.#names.length).fill(undefined);
    }
    this.#originals[at] = original;
  }

  /** Removes the lines of a name at or after a position, closing the gaps in one pass. */
  #drop(name: string, from: number): boolean {
    const names = this.#names;
    const values = this.#values;
    const size = names.length;
    let kept = from;
    for (let i = from; i < size; i++) {
      if (names[i] === name) continue;
      if (kept !== i) {
        names[kept] = this.nameAt(i);
        values[kept] = this.valueAt(i);
        if (this.#sensitive !== undefined) this.#sensitive[kept] = this.sensitiveAt(i);
        if (this.#originals !== undefined) this.#originals[kept] = this.originalNameAt(i);
      }
      kept++;
    }
    if (kept === size) return false;
    names.length = kept;
    values.length = kept;
    if (this.#sensitive !== undefined) this.#sensitive.length = kept;
    if (this.#originals !== undefined) this.#originals.length = kept;
    this.#index = undefined;
    return true;
  }

  /** Uses nothing but the public face of `other`, which may be of another copy of this package, or this very map. */
  #appendMap(other: HeaderMap): void {
    const count = other.size;
    if (this.size + count > this.#maxLines) throw tooMany(this.#maxLines);
    for (let i = 0; i < count; i++) {
      this.appendParsed(other.nameAt(i), other.valueAt(i), other.originalNameAt(i));
      if (other.sensitiveAt(i)) this.#setSensitive(this.size - 1, true);
    }
  }

  #appendRecord(record: Readonly<Record<string, string | readonly string[]>>): void {
    for (const name of Object.keys(record)) {
      const value = record[name];
      if (Array.isArray(value)) for (const one of value) this.append(name, one);
      else this.append(name, value as string);
    }
  }
}

function enter(index: Map<string, number[]>, name: string, at: number): void {
  const positions = index.get(name);
  if (positions === undefined) index.set(name, [at]);
  else positions.push(at);
}

function checkOriginal(name: string, original: string | undefined): string | undefined {
  if (original === undefined || normalizeName(original) === name) return original;
  throw new TypeError(`originalName must be a spelling of ${quote(name)}; received ${quote(original)}`);
}

function tooMany(limit: number): BodyError {
  return new BodyError("too-many-fields", `a header map takes at most ${limit} field lines`, { limit });
}

function outOfRange(position: number, size: number): never {
  throw new RangeError(`there is no field line ${position}; the map has ${size}`);
}
