// Unary calls of connect-es, over Sluice and over its own node:http2: clients against the same server, and servers under the
// same load. Reference: connect-node.

import { toBinary } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { compareClients } from "../lib/compare-clients.mjs";
import { compareServers } from "../lib/compare-servers.mjs";
import { h2Load } from "../lib/loads.mjs";
import { installed, nodeServer } from "../lib/peers.mjs";
import { TextSchema } from "../servers/rpc-schema.mjs";
import { hello } from "../servers/start.mjs";

const connectNode = installed("@connectrpc/connect-node") ?? "not installed";
const server = nodeServer("sluice", "rpc-sluice", ["h2c"], { version: "Sluice, connectService" });
const nodeAdapter = nodeServer("connect-node", "rpc-node", ["h2c"], { version: connectNode });
const message = toBinary(TextSchema, { $typeName: TextSchema.typeName, text: hello.toString() });
const envelope = encodeEnvelope(0, message);

/** By protocol: what a call is for a program that knows nothing of RPCs. */
const calls = {
  connect: { type: "application/proto", content: { name: "rpc-message", bytes: message } },
  grpc: { type: "application/grpc+proto", content: { name: "rpc-envelope", bytes: envelope } },
};

function clients(protocol, title, smoke) {
  const name = `rpc/${protocol}-client`;
  const run = (bench) =>
    compareClients(bench, {
      name,
      title: `${title}, unary, 1 connection of 100 streams`,
      protocol: "h2c",
      service: "hello",
      connections: 1,
      server,
      clients: [
        { name: "Client", file: `rpc-${protocol}-sluice`, version: "connect-es over Sluice" },
        { name: "connect-node", file: `rpc-${protocol}-node`, version: connectNode },
      ],
      reference: "connect-node",
      targets: { Client: ">= 2" },
    });
  return { name, smoke, run };
}

function servers(protocol, title, smoke) {
  const { type, content } = calls[protocol];
  const name = `rpc/${protocol}-server`;
  const run = (bench) =>
    compareServers(bench, {
      name,
      title: `${title}, unary, 8 connections of 32 streams`,
      protocol: "h2c",
      service: "hello",
      peers: [server, nodeAdapter],
      reference: "connect-node",
      load: () => load({ type, content }),
    });
  return { name, smoke, run };
}

function load({ type, content }) {
  const headers = [`content-type: ${type}`, "te: trailers"];
  return h2Load({ connections: 8, streams: 32, headers, path: "/bench.Greeter/Greet", content });
}

export const rpcScenarios = [
  clients("connect", "Connect", true),
  clients("grpc", "gRPC", false),
  servers("connect", "Connect", true),
  servers("grpc", "gRPC", false),
];
