/**
 * Header sections of requests that were read before, for when they come again.
 *
 * Clients that are programs send the same fields with every request: load balancers, health checks, services among
 * themselves. A section that is byte for byte one that was accepted is accepted again, with the same fields; only the
 * request line in front of it is read anew.
 *
 * The table is shared by all connections and does not grow; what falls to the same place replaces what was there. Only
 * plain sections are kept: no framing, no expectation, no upgrade, and no credentials or cookies, which are not to outlive
 * their request here.
 */
import type { HeaderMap } from "@sluice/body";
import { decodeLatin1 } from "../bytes/latin1.ts";

export interface RepeatedSection {
  /** The field lines and the empty line behind them, as received. */
  readonly text: string;
  readonly headers: HeaderMap;
}

const places = 256;
const maxBytes = 1024;
const sections: (RepeatedSection | undefined)[] = new Array<RepeatedSection | undefined>(places).fill(undefined);

const lineFeed = 0x0a;
const secrets = ["authorization", "proxy-authorization", "cookie"];

/** The section kept at `place` if it is what stands in `bytes` at `start`. */
export function sectionAt(place: number, bytes: Uint8Array, start: number, end: number): RepeatedSection | undefined {
  const section = sections[place];
  if (section === undefined) return undefined;
  const { text } = section;
  const sectionEnd = start + text.length;
  // Without its end there is no need to look at the rest.
  if (sectionEnd > end || bytes[sectionEnd - 1] !== lineFeed || bytes[sectionEnd - 3] !== lineFeed) return undefined;
  return decodeLatin1(bytes, start, sectionEnd) === text ? section : undefined;
}

/** Keeps the section in `bytes` from `start` to `end`, which gave `headers`; the place it has, or -1 if it is not kept. */
export function keepSection(headers: HeaderMap, bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > maxBytes || secrets.some((name) => headers.has(name))) return -1;
  const text = decodeLatin1(bytes, start, end);
  let hash = length;
  for (let i = 0; i < length; i += 7) hash = (hash * 31 + text.charCodeAt(i)) | 0;
  const place = (hash >>> 0) % places;
  if (sections[place]?.text !== text) sections[place] = { text, headers: headers.clone() };
  return place;
}
