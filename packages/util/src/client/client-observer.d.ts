/**
 * What a client tells about its pool, beside what its connections tell about themselves.
 */
import type { HttpError, HttpRequest, Observer } from "@sluice/core";
import type { Connected } from "../connect/connector.ts";
/** `origin` is a text such as `https://example.org:443`. What methods throw is dropped. */
export interface ClientObserver extends Observer {
    /** A connection is being made. */
    connectStarted?(origin: string): void;
    /** A connection was made; `connected.timings` tells how long each part took. */
    connectSucceeded?(origin: string, connected: Connected): void;
    /** No connection could be made. */
    connectFailed?(origin: string, error: unknown): void;
    /** A request has to wait until a connection is made or becomes free. */
    requestQueued?(origin: string, request: HttpRequest): void;
    /** A request was given a connection; `isReused` if the connection was used before or has been idle. */
    connectionAssigned?(origin: string, request: HttpRequest, connected: Connected, isReused: boolean): void;
    /** A request that failed with `error` is tried again; `attempt` is 1 for the first repetition. */
    requestRetried?(origin: string, request: HttpRequest, error: HttpError, attempt: number): void;
    /** A connection of the pool has closed; `error` if it did not end cleanly. */
    connectionLost?(origin: string, connected: Connected, error: unknown): void;
}
type PoolEvent = Exclude<keyof ClientObserver, keyof Observer>;
/** Tells `observer`, if it listens; it only looks on. */
export declare function tell<Event extends PoolEvent>(observer: ClientObserver | undefined, event: Event, ...facts: Parameters<NonNullable<ClientObserver[Event]>>): void;
export {};
