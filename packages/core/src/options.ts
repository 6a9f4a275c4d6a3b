/**
 * Options as plain objects: one table of rules per face, checked once, defaults in one place.
 *
 * A set of options is resolved the first time it is used and remembered, so that a server that passes the same object for
 * each connection pays once; it must not be changed afterwards.
 */

export type OptionValue = boolean | number | string;

/** What an option may be, and what it is when it is not given. */
export type OptionRule =
  | { readonly type: "flag"; readonly default: boolean }
  | { readonly type: "whole"; readonly default: number; readonly min: number; readonly max: number }
  | { readonly type: "choice"; readonly default: string; readonly of: readonly string[] };

export type OptionRules = Readonly<Record<string, OptionRule>>;

export function flag(value: boolean): OptionRule {
  return { type: "flag", default: value };
}

/** A whole number from `min` to `max`, or `Infinity` if that is `max`. */
export function whole(value: number, min = 0, max: number = Number.POSITIVE_INFINITY): OptionRule {
  return { type: "whole", default: value, min, max };
}

export function choice(value: string, of: readonly string[]): OptionRule {
  return { type: "choice", default: value, of };
}

/** Makes the function that resolves options of one face. `others` are options it lets pass unchecked. */
export function optionResolver<Given extends object, Resolved>(
  face: string,
  rules: OptionRules,
  others: readonly string[],
): (given: Given | undefined) => Resolved {
  const known = new WeakMap<object, Resolved>();
  const defaults = resolve(face, rules, others, {}) as Resolved;
  return (given) => {
    if (given === undefined) return defaults;
    let resolved = known.get(given);
    if (resolved === undefined) {
      resolved = resolve(face, rules, others, given as Readonly<Record<string, unknown>>) as Resolved;
      known.set(given, resolved);
    }
    return resolved;
  };
}

/**
 * How long a graceful shutdown may take: the deadline given for it, else the option, where 0 means for ever.
 * @throws RangeError for a negative deadline.
 */
export function shutdownLimit(deadlineMs: number | undefined, optionMs: number): number {
  if (deadlineMs === undefined) return optionMs === 0 ? Number.POSITIVE_INFINITY : optionMs;
  if (deadlineMs >= 0) return Math.max(1, deadlineMs);
  throw new RangeError(`deadlineMs must be a number of milliseconds of at least 0, got ${deadlineMs}`);
}

/**
 * How long an idle connection is left open in a graceful shutdown.
 * @throws RangeError for a negative or infinite time.
 */
export function graceLimit(idleGraceMs: number): number {
  if (idleGraceMs >= 0 && idleGraceMs < Number.POSITIVE_INFINITY) return idleGraceMs;
  throw new RangeError(`idleGraceMs must be a finite number of milliseconds of at least 0, got ${idleGraceMs}`);
}

function resolve(
  face: string,
  rules: OptionRules,
  others: readonly string[],
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, OptionValue>> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(rules, name) && !others.includes(name)) throw new TypeError(`${face}: unknown option ${name}`);
  }
  const resolved: Record<string, OptionValue> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const value = given[name];
    resolved[name] = value === undefined ? rule.default : checked(face, name, rule, value);
  }
  return resolved;
}

function checked(face: string, name: string, rule: OptionRule, value: unknown): OptionValue {
  switch (rule.type) {
    case "flag":
      if (typeof value === "boolean") return value;
      throw new TypeError(`${face}: ${name} must be true or false, got ${String(value)}`);
    case "choice":
      if (typeof value === "string" && rule.of.includes(value)) return value;
      throw new TypeError(`${face}: ${name} must be one of ${rule.of.join(", ")}, got ${String(value)}`);
    default:
      if (typeof value !== "number") throw new TypeError(`${face}: ${name} must be a number, got ${String(value)}`);
      if (value >= rule.min && value <= rule.max && (Number.isInteger(value) || value === rule.max)) return value;
      throw new RangeError(`${face}: ${name} must be a whole number from ${rule.min} to ${rule.max}, got ${value}`);
  }
}
