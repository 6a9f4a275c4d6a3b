import { type HttpRequest } from "@sluice/core";
import type { HttpVersionChoice } from "./options.ts";
/** A server, as a URI names it. An object of it must not be changed once it was used. */
export interface Origin {
    /** `http` or `https`. */
    readonly scheme: string;
    /** Lower-case; an IPv6 address without brackets. */
    readonly host: string;
    readonly port: number;
    /** The name that TLS asks for and checks, if it is another than `host`. */
    readonly servername?: string | undefined;
}
/**
 * The origin a request is for.
 * @throws HttpError kind `user`: code `ABSOLUTE_TARGET_REQUIRED` if the target names none, `UNSUPPORTED_SCHEME` for any but `http`
 *   and `https`.
 */
export declare function originOf(request: HttpRequest): Origin;
/** What the pool for an origin is called: everything that changes trust or protocol. */
export declare function poolKey(origin: Origin, version: HttpVersionChoice): string;
/** The text of an origin, such as `https://example.org:8443`, with its port always. */
export declare function originText({ scheme, host, port }: Origin): string;
