/**
 * Keeps the process alive while requests are under way, and lets it end while there are none.
 *
 * Pooled sockets do not count themselves (they are unreferenced), since referencing and releasing each one per request would
 * cost more than this: one handle for all clients, referenced while the count is above 0.
 */
/** One more request is under way. */
export declare function holdProcess(): void;
/** One request less is under way. */
export declare function releaseProcess(): void;
