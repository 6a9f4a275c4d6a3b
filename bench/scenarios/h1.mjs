// HTTP/1.1 servers. Reference: node:http.

import { compareServers } from "../lib/compare-servers.mjs";
import { h1Load, h1Upload } from "../lib/loads.mjs";
import { bun, deno, fastify, go, hono, hyper, netCanned, nginx, nodeHttp, sluice } from "../lib/peers.mjs";
import { realisticHeaders } from "./realistic-headers.mjs";

export const h1Peers = [sluice, nodeHttp, fastify, hono, bun, deno, go, hyper, nginx, netCanned];
const connections = 64;
const few = 8;

function scenario(name, { smoke = false, peers = h1Peers, ...rest }) {
  const whole = { name: `h1/${name}`, protocol: "h1", reference: nodeHttp.name, peers, ...rest };
  return { name: whole.name, smoke, run: (bench) => compareServers(bench, whole) };
}

export const h1Scenarios = [
  scenario("get", {
    title: "GET, 13 bytes, 64 kept connections",
    service: "hello",
    load: () => h1Load({ connections }),
    smoke: true,
  }),
  scenario("pipeline", {
    title: "GET, 13 bytes, 64 connections, 16 deep",
    service: "hello",
    load: () => h1Load({ connections, depth: 16 }),
  }),
  scenario("headers", {
    title: "GET, 13 bytes, 10 realistic request headers with cookies, 64 connections",
    service: "hello",
    load: () => h1Load({ connections, headers: realisticHeaders }),
  }),
  scenario("json", {
    title: "GET, 2 KiB of JSON, 64 connections",
    service: "json",
    load: () => h1Load({ connections }),
  }),
  scenario("download-64k", {
    title: "GET, 64 KiB, 8 connections",
    service: "bytes-65536",
    load: () => h1Load({ connections: few }),
  }),
  scenario("download-1m", {
    title: "GET, 1 MiB, 8 connections",
    service: "bytes-1048576",
    load: () => h1Load({ connections: few }),
  }),
  scenario("upload-1m", {
    title: "POST, 1 MiB, 8 connections",
    service: "size",
    load: () => h1Upload({ connections: few }),
    smoke: true,
  }),
  scenario("stream", {
    title: "GET, 100 chunks of 1 KiB, 64 connections",
    service: "stream",
    load: () => h1Load({ connections }),
  }),
  scenario("tls", {
    title: "GET, 13 bytes, 64 kept connections, TLS",
    service: "hello",
    tls: true,
    load: () => h1Load({ connections, tls: true }),
    peers: [sluice, nodeHttp, go, nginx],
    smoke: true,
  }),
  scenario("churn", {
    title: "GET, 13 bytes, a connection for each request, 64 at a time",
    service: "hello",
    load: () => h1Load({ connections, headers: ["connection: close"] }),
    // The canned server reads no field that tells it to close.
    peers: h1Peers.filter((peer) => peer !== netCanned),
  }),
];
