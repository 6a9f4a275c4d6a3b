/**
 * Request methods (RFC 9110 section 9). A method is a case-sensitive token; any token is allowed, a few have names and
 * known properties.
 */
import { all, TOKEN } from "../bytes/ascii.ts";
import { quote } from "../error.ts";

/** The methods of RFC 9110 section 9.3 and RFC 5789; every other token is a method as well. */
export type KnownMethod = "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH";
/** A method: one of the registered ones, or any other token. Case matters. */
export type Method = KnownMethod | (string & {});

/** Methods that ask for nothing but information (RFC 9110 9.2.1). */
export function isSafe(method: Method): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS" || method === "TRACE";
}

/** Methods that may be repeated with the same effect as once (RFC 9110 9.2.2). */
export function isIdempotent(method: Method): boolean {
  return isSafe(method) || method === "PUT" || method === "DELETE";
}

/** Methods whose requests usually carry content, so that an empty one is said to be empty (RFC 9110 8.6). */
export function anticipatesContent(method: Method): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}

/**
 * Returns `method` if it is a token.
 * @throws TypeError otherwise.
 */
export function checkMethod(method: string): Method {
  if (method === "GET" || method === "POST") return method;
  if (method.length === 0 || !all(method, 0, method.length, TOKEN)) {
    throw new TypeError(`method must be a token (RFC 9110 9.1), got ${quote(method)}`);
  }
  return method;
}
