/**
 * The platform's fetch classes as they were when this module was loaded, and what can be known of their insides.
 *
 * They are kept because a program may put others in their place. Where the platform keeps what a message is made of under a
 * symbol (Node up to 22), a native body that was made from a string or from bytes is found there, which spares a web stream;
 * and an object that answers for those symbols passes for a native one. Where it does not, streams are read, and nothing is lost
 * but time.
 */
import { Readable } from "node:stream";

export const NativeRequest: typeof Request = globalThis.Request;
export const NativeResponse: typeof Response = globalThis.Response;
export const NativeHeaders: typeof Headers = globalThis.Headers;
export const nativeFetch: typeof fetch = globalThis.fetch;

/** Whether a stream was read from or cancelled, ever; false where the platform cannot tell (`tellsDisturbed`). */
export function isDisturbed(stream: ReadableStream): boolean {
  // Its types know Node's own streams only, and no platform but Node.
  const known: ((stream: Readable) => boolean) | undefined = Readable.isDisturbed;
  return known?.(stream as unknown as Readable) === true;
}

/** Whether `isDisturbed` knows the streams of this platform. */
export const tellsDisturbed: boolean = tellsOfCanceled();

function tellsOfCanceled(): boolean {
  const stream = new ReadableStream();
  void stream.cancel();
  return isDisturbed(stream);
}

/**
 * Runs `task` when no microtask is left, where the platform has a word for that (Node, Bun, Deno); elsewhere as one more microtask.
 * Called outside of a microtask it may come before those that wait.
 */
export function afterMicrotasks(task: () => void): void {
  const { process } = globalThis as { readonly process?: { nextTick?: (task: () => void) => void } };
  if (process?.nextTick === undefined) queueMicrotask(task);
  else process.nextTick(task);
}

/** What a `Headers` can be made of. */
export type HeadersInit = NonNullable<ConstructorParameters<typeof Headers>[0]>;
/** What a body can be made of. */
export type BodyInit = NonNullable<ConstructorParameters<typeof Response>[0]>;

/** What stands for a message's body within undici. */
interface InnerBody {
  readonly source?: unknown;
  readonly length?: unknown;
}

const requestSymbols: readonly symbol[] = Object.getOwnPropertySymbols(new NativeRequest("http://a/"));
const responseSymbols: readonly symbol[] = Object.getOwnPropertySymbols(new NativeResponse());

const responseState: symbol | undefined = stateSymbol(new NativeResponse("x"));
const requestState: symbol | undefined = stateSymbol(new NativeRequest("http://a/", { method: "POST", body: "x" }));

function stateSymbol(sample: object): symbol | undefined {
  return Object.getOwnPropertySymbols(sample).find((symbol) => innerBody(sample, symbol)?.source === "x");
}

function innerBody(message: object, symbol: symbol | undefined): InnerBody | undefined {
  if (symbol === undefined) return undefined;
  const state = Reflect.get(message, symbol) as { readonly body?: InnerBody | null } | undefined | null;
  return state?.body ?? undefined;
}

/** What the body of a native response was made from, if it was a string or bytes and the platform tells. */
export function sourceOfResponse(response: Response): string | Uint8Array | undefined {
  const source = innerBody(response, responseState)?.source;
  return typeof source === "string" || source instanceof Uint8Array ? source : undefined;
}

/** What the body of a native request was made from; `undefined` if it was a stream, or the platform does not tell. */
export function sourceOfRequest(request: Request): unknown {
  return innerBody(request, requestState)?.source ?? undefined;
}

/** The number of bytes of a native request's body, if the platform tells. */
export function lengthOfRequest(request: Request): number | undefined {
  const length = innerBody(request, requestState)?.length;
  return typeof length === "number" ? length : undefined;
}

/** Makes objects with `prototype` pass for native ones wherever the platform looks under its symbols. */
export function answerForSymbols(
  prototype: object,
  of: "request" | "response",
  native: (light: object) => object,
): void {
  for (const symbol of of === "request" ? requestSymbols : responseSymbols) {
    Object.defineProperty(prototype, symbol, {
      configurable: true,
      get(this: object): unknown {
        return Reflect.get(native(this), symbol);
      },
    });
  }
}
