// What the benchmarks have in common: their arguments, servers and clients that take turns round by round so that a noisy
// moment hits all of them, tables of medians, and a file with every figure. A run with an error is void. A peer that cannot
// be started is left out and named.

import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { cpuSeconds, held, loadCore, measured, residentBytes, serverCore, startServer } from "./process.mjs";
import { median, ratio, table, whole } from "./report.mjs";

const longestMemoryRounds = 3;

/** A server of servers/ as a peer; `flags` are for node, `args` for the server. */
export function nodeServer(name, file = name, args = []) {
  return { name, start: (service, core, flags = []) => startServer(file, service, core, flags, args, name) };
}

export class Benchmark {
  #name;
  #only;
  #peers;
  #results;

  /** @param name Of the benchmark: files of results begin with it. */
  constructor(name) {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        rounds: { type: "string" },
        seconds: { type: "string" },
        only: { type: "string" },
        peers: { type: "string" },
      },
    });
    this.#name = name;
    this.isQuick = values.quick;
    this.rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
    this.seconds = Number(values.seconds ?? (values.quick ? 1 : 2));
    this.#only = values.only?.split(",");
    this.#peers = values.peers?.split(",");
    this.#results = {
      date: new Date().toISOString(),
      node: process.version,
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      rounds: this.rounds,
      seconds: this.seconds,
      leftOut: {},
      measurements: {},
    };
  }

  /** Whether a measurement is to be made. */
  wanted(measurement) {
    return this.#only === undefined || this.#only.includes(measurement);
  }

  /** Those of the peers that were asked for. */
  among(peers) {
    return this.#peers === undefined ? peers : peers.filter(({ name }) => this.#peers.includes(name));
  }

  /** Keeps the figures of a measurement for the file. */
  record(measurement, runs) {
    this.#results.measurements[measurement] = runs;
  }

  leaveOut(what, why) {
    // The same peer is left out of many measurements for one reason.
    if (this.#results.leftOut[what] === why) return;
    this.#results.leftOut[what] = why;
    console.log(`left out: ${what}: ${why}`);
  }

  /**
   * Starts those peers that can be started. `check` may look at each and reject: with that it is left out, too.
   *
   * @param start Starts a peer.
   */
  async startAll(peers, start, check = async () => {}) {
    const servers = [];
    for (const peer of this.among(peers)) {
      let server;
      try {
        server = await start(peer);
        await check(server);
        servers.push(server);
      } catch (error) {
        await server?.stop();
        this.leaveOut(peer.name, error.message);
      }
    }
    return servers;
  }

  /** Requests per second of processor time of servers under a load. `targets` are texts, by peer. */
  async compareServers({ name, title, service, peers, load, against, targets, check }) {
    const servers = await this.startAll(
      peers,
      (peer) => peer.start(service, serverCore),
      check === undefined ? undefined : (server) => check(server.port, service),
    );
    for (const server of servers) await load(server.port);
    const runs = await this.#inTurn(servers, async (server) => {
      const before = cpuSeconds(server.pid);
      const { requests, seconds, errors } = await load(server.port);
      return { requests, seconds, errors, cpuSeconds: cpuSeconds(server.pid) - before };
    });
    for (const server of servers) await server.stop();
    this.#report(name, `${title} (server)`, runs, against, targets);
  }

  /** Requests per second of processor time of programs of clients/, all against one server. `args` follow PORT SECONDS. */
  async compareClients({ name, title, service, peer, clients, args = [], against, targets }) {
    const [server] = await this.startAll([peer], () => peer.start(service, serverCore));
    if (server === undefined) return;
    const runs = await this.#inTurn(this.among(clients), ({ file }) => {
      const given = [`clients/${file}.mjs`, `${server.port}`, `${this.seconds}`, ...args];
      return measured(loadCore, process.execPath, given, this.seconds + 15);
    });
    await server.stop();
    this.#report(name, `${title} (client)`, runs, against, targets);
  }

  /** What each of many idle connections adds to the memory of a server. `protocol` is one that load/idle.mjs speaks. */
  async compareMemory({ name, title, peers, protocol, connections, against, targets }) {
    const rounds = this.isQuick ? 1 : Math.min(this.rounds, longestMemoryRounds);
    const runs = {};
    for (let round = 0; round < rounds; round++) {
      for (const peer of this.among(peers)) {
        const [server] = await this.startAll([peer], () => peer.start("hello", serverCore, ["--expose-gc"]));
        if (server === undefined) continue;
        try {
          const run = await idleMemory(server, protocol, connections);
          runs[peer.name] ??= [];
          runs[peer.name].push(run);
        } catch (error) {
          this.leaveOut(peer.name, error.message);
        }
        await server.stop();
      }
    }
    this.record(name, runs);
    const bytes = ofValid(runs, "bytes");
    const heapBytes = ofValid(runs, "heapBytes");
    const externalBytes = ofValid(runs, "externalBytes");
    table(
      title,
      [
        "peer",
        "bytes",
        `/ ${against}`,
        ...(targets === undefined ? [] : ["target"]),
        "of which heap",
        "external",
        "void",
      ],
      Object.keys(runs).map((peer) => [
        peer,
        whole(bytes[peer]),
        ratio(bytes[peer] / bytes[against]),
        ...(targets === undefined ? [] : [targets[peer] ?? ""]),
        whole(heapBytes[peer]),
        whole(externalBytes[peer]),
        voidRuns(runs[peer]),
      ]),
    );
  }

  /** Writes the file. */
  keep() {
    if (Object.keys(this.#results.measurements).length === 0) return;
    const folder = new URL("../results/", import.meta.url);
    mkdirSync(folder, { recursive: true });
    const file = `${this.#name}-${this.#results.date.replaceAll(":", "-").slice(0, 19)}.json`;
    writeFileSync(new URL(file, folder), `${JSON.stringify(this.#results, null, 2)}\n`);
    console.log(`\nkept in bench/results/${file}`);
  }

  /** What every run of every entrant came to, by name. */
  async #inTurn(entrants, run) {
    const runs = Object.fromEntries(entrants.map(({ name }) => [name, []]));
    for (let round = 0; round < this.rounds; round++) {
      for (const entrant of entrants) {
        const { requests, seconds, cpuSeconds: cpu, errors } = await run(entrant);
        const perCpuSecond = requests / cpu;
        // Not a number: the process under test has ended.
        const isVoid = errors > 0 || Number.isNaN(perCpuSecond);
        runs[entrant.name].push({
          perSecond: requests / seconds,
          perCpuSecond,
          errors: isVoid ? Math.max(1, errors) : 0,
        });
      }
    }
    return runs;
  }

  #report(name, title, runs, against, targets) {
    this.record(name, runs);
    const perSecond = ofValid(runs, "perSecond");
    const perCpuSecond = ofValid(runs, "perCpuSecond");
    table(
      title,
      [
        "peer",
        "req/s",
        "req/cpu-s",
        `req/cpu-s / ${against}`,
        ...(targets === undefined ? [] : ["target"]),
        "spread",
        "void",
      ],
      Object.keys(runs).map((peer) => {
        const valid = validOf(runs[peer]).map((run) => run.perCpuSecond);
        return [
          peer,
          whole(perSecond[peer]),
          whole(perCpuSecond[peer]),
          ratio(perCpuSecond[peer] / perCpuSecond[against]),
          ...(targets === undefined ? [] : [targets[peer] ?? ""]),
          valid.length > 0 ? `${whole(Math.min(...valid))}..${whole(Math.max(...valid))}` : "-",
          voidRuns(runs[peer]),
        ];
      }),
    );
  }
}

async function idleMemory(server, protocol, connections) {
  const open = (count) => held(loadCore, process.execPath, ["load/idle.mjs", `${server.port}`, `${count}`, protocol]);
  // What is needed once is there before it is measured.
  await (await open(200)).release();
  const before = await settledMemory(server);
  const clients = await open(connections);
  const after = await settledMemory(server);
  const { opened, errors } = clients.said;
  await clients.release();
  return {
    bytes: (after.resident - before.resident) / opened,
    heapBytes: (after.heap - before.heap) / opened,
    externalBytes: (after.external - before.external) / opened,
    errors,
  };
}

/** Twice: objects with finalizers go in the second collection. */
async function settledMemory(server) {
  let usage;
  for (let i = 0; i < 2; i++) {
    usage = await server.collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return { resident: residentBytes(server.pid), heap: usage.heapUsed, external: usage.external };
}

/** The median of one figure over the runs without an error, by peer. */
export function ofValid(runs, figure) {
  const entries = Object.entries(runs).map(([peer, all]) => {
    const valid = validOf(all).map((run) => run[figure]);
    return [peer, valid.length > 0 ? median(valid) : Number.NaN];
  });
  return Object.fromEntries(entries);
}

function validOf(all) {
  return all.filter(({ errors }) => errors === 0);
}

function voidRuns(all) {
  const failed = all.length - validOf(all).length;
  return failed === 0 ? "0" : `${failed} of ${all.length}`;
}
