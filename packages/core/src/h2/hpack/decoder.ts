/**
 * HPACK decoding (RFC 7541, RFC 9113 section 4.3): the fragments of a field block, one after another, to fields.
 *
 * A fragment is a window on a received chunk. Each octet is looked at once; where a fragment ends in the middle of
 * something, the state says in what. Fields go to a sink as strings, one call each and no object; their names and
 * values are checked when they are first seen (see `field-checks.ts`), and the result stays with the table entry.
 *
 * The header list is counted as it is decoded (RFC 9113 section 6.5.2). Past its limit nothing more is delivered nor
 * kept, but decoding goes on, since the table is shared with all other streams: `overLimit` says so. A list that gets
 * several times as long ends the connection.
 *
 * The table's size (RFC 7541 section 4.2, RFC 9113 section 4.3.1) may be changed only at the start of a block, and must
 * be if the limit went below it.
 */
import { decodeLatin1 } from "../../bytes/latin1.ts";
import { knownName } from "../../h1/field-roles.ts";
import { ENHANCE_YOUR_CALM } from "../frame/error-code.ts";
import { connectionError } from "../http2-error.ts";
import { compressionError } from "./compression-error.ts";
import { DynamicTable, defaultTableBytes } from "./dynamic-table.ts";
import { nameFlags, valueFlags } from "./field-checks.ts";
import { IntegerReader } from "./integer.ts";
import { specialOf } from "./special-names.ts";
import {
  entryOverheadBytes,
  FIELD_NAME_INVALID,
  FIELD_PSEUDO,
  FIELD_SENSITIVE,
  FIELD_SPECIAL,
  noEntry,
  staticNames,
  staticTable,
  staticTableLength,
  type TableEntry,
} from "./static-table.ts";
import { StringReader } from "./string-reader.ts";

/** Takes the fields of a block, in order. Must not throw: the rest of the block would be lost to the table. */
export interface FieldSink {
  /**
   * One field. `name` and `value` are latin1 strings; names of common fields are always the same strings.
   * @param flags `FIELD_` constants of `static-table.ts`.
   */
  field(name: string, value: string, flags: number): void;
}

export interface HpackDecoderOptions {
  /** The header list size above which fields are no longer delivered. Default: 16,384. */
  readonly maxListBytes?: number | undefined;
  /** How many times `maxListBytes` a header list may take before it ends the connection. Default: 4 (as h2's). */
  readonly hardLimitFactor?: number | undefined;
}

const nameFlagsMask = FIELD_PSEUDO | FIELD_NAME_INVALID | FIELD_SPECIAL;

const nowhere: FieldSink = { field: () => undefined };

// What the next octet belongs to.
const FIELD = 0;
const INTEGER = 1;
const NAME = 2;
const VALUE = 3;

// The representations (RFC 7541 section 6).
const INDEXED = 0;
const INCREMENTAL = 1;
const WITHOUT_INDEXING = 2;
const NEVER_INDEXED = 3;
const SIZE_UPDATE = 4;

export class HpackDecoder {
  /** The dynamic table, to be looked at only. */
  readonly table: DynamicTable = new DynamicTable(defaultTableBytes);
  /** The size of this block's header list so far. */
  listBytes = 0;
  /** Whether this block's header list exceeds `maxListBytes`. */
  overLimit = false;
  readonly #maxListBytes: number;
  readonly #hardLimitBytes: number;
  readonly #integer: IntegerReader = new IntegerReader();
  readonly #string: StringReader = new StringReader(this.#integer);
  #sink: FieldSink = nowhere;
  #state = FIELD;
  #representation = INDEXED;
  /** The name of the field being read, its flags and its size; the name is empty if it will not be used. */
  #name = "";
  #nameFlags = 0;
  #nameBytes = 0;
  /** What our SETTINGS allow the peer to use, as far as it has acknowledged them. */
  #allowedTableBytes = defaultTableBytes;
  /**
   * The lowest limit since the last block that the table did not keep to; the next block must start by keeping to it.
   */
  #demandedTableBytes = Number.POSITIVE_INFINITY;
  /** How many size updates this block started with; -1 once something else came. */
  #updates = 0;

  constructor(options?: HpackDecoderOptions) {
    this.#maxListBytes = options?.maxListBytes ?? 16_384;
    this.#hardLimitBytes = this.#maxListBytes * (options?.hardLimitFactor ?? 4);
  }

  /**
   * The peer has acknowledged a SETTINGS_HEADER_TABLE_SIZE of ours. To be called between blocks, once for each value if
   * several were acknowledged.
   */
  setAllowedTableBytes(bytes: number): void {
    this.#allowedTableBytes = bytes;
    if (bytes >= this.table.maxBytes) return;
    this.table.resize(bytes);
    this.#demandedTableBytes = Math.min(this.#demandedTableBytes, bytes);
  }

  /** Starts a block. */
  begin(sink: FieldSink): void {
    this.#sink = sink;
    this.#state = FIELD;
    this.#updates = 0;
    this.listBytes = 0;
    this.overLimit = false;
  }

  /**
   * Decodes a fragment: the octets from `start` up to `end`.
   * @throws Http2Error connection error COMPRESSION_ERROR, or ENHANCE_YOUR_CALM far above the limit.
   */
  decode(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      switch (this.#state) {
        case FIELD: {
          const octet = bytes[at++] as number;
          if (octet > 0x80 && octet < 0xff) this.#indexed(octet & 0x7f);
          else this.#representationStarted(octet);
          break;
        }
        case INTEGER:
          if (this.#integer.next(bytes[at++] as number)) this.#integerComplete();
          break;
        case NAME:
          at = this.#string.read(bytes, at, end, this.#hardLimitBytes - this.listBytes);
          if (this.#string.done) this.#nameComplete();
          break;
        default:
          at = this.#string.read(bytes, at, end, this.#hardLimitBytes - this.listBytes - this.#nameBytes);
          if (this.#string.done) this.#valueComplete();
          break;
      }
    }
  }

  /**
   * Ends a block.
   * @throws Http2Error connection error COMPRESSION_ERROR if it ended in the middle of a field.
   */
  end(): void {
    this.#sink = nowhere;
    this.#string.clear();
    if (this.#state !== FIELD) {
      throw compressionError("TRUNCATED", "a field block must not end within a field (RFC 9113 4.3)");
    }
    if (this.#updates >= 0) this.#leaveStart();
  }

  #representationStarted(octet: number): void {
    let mask = 0x0f;
    if (octet >= 0x80) {
      this.#representation = INDEXED;
      mask = 0x7f;
    } else if (octet >= 0x40) {
      this.#representation = INCREMENTAL;
      mask = 0x3f;
    } else if (octet >= 0x20) {
      this.#representation = SIZE_UPDATE;
      mask = 0x1f;
    } else {
      this.#representation = octet >= 0x10 ? NEVER_INDEXED : WITHOUT_INDEXING;
    }
    if (this.#integer.begin(octet, mask)) this.#integerComplete();
    else this.#state = INTEGER;
  }

  #integerComplete(): void {
    const value = this.#integer.value;
    if (this.#representation === INDEXED) {
      this.#state = FIELD;
      this.#indexed(value);
      return;
    }
    if (this.#representation === SIZE_UPDATE) {
      this.#state = FIELD;
      this.#updateSize(value);
      return;
    }
    if (this.#updates >= 0) this.#leaveStart();
    this.#string.begin();
    if (value === 0) {
      this.#nameBytes = 0;
      this.#state = NAME;
      return;
    }
    const entry = this.#entry(value);
    this.#name = entry.name;
    this.#nameFlags = entry.flags & nameFlagsMask;
    this.#nameBytes = entry.name.length;
    this.#state = VALUE;
  }

  /** RFC 7541 6.1: an indexed field. */
  #indexed(index: number): void {
    if (this.#updates >= 0) this.#leaveStart();
    const entry = this.#entry(index);
    if (this.#count(entry.name.length + entry.value.length)) this.#sink.field(entry.name, entry.value, entry.flags);
  }

  #entry(index: number): TableEntry {
    const entry = index <= staticTableLength ? staticTable[index] : this.table.at(index - staticTableLength - 1);
    // RFC 7541 2.3.3, 6.1: index 0 and indexes beyond the tables are errors.
    if (entry === undefined || entry === noEntry) {
      const last = staticTableLength + this.table.count;
      throw compressionError("INDEX", `an index must be from 1 to ${last}, got ${index} (RFC 7541 2.3.3)`);
    }
    return entry;
  }

  #nameComplete(): void {
    const { bytes, start, end } = this.#string;
    const length = end - start;
    this.#nameBytes = length;
    if (this.#worthKeeping(length)) {
      this.#name = shared(decodeLatin1(bytes, start, end));
      this.#nameFlags = nameFlags(bytes, start, end) | specialOf(this.#name);
    } else {
      this.#name = "";
    }
    this.#string.begin();
    this.#state = VALUE;
  }

  #valueComplete(): void {
    const { bytes, start, end } = this.#string;
    this.#state = FIELD;
    const size = this.#nameBytes + end - start;
    const keep = this.#worthKeeping(size);
    const deliver = this.#count(size);
    if (!keep) {
      // RFC 7541 4.4: adding what is larger than the table empties it.
      if (this.#representation === INCREMENTAL) this.table.clear();
      return;
    }
    const name = this.#name;
    const value = decodeLatin1(bytes, start, end);
    const flags = this.#nameFlags | valueFlags(bytes, start, end);
    if (this.#representation === INCREMENTAL) this.table.add({ name, value, flags });
    if (!deliver) return;
    this.#sink.field(name, value, this.#representation === NEVER_INDEXED ? flags | FIELD_SENSITIVE : flags);
  }

  /** Whether a field with these octets of name and value is going to be delivered or to enter the table. */
  #worthKeeping(octets: number): boolean {
    const size = octets + entryOverheadBytes;
    if (this.listBytes + size <= this.#maxListBytes) return true;
    return this.#representation === INCREMENTAL && size <= this.table.maxBytes;
  }

  /** Adds a field to the size of the list; true if it is still within the limit. */
  #count(octets: number): boolean {
    this.listBytes += octets + entryOverheadBytes;
    if (this.listBytes <= this.#maxListBytes) return true;
    this.overLimit = true;
    if (this.listBytes > this.#hardLimitBytes) {
      const message = `header_list_way_too_large: a header list must not exceed ${this.#maxListBytes} octets, and ends the connection above`;
      throw connectionError(
        ENHANCE_YOUR_CALM,
        "HEADER_LIST_WAY_TOO_LARGE",
        `${message} ${this.#hardLimitBytes}, got at least ${this.listBytes}`,
      );
    }
    return false;
  }

  /** RFC 7541 6.3: a dynamic table size update. */
  #updateSize(bytes: number): void {
    // RFC 7541 4.2: at the start of a block only; the smallest size and the final one, so at most two.
    if (this.#updates < 0 || this.#updates === 2) {
      const message = "a table size update must be one of at most two at the start of a field block";
      throw compressionError("SIZE_UPDATE_PLACE", `${message} (RFC 7541 4.2)`);
    }
    const limit = Math.min(this.#allowedTableBytes, this.#demandedTableBytes);
    if (bytes > limit) {
      throw compressionError(
        "SIZE_UPDATE_LIMIT",
        `the table size must be at most ${limit}, got ${bytes} (RFC 7541 6.3)`,
      );
    }
    this.#updates++;
    this.#demandedTableBytes = Number.POSITIVE_INFINITY;
    this.table.resize(bytes);
  }

  /** The block's first field, or its end if it has none. */
  #leaveStart(): void {
    this.#updates = -1;
    if (this.#demandedTableBytes === Number.POSITIVE_INFINITY) return;
    // RFC 9113 4.3.1: a block after the acknowledgment of a reduction that does not start with an update.
    const message = `the field block must start with a table size update to at most ${this.#demandedTableBytes}`;
    throw compressionError("SIZE_UPDATE_MISSING", `${message} (RFC 9113 4.3.1)`);
  }
}

/** The one string for a name that is common, or the name itself. */
function shared(name: string): string {
  const inTable = staticNames.get(name);
  if (inTable !== undefined) return inTable.name;
  const known = knownName(name);
  // Common names are known in other spellings too, which HTTP/2 does not allow.
  return known !== undefined && known.name === name ? known.name : name;
}
