/**
 * Transports for connect-es's clients, one for each protocol it speaks.
 *
 * Each is two of connect-es's own, over the two ways of the universal client: calls of one message are sent whole, streams as
 * they are made.
 */
import type { Transport } from "@connectrpc/connect";
import type { CommonTransportOptions } from "@connectrpc/connect/protocol";
import { createTransport as connectTransport } from "@connectrpc/connect/protocol-connect";
import { createTransport as grpcTransport } from "@connectrpc/connect/protocol-grpc";
import { createTransport as grpcWebTransport } from "@connectrpc/connect/protocol-grpc-web";
import {
  type GrpcTransportOptions,
  type ResolvedTransport,
  resolveTransport,
  type TransportOptions,
} from "./transport-options.ts";

/**
 * A transport for the Connect protocol. Streams of both directions at once need HTTP/2.
 * @throws TypeError or RangeError for options that make no sense.
 */
export function createConnectTransport(options: TransportOptions): Transport {
  return transport(connectTransport, resolveTransport("createConnectTransport", options));
}

/**
 * A transport for gRPC, which is spoken over HTTP/2 only.
 * @throws as `createConnectTransport`.
 */
export function createGrpcTransport(options: GrpcTransportOptions): Transport {
  return transport(grpcTransport, resolveTransport("createGrpcTransport", options, true));
}

/**
 * A transport for gRPC-web. Streams of both directions at once need HTTP/2.
 * @throws as `createConnectTransport`.
 */
export function createGrpcWebTransport(options: TransportOptions): Transport {
  return transport(grpcWebTransport, resolveTransport("createGrpcWebTransport", options));
}

function transport(
  create: (options: CommonTransportOptions) => Transport,
  { options, client }: ResolvedTransport,
): Transport {
  const { unary } = create({ ...options, httpClient: client.unary });
  const { stream } = create({ ...options, httpClient: client.stream });
  return { unary, stream };
}
