/**
 * The field lines meant for an HTTP proxy.
 */
import { type HeaderInit, HeaderMap } from "@sluice/body";
import { conceal } from "./conceal.ts";
import type { ProxyUse } from "./proxy-use.ts";

/** Fields that the connection or the request itself decides on. */
const reserved: readonly string[] = [
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/**
 * `proxy-authorization`, if there are credentials, and then `headers`.
 *
 * @throws TypeError for a field that cannot be sent or is not for the caller to say. Values are not shown: they may be secret.
 */
export function proxyHeaders(face: string, proxy: ProxyUse, headers: HeaderInit = []): HeaderMap {
  const fields = new HeaderMap();
  const { basicAuth } = proxy;
  if (basicAuth !== undefined) fields.append("proxy-authorization", basicAuth);
  const given = copied(face, headers);
  for (const name of reserved) {
    if (given.has(name)) throw new TypeError(`${face}: headers must not have ${name}`);
  }
  if (basicAuth !== undefined && given.has("proxy-authorization")) {
    throw new TypeError(`${face}: headers must not have proxy-authorization beside credentials in auth or in the URL`);
  }
  fields.extend(given);
  fields.setSensitive("proxy-authorization", true);
  return fields;
}

/** The lines one by one, which print without their values. */
export function concealedLines(fields: HeaderMap): readonly (readonly [name: string, value: string])[] {
  return Object.freeze(
    [...fields].map(([name, value]) => conceal<[string, string]>([name, value], `[ '${name}', hidden ]`)),
  );
}

function copied(face: string, headers: HeaderInit): HeaderMap {
  try {
    return HeaderMap.is(headers) ? headers.clone() : new HeaderMap(headers);
  } catch {
    // The reason is not told on, since it quotes the value.
    throw new TypeError(`${face}: headers must be field names and values that can be sent (RFC 9110 5.1, 5.5)`);
  }
}
