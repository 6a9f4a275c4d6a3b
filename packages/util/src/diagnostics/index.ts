/**
 * What connections and pools do, published by `node:diagnostics_channel`: for monitors that are not known to the program
 * when it is written.
 *
 * A message is made when somebody listens; a channel without subscribers costs one look. Subscribers run at once, in the
 * middle of the connection's work, and should return quickly; what one throws becomes an uncaught exception, as Node has it.
 * Messages hold the messages of HTTP themselves, with everything that is in them: nothing is redacted here.
 *
 * `...` is `sluice:http:server` or `sluice:http:client`:
 *
 * | channel                       | message                          | published when                                  |
 * | ----------------------------- | -------------------------------- | ----------------------------------------------- |
 * | `...:request:start`           | `request`                        | a head was received, or handed to the writer    |
 * | `...:request:informational`   | `request`, `status`, `headers`   | a 1xx response was sent, or received            |
 * | `...:response:start`          | `request`, `response`            | a final head was handed to the writer, or received |
 * | `...:request:end`             | `request`, `error`               | the exchange is over; `error` if it failed      |
 * | `...:connection:end`          | `error`                          | a connection is closed; `error` if not cleanly  |
 * | `...:h2:stream`               | `streamId`, `from`, `to`         | a stream changed its state                      |
 * | `...:h2:stalled`              | `streamId`, `by`                 | what waits to be sent cannot be                 |
 * | `...:h2:defence`              | `name`, `count`                  | something happened that a defence counts        |
 * | `...:h2:ping`                 | `rttMs`                          | a PING was answered                             |
 * | `...:h2:frame:received`       | `frame`                          | with `frames`: a frame was received             |
 * | `...:h2:frame:sent`           | `frame`                          | with `frames`: a frame was sent                 |
 * | `sluice:http:server:service:error` | `request`, `error`          | a service threw or rejected                     |
 * | `sluice:http:client:connect:start` | `origin`                    | a connection is being made                      |
 * | `sluice:http:client:connect:end`   | `origin`, `connected`       | a connection was made                           |
 * | `sluice:http:client:connect:error` | `origin`, `error`           | none could be made                              |
 * | `sluice:http:client:pool:queued`   | `origin`, `request`         | a request has to wait for a connection          |
 * | `sluice:http:client:pool:assigned` | `origin`, `request`, `connected`, `isReused` | a request was given a connection |
 * | `sluice:http:client:pool:retried`  | `origin`, `request`, `error`, `attempt` | a request that failed is tried again |
 * | `sluice:http:client:pool:lost`     | `origin`, `connected`, `error` | a connection of the pool has closed          |
 *
 * What the members are is said at the methods of `Observer` and `ClientObserver`, whose arguments they are.
 */
export { type ClientMessages, clientDiagnostics } from "./client-diagnostics.ts";
export type { ConnectionMessages, DiagnosticsOptions } from "./connection-channels.ts";
export { type ServerMessages, serverDiagnostics } from "./server-diagnostics.ts";
