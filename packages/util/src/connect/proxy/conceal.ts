/**
 * Keeps credentials out of what is printed. Values that hold some stay plain objects for the program, but whoever prints
 * them, by `console.log`, a logger or `JSON.stringify`, sees `shown` instead.
 */

const inspect: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;

/** `value` itself, frozen, which prints as `shown`. */
export function conceal<T extends object>(value: T, shown: string): Readonly<T> {
  // A function, for `inspect` would put quotes around the value of a plain property.
  Object.defineProperty(value, inspect, { value: () => shown });
  Object.defineProperty(value, "toJSON", { value: () => shown });
  return Object.freeze(value);
}

/** Makes `console.log` and its like print the instances of a class as `shown` says. */
export function printAs<T extends object>(type: { readonly prototype: T }, shown: (instance: T) => string): void {
  Object.defineProperty(type.prototype, inspect, {
    value(this: T): string {
      return shown(this);
    },
  });
}
