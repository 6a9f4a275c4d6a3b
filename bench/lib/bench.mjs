// One run of the benchmarks: how long and how often is measured, which peers take part, and what came of it.

import { cpus } from "node:os";
import { isPinned, openFileLimit } from "./process.mjs";

/** By kind of run: rounds, and how long each measurement and the warm-up before the first take. */
const paces = {
  usual: { rounds: 5, seconds: 2, warmUpSeconds: 1 },
  quick: { rounds: 1, seconds: 0.2, warmUpSeconds: 0.25 },
  smoke: { rounds: 1, seconds: 0.1, warmUpSeconds: 0.02 },
};

/** The names of what is ours. */
const ours = /^(?:sluice|Client|.* on sluice)$/;

/** What a process has open beside its connections, with room to spare. */
const otherFiles = 200;

export class Bench {
  /** What was measured, in order. */
  measurements = [];
  /** Whole scenarios that were left out. */
  leftOut = [];
  #peers;

  /**
   * @param pace `usual`, `quick` or `smoke`.
   * @param peers Names of those to take part; all without.
   */
  constructor(pace, { rounds, seconds, peers } = {}) {
    this.pace = pace;
    this.rounds = rounds ?? paces[pace].rounds;
    this.seconds = seconds ?? paces[pace].seconds;
    this.warmUpSeconds = paces[pace].warmUpSeconds;
    this.#peers = peers;
  }

  /** Of a usual number, be it of connections or of something else costly, the one for this pace. */
  scaled(usual, quick, smoke) {
    return { usual, quick, smoke }[this.pace];
  }

  /** Those of `counts` of connections that a process may have. */
  possible(counts) {
    const most = openFileLimit() - otherFiles;
    const possible = counts.filter((count) => count <= most);
    if (possible.length < counts.length)
      console.log(`\nno more than ${most} connections: a process may not open more files`);
    return possible;
  }

  /** Those of the peers that take part: of a smoke test only what is ours and what it is compared with. */
  among(peers, reference) {
    if (this.#peers !== undefined) return peers.filter(({ name }) => this.#peers.includes(name));
    if (this.pace !== "smoke") return peers;
    return peers.filter(({ name }) => name === reference || ours.test(name));
  }

  /** Keeps what came of a measurement. */
  add(measurement) {
    this.measurements.push(measurement);
  }

  leaveOut(name, why) {
    this.leftOut.push({ name, why });
    console.log(`\n${name}: left out: ${why}`);
  }

  /** All of it, to be written down. */
  results() {
    return {
      date: new Date().toISOString(),
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      isPinned,
      pace: this.pace,
      rounds: this.rounds,
      seconds: this.seconds,
      leftOut: this.leftOut,
      measurements: this.measurements,
    };
  }
}
