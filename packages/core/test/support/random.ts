/**
 * Random messages: everything the grammar of HTTP/1 allows to be sent, with the odd corners drawn more often than their
 * share. Framing fields are left to the engine; what it makes of a body is part of what is tested.
 */
import { type Body, type Frame, fromIterable, HeaderMap, Trailers } from "@sluice/body";
import fc from "fast-check";

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const tokenChars = `${alphanumeric}!#$%&'*+-.^_\`|~`;
const pathChars = `${alphanumeric}-._~!$&'()*+,;=%:/?@[]\\^{|}\``;

function text(chars: string, constraints: fc.StringConstraints): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...chars), ...constraints });
}

const token: fc.Arbitrary<string> = text(tokenChars, { minLength: 1, maxLength: 12 });

export const method: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "PATCH") },
  { weight: 1, arbitrary: token },
);

const host = fc.oneof(
  fc.constantFrom("a", "example.com", "127.0.0.1", "[::1]", "[v1.x:y]", "a%20b"),
  text(`${alphanumeric}-._~!$&'()*+,;=`, { minLength: 1, maxLength: 8 }),
);
const port = fc.integer({ min: 1, max: 65_535 });

export const hostField: fc.Arbitrary<string> = fc.oneof(
  fc.constant(""),
  host,
  fc.tuple(host, port).map(([name, number]) => `${name}:${number}`),
);

const pathAndQuery = text(pathChars, { maxLength: 20 }).map((rest) => `/${rest}`);
const absolute = fc
  .tuple(
    fc.constantFrom("http", "https", "HTTP", "a+b-c.1"),
    hostField.filter((value) => value !== ""),
    fc.constantFrom("", "?q", "/", "/p?a=b"),
  )
  .map(([scheme, authority, rest]) => `${scheme}://${authority}${rest}`);

/** A target in a form that is allowed for `method`. */
export function targetFor(name: string): fc.Arbitrary<string> {
  if (name === "CONNECT") return fc.tuple(host, port).map(([authority, number]) => `${authority}:${number}`);
  const forms = [pathAndQuery, absolute];
  return name === "OPTIONS" ? fc.oneof(fc.constant("*"), ...forms) : fc.oneof(...forms);
}

const visible = Array.from({ length: 256 }, (_, unit) => String.fromCharCode(unit))
  .filter((char) => /[\t\x20-\x7e\x80-\xff]/.test(char))
  .join("");

/** Printable latin1 with HTAB and obs-text; may start and end with blanks. */
export const phrase: fc.Arbitrary<string> = text(visible, { maxLength: 20 });

/** As it comes out of a `HeaderMap`: without blanks around it. */
const fieldValue: fc.Arbitrary<string> = phrase.map((value) => value.replace(/^[ \t]+|[ \t]+$/g, ""));

/** Names with a meaning for the connection, which a random value would change. */
const meaningful =
  /^(?:content-length|transfer-encoding|connection|host|upgrade|expect|te|trailer|date|keep-alive|proxy-connection)$/i;

/** In the spelling to be sent. */
const fieldName: fc.Arbitrary<string> = fc
  .oneof(token, fc.constantFrom("Accept", "set-cookie", "X-A", "x-a", "__proto__", "constructor", "Cookie", "VIA"))
  .filter((name) => !meaningful.test(name));

export type Field = readonly [name: string, value: string];

export const fields: fc.Arbitrary<readonly Field[]> = fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 8 });

/** A map that keeps the spelling of each line. */
export function headerMap(lines: readonly Field[]): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of lines) map.append(name, value, { originalName: name });
  return map;
}

/** The lines of a map in the spelling they came in, where that was kept. */
export function spelled(map: HeaderMap): Field[] {
  return [...map].map(([name, value], index) => [map.originalNameAt(index) ?? name, value] as const);
}

/** A body in pieces, with or without a known length, with or without trailers. */
export interface BodyPlan {
  readonly chunks: readonly Uint8Array[];
  readonly known: boolean;
  /** Frames come in promises. */
  readonly later: boolean;
  readonly trailers: readonly Field[] | undefined;
}

export function bodyPlan(maxChunkBytes: number): fc.Arbitrary<BodyPlan> {
  return fc.record({
    chunks: fc.array(fc.uint8Array({ maxLength: maxChunkBytes, size: "max" }), { maxLength: 5 }),
    known: fc.boolean(),
    later: fc.boolean(),
    trailers: fc.option(fields, { nil: undefined, freq: 3 }),
  });
}

export function bodyOf(plan: BodyPlan): Body {
  const frames: Frame[] = [...plan.chunks];
  if (plan.trailers !== undefined) frames.push(new Trailers(headerMap(plan.trailers)));
  const options = plan.known ? { length: lengthOf(plan) } : {};
  return fromIterable(plan.later ? later(frames) : frames, options);
}

async function* later(frames: readonly Frame[]): AsyncGenerator<Frame> {
  yield* frames;
}

export function lengthOf(plan: BodyPlan): number {
  return plan.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

export function contentOf(plan: BodyPlan): Uint8Array {
  return Uint8Array.from(Buffer.concat(plan.chunks));
}

/** The names a `trailer` field must list for `plan`, or `undefined` if it has no trailers. */
export function announcement(plan: BodyPlan): string | undefined {
  if (plan.trailers === undefined || plan.trailers.length === 0) return undefined;
  return plan.trailers.map(([name]) => name).join(", ");
}

/** Fields that are not sent as trailers, whatever a head announces (RFC 9110 6.5.1). */
const neverTrailers =
  /^(?:authorization|cache-control|content-encoding|content-range|content-type|max-forwards|set-cookie)$/i;

export function sentTrailers(plan: BodyPlan): Field[] {
  return (plan.trailers ?? []).filter(([name]) => !neverTrailers.test(name));
}
