/**
 * The conformance suite that every runtime runs: `runSuite` takes what the runtime brings and gives one line of JSON per
 * case, `{"name":...,"value":...}`. It neither prints nor imports anything but the packages.
 */
import { bothCases } from "./both.mjs";
import { http1Cases } from "./http1.mjs";
import { http2Cases } from "./http2.mjs";
import { Kit } from "./kit.mjs";
import { tlsCases } from "./tls.mjs";

const cases = { ...http1Cases, ...http2Cases, ...bothCases };

/** @param names The cases to run. Default: all that the runtime is able to. */
export async function runSuite(runtime, names) {
  const able = { ...cases, ...(runtime.tls === undefined ? {} : tlsCases) };
  const lines = [];
  for (const name of names ?? Object.keys(able)) lines.push(await runCase(runtime, name, able[name]));
  return lines;
}

/** The line of one case. */
export async function runCase(runtime, name, run = cases[name]) {
  const kit = new Kit(runtime);
  let value;
  try {
    value = await kit.within(run(kit));
  } catch (error) {
    value = `failed: ${error?.stack ?? error}`;
  }
  return JSON.stringify({ name, value });
}
