/**
 * The fields a listener has set, as the header section of a response.
 *
 * Node checks what goes through `setHeader`; what is given to `writeHead` alone is checked here, with the same errors.
 */
import { type ServerResponse, validateHeaderName, validateHeaderValue } from "node:http";
import { HeaderMap } from "@sluice/body";
import { invalidHeaders } from "./node-errors.ts";
import { type FieldValue, type OutgoingInternals, outgoingFields } from "./node-internals.ts";

export interface FieldRules {
  /** RFC 9113 section 8.2.2: connection-specific fields are left out. */
  readonly http2: boolean;
  /** The spelling of names goes along. */
  readonly keepFieldCase: boolean;
}

/** What `writeHead` was given: an object, names and values in turn, or pairs of them. */
type GivenHeaders = Readonly<Record<string, FieldValue>> | readonly unknown[] | null | undefined;

/** @param headers What Node's `writeHead` settled on: all that was set, or, if nothing was, what it was given. */
export function responseFields(response: ServerResponse, headers: unknown, rules: FieldRules): HeaderMap {
  const fields = new HeaderMap();
  const set = outgoingFields(response);
  if (set !== undefined && set !== null && headers === set) {
    for (const key in set) {
      const field = set[key];
      if (field !== undefined) put(response, fields, field[0], field[1], rules);
    }
  } else if (set === undefined && response.getHeaderNames().length > 0) {
    for (const name of response.getHeaderNames()) {
      put(response, fields, name, response.getHeader(name) as FieldValue, rules);
    }
  } else {
    putGiven(response, fields, headers as GivenHeaders, rules);
  }
  return fields;
}

function putGiven(response: ServerResponse, fields: HeaderMap, headers: GivenHeaders, rules: FieldRules): void {
  if (headers === null || headers === undefined) return;
  if (!isList(headers)) {
    for (const name of Object.keys(headers)) check(response, fields, name, headers[name], rules);
  } else if (Array.isArray(headers[0])) {
    for (const [name, value] of headers as readonly [string, FieldValue][]) {
      check(response, fields, name, value, rules);
    }
  } else {
    if (headers.length % 2 !== 0) throw invalidHeaders();
    for (let i = 0; i < headers.length; i += 2) {
      check(response, fields, headers[i] as string, headers[i + 1] as FieldValue, rules);
    }
  }
}

function check(
  response: ServerResponse,
  fields: HeaderMap,
  name: string,
  value: FieldValue | undefined,
  rules: FieldRules,
): void {
  validateHeaderName(name);
  validateHeaderValue(name, value as string);
  put(response, fields, name, value as FieldValue, rules);
}

function put(response: ServerResponse, fields: HeaderMap, name: string, value: FieldValue, rules: FieldRules): void {
  switch (name.length) {
    case 2:
    case 7:
    case 10:
    case 14:
    case 16:
    case 17:
      if (!allowed(response, name.toLowerCase(), value, rules)) return;
      break;
    default:
  }
  const spelling = rules.keepFieldCase ? { originalName: name } : undefined;
  if (typeof value === "object") {
    // RFC 9113 section 8.2.3: the lines of Cookie are one list, whoever sends it.
    if (value.length > 1 && name.toLowerCase() === "cookie") fields.append(name, value.join("; "), spelling);
    else for (const one of value) fields.append(name, String(one), spelling);
  } else {
    fields.append(name, typeof value === "string" ? value : String(value), spelling);
  }
}

/** Notes the declared length; false for a field that HTTP/2 does not have. */
function allowed(response: ServerResponse, name: string, value: FieldValue, rules: FieldRules): boolean {
  switch (name) {
    case "content-length": {
      const internals = response as unknown as OutgoingInternals;
      internals._contentLength = Number(value);
      internals._removedContLen = false;
      return true;
    }
    case "te":
      return !rules.http2 || value === "trailers";
    case "connection":
    case "keep-alive":
    case "proxy-connection":
    case "transfer-encoding":
    case "upgrade":
    case "http2-settings":
      return !rules.http2;
    default:
      return true;
  }
}

function isList(headers: object): headers is readonly unknown[] {
  return Array.isArray(headers);
}
