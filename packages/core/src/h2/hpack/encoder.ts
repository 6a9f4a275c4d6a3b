/**
 * HPACK encoding (RFC 7541): fields straight into the outgoing octets.
 *
 * Fields that are in a table become an index. Others become literals: put into the table, left out of it, or marked
 * never to enter any, by `indexing-policy.ts` and the caller's mark. Strings are Huffman-coded where that is shorter.
 *
 * The table takes as much memory as the peer's SETTINGS allow, but no more than a limit of our own; each change is told
 * to the peer at the start of the next block, the smallest size since the last one first (RFC 7541 section 4.2).
 */
import type { HeaderMap } from "@sluice/body";
import type { OctetWriter } from "../octet-writer.ts";
import { defaultTableBytes } from "./dynamic-table.ts";
import { EncoderTable, type NameRecord } from "./encoder-table.ts";
import { huffmanEncode, huffmanEncodedBytes } from "./huffman-encode.ts";
import { maxEntryShare, minIndexedCookieBytes, POLICY_COOKIE, POLICY_INDEX, POLICY_NEVER } from "./indexing-policy.ts";
import { writeInteger } from "./integer.ts";
import { entryOverheadBytes } from "./static-table.ts";

export interface HpackEncoderOptions {
  /** The most memory the table takes, whatever the peer allows, as RFC 7541 4.1 counts it. Default: 4,096. */
  readonly maxTableBytes?: number | undefined;
}

export class HpackEncoder {
  /** The dynamic table, to be looked at only. */
  readonly table: EncoderTable = new EncoderTable(defaultTableBytes);
  readonly #maxTableBytes: number;
  /** The size that the peer was last told. */
  #toldTableBytes = defaultTableBytes;
  /** The smallest size since then. */
  #smallestTableBytes = defaultTableBytes;

  constructor(options?: HpackEncoderOptions) {
    this.#maxTableBytes = options?.maxTableBytes ?? defaultTableBytes;
    this.setAllowedTableBytes(defaultTableBytes);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. To be called for each value, in order, and not within a block. */
  setAllowedTableBytes(bytes: number): void {
    const size = Math.min(bytes, this.#maxTableBytes);
    this.#smallestTableBytes = Math.min(this.#smallestTableBytes, size);
    this.table.resize(size);
  }

  /** Starts a block: tells the peer how the table's size has changed. */
  begin(writer: OctetWriter): void {
    const size = this.table.maxBytes;
    const smallest = this.#smallestTableBytes;
    if (smallest === this.#toldTableBytes && size === smallest) return;
    if (smallest < Math.min(size, this.#toldTableBytes)) writeInteger(writer, smallest, 0x1f, 0x20);
    writeInteger(writer, size, 0x1f, 0x20);
    this.#toldTableBytes = size;
    this.#smallestTableBytes = size;
  }

  /**
   * Encodes a field. The name is in lower case, both are latin1, and both have been checked.
   * @throws TypeError for a character above U+00FF; the block cannot be sent, nor another one after it.
   */
  field(writer: OctetWriter, name: string, value: string, sensitive: boolean): void {
    const record = this.table.record(name);
    const policy = record.policy;
    if (sensitive || (policy >= POLICY_NEVER && isSecret(policy, value))) {
      this.#literal(writer, record, value, 0x0f, 0x10);
      return;
    }
    const index = this.table.find(record, value);
    if (index !== 0) {
      if (index < 0x7f) writer.byte(0x80 | index);
      else writeInteger(writer, index, 0x7f, 0x80);
      return;
    }
    const size = name.length + value.length + entryOverheadBytes;
    const worthIndexing = policy === POLICY_INDEX || policy === POLICY_COOKIE;
    if (worthIndexing && size <= this.table.maxBytes * maxEntryShare) {
      this.#literal(writer, record, value, 0x3f, 0x40);
      this.table.insert(record, value);
    } else {
      this.#literal(writer, record, value, 0x0f, 0);
    }
  }

  /** Encodes the lines of a map, in order. */
  fields(writer: OctetWriter, map: HeaderMap): void {
    const size = map.size;
    for (let at = 0; at < size; at++) this.field(writer, map.nameAt(at), map.valueAt(at), map.sensitiveAt(at));
  }

  #literal(writer: OctetWriter, record: NameRecord, value: string, mask: number, pattern: number): void {
    const index = this.table.findName(record);
    writeInteger(writer, index, mask, pattern);
    if (index === 0) writeString(writer, record.name);
    writeString(writer, value);
  }
}

function isSecret(policy: number, value: string): boolean {
  return policy === POLICY_NEVER || (policy === POLICY_COOKIE && value.length < minIndexedCookieBytes);
}

/** RFC 7541 5.2: a string literal. */
function writeString(writer: OctetWriter, text: string): void {
  const length = huffmanEncodedBytes(text);
  if (length < text.length) {
    writeInteger(writer, length, 0x7f, 0x80);
    huffmanEncode(writer, text, length);
  } else {
    writeInteger(writer, text.length, 0x7f, 0);
    writer.text(text);
  }
}

/** The size of a header list as SETTINGS_MAX_HEADER_LIST_SIZE counts it (RFC 9113 section 6.5.2). */
export function headerListBytes(map: HeaderMap): number {
  const size = map.size;
  let bytes = size * entryOverheadBytes;
  for (let at = 0; at < size; at++) bytes += map.nameAt(at).length + map.valueAt(at).length;
  return bytes;
}
