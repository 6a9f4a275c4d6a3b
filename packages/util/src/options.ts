/**
 * The checks that options share. A senseless value throws at once, and the message names the option, the range and what was
 * given; a misspelt option is not passed over.
 */
import { quoted } from "./connect/connect-errors.ts";

/** @throws TypeError if `options` is not an object, or has a name that is not among `known`. */
export function knownOptions(face: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${face}: options must be an object, got ${String(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`${face}: unknown option ${name}`);
  }
}

/** A boolean option. */
export function flagOption(face: string, name: string, value: boolean | undefined, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value === "boolean") return value;
  throw new TypeError(`${face}: ${name} must be true or false, got ${String(value)}`);
}

/** A whole number from `min` to `max`; `Infinity` if that is `max`. */
export function wholeOption(
  face: string,
  name: string,
  value: number | undefined,
  byDefault: number,
  min: number,
  max: number,
): number {
  if (value === undefined) return byDefault;
  if (typeof value !== "number") throw new TypeError(`${face}: ${name} must be a number, got ${String(value)}`);
  if (value >= min && value <= max && (Number.isInteger(value) || value === max)) return value;
  throw new RangeError(`${face}: ${name} must be a whole number from ${min} to ${max}, got ${value}`);
}

/** A time limit in milliseconds of 0 or more; `Infinity` for none, which is what 0 means. */
export function limitOption(face: string, name: string, value: number | undefined, byDefault: number): number {
  if (value !== undefined && typeof value !== "number") {
    throw new TypeError(`${face}: ${name} must be a number of milliseconds, got ${String(value)}`);
  }
  const ms = value ?? byDefault;
  if (!(ms >= 0))
    throw new RangeError(`${face}: ${name} must be a number of milliseconds from 0 to Infinity, got ${ms}`);
  return ms === 0 ? Infinity : ms;
}

/** An object that has the method `method`; what it is made by if it was not given. */
export function objectOption<T extends object>(
  face: string,
  name: string,
  value: T | undefined,
  method: keyof T & string,
  byDefault: () => T,
): T {
  if (value === undefined) return byDefault();
  if (typeof value === "object" && value !== null && typeof value[method] === "function") return value;
  const shown = typeof value === "string" ? quoted(value) : String(value);
  throw new TypeError(`${face}: ${name} must be an object with the method ${method}, got ${shown}`);
}

/** @throws RangeError unless `value` is a whole number of at least `min`, or Infinity. */
export function wholeNumber(name: string, value: number, min: number): number {
  if ((Number.isInteger(value) || value === Number.POSITIVE_INFINITY) && value >= min) return value;
  throw new RangeError(`${name}: must be a whole number of at least ${min}, got ${String(value)}`);
}
