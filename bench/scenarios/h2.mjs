// HTTP/2 servers, over cleartext TCP. Reference: the stream API of node:http2.

import { compareServers } from "../lib/compare-servers.mjs";
import { h2Load } from "../lib/loads.mjs";
import {
  deno,
  go,
  h2Canned,
  hyper,
  nghttpd,
  nginx,
  nodeHttp2,
  nodeHttp2Compat,
  sluice,
  sluiceAsync,
} from "../lib/peers.mjs";
import { realisticHeaders } from "./realistic-headers.mjs";

export const h2Peers = [sluice, sluiceAsync, nodeHttp2, nodeHttp2Compat, deno, go, hyper, nginx, nghttpd, h2Canned];
/** An async service matters where an answer costs little. */
const usualPeers = h2Peers.filter((peer) => peer !== sluiceAsync);
const ours = sluice.name;

function scenario(name, { smoke = false, peers = usualPeers, ...rest }) {
  const whole = { name: `h2/${name}`, protocol: "h2c", reference: nodeHttp2.name, peers, ...rest };
  return { name: whole.name, smoke, run: (bench) => compareServers(bench, whole) };
}

export const h2Scenarios = [
  scenario("get", {
    title: "GET, 13 bytes, 8 connections of 32 streams",
    service: "hello",
    load: () => h2Load({ connections: 8, streams: 32 }),
    targets: { [ours]: ">= 6" },
    peers: h2Peers,
    smoke: true,
  }),
  scenario("get-100", {
    title: "GET, 13 bytes, 1 connection of 100 streams",
    service: "hello",
    load: () => h2Load({ connections: 1, streams: 100 }),
    peers: h2Peers,
  }),
  scenario("get-8", {
    title: "GET, 13 bytes, 8 connections of 1 stream",
    service: "hello",
    load: () => h2Load({ connections: 8, streams: 1 }),
    targets: { [ours]: ">= 1.5" },
  }),
  scenario("get-1", {
    title: "GET, 13 bytes, 1 connection of 1 stream",
    service: "hello",
    load: () => h2Load({ connections: 1, streams: 1 }),
    targets: { [ours]: ">= 1.5" },
  }),
  scenario("headers", {
    title: "GET, 13 bytes, 10 realistic request headers with cookies, 8 connections of 32 streams",
    service: "hello",
    load: () => h2Load({ connections: 8, streams: 32, headers: realisticHeaders }),
  }),
  scenario("download-64k", {
    title: "GET, 64 KiB, 4 connections of 4 streams",
    service: "bytes-65536",
    load: () => h2Load({ connections: 4, streams: 4, isSmall: false }),
  }),
  scenario("download-1m", {
    title: "GET, 1 MiB, 4 connections of 4 streams",
    service: "bytes-1048576",
    load: () => h2Load({ connections: 4, streams: 4, isSmall: false }),
    targets: { [ours]: ">= 1.1" },
  }),
  scenario("upload-1m", {
    title: "POST, 1 MiB, 4 connections of 4 streams",
    service: "size",
    load: () => h2Load({ connections: 4, streams: 4, upload: true, isSmall: false }),
    targets: { [ours]: ">= 2" },
    smoke: true,
  }),
  scenario("stream", {
    title: "GET, 100 pieces of 1 KiB, 1 connection of 100 streams",
    service: "stream",
    load: () => h2Load({ connections: 1, streams: 100, isSmall: false }),
  }),
];
