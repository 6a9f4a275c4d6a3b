/** Several observers in the place of one, each told of everything in turn; what one throws does not keep it from the next. */
import type { ClientObserver } from "../client/client-observer.ts";

/**
 * One observer of several. It has those methods only that one of them has, so that what nobody asks for still costs nothing;
 * methods they are given later are not seen. For servers and clients alike.
 *
 * @throws TypeError for anything but objects.
 */
export function observeAll(...observers: readonly ClientObserver[]): ClientObserver {
  const methods = new Map<string, Method[]>();
  for (const [index, observer] of observers.entries()) {
    if (typeof observer !== "object" || observer === null) {
      throw new TypeError(`observeAll: argument ${index + 1} must be an observer, got ${String(observer)}`);
    }
    for (const name of namesOf(observer)) {
      const method: unknown = observer[name as keyof ClientObserver];
      if (typeof method !== "function") continue;
      const others = methods.get(name);
      const bound = method.bind(observer) as Method;
      if (others === undefined) methods.set(name, [bound]);
      else others.push(bound);
    }
  }
  return Object.fromEntries([...methods].map(([name, all]) => [name, inTurn(all)]));
}

type Method = (...facts: unknown[]) => void;

/** Of the object and what it inherits: observers may be instances of classes. */
function namesOf(observer: object): Set<string> {
  const names = new Set<string>();
  for (let at: object | null = observer; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (name !== "constructor") names.add(name);
  }
  return names;
}

function inTurn(methods: readonly Method[]): Method {
  return (...facts) => {
    for (const method of methods) {
      try {
        method(...facts);
      } catch {
        // An observer only looks on.
      }
    }
  };
}
