/**
 * Tells HTTP/2 with prior knowledge from everything else by the first octets of a client: its connection preface (RFC 9113
 * section 3.4) was chosen so that no HTTP/1 request begins with it.
 */
const text = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const preface: Uint8Array = Uint8Array.from(text, (char) => char.charCodeAt(0));

/** The octets so far are those of the preface, and there are more to come. */
export const UNDECIDED = 0;
/** They are the whole preface. */
export const IS_PREFACE = 1;
/** One of them is not the preface's. */
export const DIFFERS = 2;

export type Verdict = typeof UNDECIDED | typeof IS_PREFACE | typeof DIFFERS;

/** What the first octets of a connection say. Those before `from` have been looked at and are the preface's. */
export function judge(octets: Uint8Array, from: number): Verdict {
  const end = Math.min(octets.length, preface.length);
  for (let at = from; at < end; at++) {
    if (octets[at] !== preface[at]) return DIFFERS;
  }
  return end === preface.length ? IS_PREFACE : UNDECIDED;
}

/** Whether octets that are no preface may be the beginning of an HTTP/1 request: a token, or an empty line before it. */
export function mayBeHttp1(octets: Uint8Array): boolean {
  const first = octets[0];
  // RFC 9112 2.2: a server should ignore an empty line before the request line.
  return first !== undefined && (first === 0x0d || first === 0x0a || isTokenChar(first));
}

/** RFC 9110 5.6.2. */
function isTokenChar(octet: number): boolean {
  return octet > 0x20 && octet < 0x7f && !'"(),/:;<=>?@[\\]{}'.includes(String.fromCharCode(octet));
}
