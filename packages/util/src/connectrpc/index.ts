/**
 * Between Sluice and connect-es (`@connectrpc/connect`, version 2): transports for its clients over the pooled client, and its
 * routes as a service. The protocols (Connect, gRPC, gRPC-web) are connect-es's own; here are the messages they travel in.
 */
export { compressionBrotli, compressionGzip } from "./compression.ts";
export { type ConnectServiceOptions, connectService } from "./service.ts";
export type { GrpcTransportOptions, PingOptions, TransportOptions } from "./transport-options.ts";
export { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "./transports.ts";
export { createUniversalClient, type UniversalClientOptions } from "./universal-client.ts";
