/**
 * Bytes to strings and back, one char per byte, and memory for outgoing bytes.
 *
 * This is the only file that looks for Node's `Buffer`: its native latin1 conversions are several times faster than a
 * loop, and memory it hands out is not zeroed first. Where it is missing everything works the same, from the standard
 * library alone. `TextDecoder` does not serve: its "latin1" is windows-1252.
 */

/** The part of Node's `Buffer` prototype used here; its methods accept any `Uint8Array` as `this`. */
interface NativeLatin1 {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, offset: number, length: number): number;
}

interface NativeBuffer {
  allocUnsafe(size: number): Uint8Array;
  allocUnsafeSlow(size: number): Uint8Array;
  readonly prototype: NativeLatin1;
}

function detect(): NativeBuffer | undefined {
  const candidate = (globalThis as { Buffer?: Partial<NativeBuffer> }).Buffer;
  const prototype = candidate?.prototype;
  if (typeof candidate?.allocUnsafeSlow !== "function" || typeof candidate.allocUnsafe !== "function") return undefined;
  if (typeof prototype?.latin1Slice !== "function" || typeof prototype.latin1Write !== "function") return undefined;
  return candidate as NativeBuffer;
}

const native = detect();

/** Below this a loop beats the call into native code. */
const shortLength = 12;

/** `String.fromCharCode` takes its input as arguments, which live on the stack. */
const maxArguments = 4096;

/** The bytes from `start` up to `end` as a string in which each char is one byte. */
export const decodeLatin1: (bytes: Uint8Array, start: number, end: number) => string =
  native === undefined
    ? decodePortably
    : (bytes, start, end) =>
        end - start <= shortLength
          ? decodePortably(bytes, start, end)
          : native.prototype.latin1Slice.call(bytes, start, end);

/** Writes a string of chars below 256 into `target` at `offset`, where there must be room for it. */
export const encodeLatin1Into: (text: string, target: Uint8Array, offset: number) => void =
  native === undefined
    ? encodePortably
    : (text, target, offset) => {
        // With its length: where it is left out, workerd takes that of all of the memory, and finds it too much.
        native.prototype.latin1Write.call(target, text, offset, text.length);
      };

/** Memory for `size` bytes whose contents are arbitrary: the caller overwrites all of it. */
export const allocate: (size: number) => Uint8Array =
  native === undefined ? (size) => new Uint8Array(size) : (size) => native.allocUnsafeSlow(size);

/** As `allocate`, for a few bytes that do not live long: they may share memory with others, a few KiB of it. */
export const allocateSmall: (size: number) => Uint8Array =
  native === undefined ? (size) => new Uint8Array(size) : (size) => native.allocUnsafe(size);

export function decodePortably(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let from = start; from < end; from += maxArguments) {
    text += String.fromCharCode.apply(null, bytes.subarray(from, Math.min(end, from + maxArguments)) as never);
  }
  return text;
}

export function encodePortably(text: string, target: Uint8Array, offset: number): void {
  for (let i = 0; i < text.length; i++) target[offset + i] = text.charCodeAt(i);
}
