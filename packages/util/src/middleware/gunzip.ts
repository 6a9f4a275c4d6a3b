/**
 * The gzip format (RFC 1952) around DEFLATE: members one after the other, each with its head, length and checksum.
 *
 * Node's own decoder loses what it has decoded when something else follows the last member in the same chunk, so the frame is
 * read here and the native decoder has the inside only. What follows and does not begin as a member is dropped.
 */
import zlib from "node:zlib";
import type { ByteInput } from "./byte-input.ts";
import { crc32 } from "./crc32.ts";
import { invalidCoding, runZlib } from "./zlib-stream.ts";

/** Flags of a head (RFC 1952 2.3.1). */
const HAS_CRC = 2;
const HAS_EXTRA = 4;
const HAS_NAME = 8;
const HAS_COMMENT = 16;
const RESERVED = 0xe0;

/** The most bytes of a head; real ones have a file name at most. */
const maxHeadBytes = 131_072;
/** The most members in a row that hold nothing: each costs a decoder for 20 bytes. */
const maxEmptyMembers = 256;

const truncated = "unexpected end of file";

/** Decodes all members of `input`; of nothing it gives nothing. Throws as `runZlib` does. */
export async function* gunzip(input: ByteInput): AsyncGenerator<Uint8Array, void, undefined> {
  let emptyMembers = 0;
  for (let isFirst = true; await startsMember(input, isFirst); isFirst = false) {
    await skipHead(input);
    let sum = 0;
    let length = 0;
    for await (const chunk of runZlib(zlib.createInflateRaw(), input, "gzip")) {
      sum = crc32(chunk, sum);
      length += chunk.byteLength;
      yield chunk;
    }
    if ((await readNumber(input, 4)) !== sum) throw invalidCoding("gzip", "incorrect data check");
    if ((await readNumber(input, 4)) !== length % 2 ** 32) throw invalidCoding("gzip", "incorrect length check");
    emptyMembers = length === 0 ? emptyMembers + 1 : 0;
    if (emptyMembers > maxEmptyMembers) {
      throw invalidCoding("gzip", `more than ${maxEmptyMembers} members in a row are empty`);
    }
  }
}

/** Reads the two bytes a member begins with. Nothing at all is no member; anything else is one only if it is the first. */
async function startsMember(input: ByteInput, isFirst: boolean): Promise<boolean> {
  const first = await input.byte();
  if (first === -1) return false;
  const second = first === 0x1f ? await input.byte() : -1;
  if (first === 0x1f && second === 0x8b) return true;
  if (!isFirst) return false;
  throw invalidCoding("gzip", first === 0x1f && second === -1 ? truncated : "incorrect header check");
}

async function skipHead(input: ByteInput): Promise<void> {
  if ((await mustRead(input)) !== 8) throw invalidCoding("gzip", "unknown compression method");
  const flags = await mustRead(input);
  if ((flags & RESERVED) !== 0) throw invalidCoding("gzip", "unknown header flags set");
  await skip(input, 6);
  if ((flags & HAS_EXTRA) !== 0) await skip(input, await readNumber(input, 2));
  if ((flags & HAS_NAME) !== 0) await skipText(input);
  if ((flags & HAS_COMMENT) !== 0) await skipText(input);
  if ((flags & HAS_CRC) !== 0) await skip(input, 2);
}

async function skip(input: ByteInput, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await mustRead(input);
}

async function skipText(input: ByteInput): Promise<void> {
  for (let i = 0; (await mustRead(input)) !== 0; i++) {
    if (i >= maxHeadBytes) throw invalidCoding("gzip", `a text in a header is longer than ${maxHeadBytes} bytes`);
  }
}

/** A number of `count` bytes, the lowest first. */
async function readNumber(input: ByteInput, count: number): Promise<number> {
  let value = 0;
  for (let i = 0; i < count; i++) value += (await mustRead(input)) * 2 ** (8 * i);
  return value;
}

async function mustRead(input: ByteInput): Promise<number> {
  const byte = await input.byte();
  if (byte === -1) throw invalidCoding("gzip", truncated);
  return byte;
}
