// What a request costs as the number of something grows. What does not belong to the request should cost it nothing.

import { h1Load, h2Load, node } from "../lib/loads.mjs";
import { netCanned, nodeHttp, nodeHttp2, sluice } from "../lib/peers.mjs";
import { scaleServers } from "../lib/scaling.mjs";

const manyConnections = (bench) => bench.possible(bench.scaled([1, 10, 100, 1000, 10_000], [1, 100, 1000], [20]));
const manyStreams = (bench) => bench.scaled([1, 10, 100, 1000], [1, 100, 1000], [20]);
const h1 = { protocol: "h1", peers: [sluice, nodeHttp] };
const h2 = { protocol: "h2c", peers: [sluice, nodeHttp2], more: { [sluice.name]: ["--streams", "1100"] } };

function scenario(name, counts, rest, smoke = false) {
  const whole = { name: `scaling/${name}`, ...rest };
  return { name: whole.name, smoke, run: (bench) => scaleServers(bench, { ...whole, counts: counts(bench) }) };
}

const extraHeaders = (count) => Array.from({ length: count }, (_, i) => `x-header-${i}: some value of header ${i}`);

export const scalingScenarios = [
  scenario("h1-headers", (bench) => bench.scaled([0, 10, 25, 50, 75], [0, 50], [10]), {
    ...h1,
    title: "GET, 64 connections, by request headers",
    unit: "headers",
    service: "hello",
    load: (count) => h1Load({ connections: 64, headers: extraHeaders(count) }),
  }),
  scenario("h2-headers", (bench) => bench.scaled([0, 10, 25, 50, 75], [0, 50], [10]), {
    ...h2,
    title: "GET, 8 connections of 32 streams, by request headers",
    unit: "headers",
    service: "hello",
    load: (count) => h2Load({ connections: 8, streams: 32, headers: extraHeaders(count) }),
  }),
  scenario(
    "h1-body",
    (bench) => bench.scaled([0, 1024, 16_384, 65_536, 262_144, 1_048_576], [0, 262_144], [65_536]),
    {
      ...h1,
      peers: [sluice, netCanned, nodeHttp],
      title: "GET, 8 connections, by bytes of the response",
      unit: "bytes",
      service: (count) => `bytes-${count}`,
      load: () => h1Load({ connections: 8 }),
    },
    true,
  ),
  scenario("h1-connections", manyConnections, {
    ...h1,
    title: "one request at a time over all connections in turn, HTTP/1.1",
    unit: "connections",
    service: "hello",
    load: (count) => node("h1", ["--connections", count, "--active", 1]),
  }),
  scenario("h2-connections", manyConnections, {
    ...h2,
    title: "one request at a time over all connections in turn, HTTP/2",
    unit: "connections",
    service: "hello",
    load: (count) => node("h2-many", ["--connections", count]),
  }),
  scenario(
    "h2-held",
    manyStreams,
    {
      ...h2,
      title: "one request at a time beside other open streams of the connection",
      unit: "streams",
      service: "size",
      load: (count) => node("h2-many", ["--held", count - 1]),
    },
    true,
  ),
  scenario("h2-active", manyStreams, {
    ...h2,
    title: "requests at a time on one connection",
    unit: "streams",
    service: "hello",
    // Up to there more and more requests share a read and a write.
    slopeFrom: 100,
    load: (count) => node("h2-many", ["--active", count]),
  }),
];
