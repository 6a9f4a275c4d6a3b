// npm run bench [-- SCENARIO...]: Sluice side by side with what does the same, from small requests to idle connections.
//
//   SCENARIO       such as h1/get, h1 (all of a group) or "*/upload-1m"; all without one
//   --list         only name the scenarios
//   --quick        one short round of most of it, for a first look (under three minutes)
//   --rounds N     rounds per measurement; default 5
//   --seconds N    length of one measurement; default 2
//   --peers NAMES  some of the peers, by the names in the tables, separated by commas
//   --build        with --quick: build the servers in Go and Rust if they are not built yet
//   --smoke        only see whether all parts work; the exit code is 1 if anything failed, whatever was measured
//
// Servers run alone on core 0 and the load on core 1, in processes of their own. What counts is requests per second of
// processor time of the process under test, as the kernel counts it, since requests per second also measure the load. Peers
// take turns round by round; what is shown is the median, and of ratios also the least and the most of any round. A run with an
// error is void. All figures go to bench/results/, as JSON and as a page with charts.

import { parseArgs } from "node:util";
import { Bench } from "./lib/bench.mjs";
import { buildNothing } from "./lib/builds.mjs";
import { failures } from "./lib/failures.mjs";
import { keep } from "./lib/keep.mjs";
import { page } from "./lib/page.mjs";
import { has } from "./lib/process.mjs";
import { chosen } from "./scenarios/index.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    build: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    peers: { type: "string" },
  },
});
const pace = values.smoke ? "smoke" : values.quick ? "quick" : "usual";
const selected = chosen(positionals, pace);
/** After this time `--quick` begins nothing more, unless it was asked for by name. */
const quickLimitMs = 145_000;

if (values.list) {
  for (const { name } of selected) console.log(name);
} else {
  await measureAll();
}

async function measureAll() {
  if (pace !== "usual" && !values.build) buildNothing();
  const bench = new Bench(pace, {
    rounds: positive("rounds", 100),
    seconds: positive("seconds", 600),
    peers: values.peers?.split(","),
  });
  const generators = ["wrk", "h2load"].filter((program) => !has(program));
  for (const program of generators)
    console.log(`${program} is not installed: some of its loads come from Node instead`);
  const start = performance.now();
  for (const { name, run } of selected) {
    if (pace === "quick" && positionals.length === 0 && performance.now() - start > quickLimitMs) {
      bench.leaveOut(name, "no time left for --quick");
      continue;
    }
    try {
      await run(bench);
    } catch (error) {
      bench.leaveOut(name, error.message);
    }
  }
  console.log(`\n${selected.length} scenarios in ${Math.round((performance.now() - start) / 1000)} s`);
  if (pace === "smoke") page(bench.results());
  else keep(bench.results());
  const failed = failures(bench);
  if (failed.length > 0) console.log(`\n${failed.length} failed:\n${failed.join("\n")}`);
  if (pace === "smoke") {
    const { SLUICE_INTEROP: interop } = process.env;
    const required = interop === "required" ? generators : [];
    for (const program of required) console.log(`${program} is not installed, and SLUICE_INTEROP=required asks for it`);
    process.exitCode = failed.length + required.length > 0 ? 1 : 0;
  }
}

/** @throws RangeError for what is no number above 0, or above `most`. */
function positive(option, most) {
  if (values[option] === undefined) return undefined;
  const number = Number(values[option]);
  if (number > 0 && number <= most) return number;
  throw new RangeError(`--${option} must be above 0 and at most ${most}, got ${values[option]}`);
}
