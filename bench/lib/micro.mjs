// The parts of the engine by themselves: programs of micro/ that each measure with mitata and print one line of JSON.

import { summarize, takeTurns } from "./entrants.mjs";
import { loadCore, measured } from "./process.mjs";
import { report } from "./report.mjs";

const figure = "nanos";
const limitSeconds = 120;
const longestRounds = 3;

/** @param scenario `name`, `title`, the `file` in micro/, and the name of the operation that is the `reference`. */
export async function measureParts(bench, { name, title, file, reference }) {
  const minSeconds = Math.min(bench.seconds, 0.5);
  const rounds = Math.min(bench.rounds, longestRounds);
  const outcomes = [];
  for (let round = 0; round < rounds; round++) {
    const args = ["--expose-gc", `micro/${file}.mjs`, String(minSeconds)];
    outcomes.push(await measured(loadCore, process.execPath, args, { limitSeconds }));
  }
  const failed = outcomes.find(({ operations }) => operations === undefined);
  if (failed !== undefined) {
    const entrants = [{ name: reference, version: "" }];
    const runs = { [reference]: [{ errors: 1, why: failed.why }] };
    return report(bench, measurement({ name, title, reference, entrants, runs }));
  }
  const entrants = outcomes[0].operations.map((operation) => ({ name: operation.name, version: "" }));
  let turn = 0;
  const runs = await takeTurns(rounds, entrants, async (entrant) => {
    const round = Math.floor(turn++ / entrants.length);
    const found = outcomes[round].operations.find((operation) => operation.name === entrant.name);
    return { ...found, name: undefined, errors: 0 };
  });
  report(bench, measurement({ name, title, reference, entrants, runs }));
}

function measurement({ name, title, reference, entrants, runs }) {
  return {
    name,
    title,
    figure,
    reference,
    generator: "mitata",
    targets: {},
    peers: summarize(entrants, runs, figure, reference),
    leftOut: [],
    runs,
  };
}
