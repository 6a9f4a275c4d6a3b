/**
 * The conformance suite that every runtime runs: `runSuite` takes what the runtime brings and gives one line of JSON per
 * case, `{"name":...,"value":...}`. It neither prints nor imports anything but the packages.
 */
import { bothCases } from "./both.mjs";
import { http1Cases } from "./http1.mjs";
import { http2Cases } from "./http2.mjs";
import { Kit } from "./kit.mjs";
import { tlsCases } from "./tls.mjs";

export async function runSuite(runtime) {
  const kit = new Kit(runtime);
  const lines = [];
  const cases = { ...http1Cases, ...http2Cases, ...bothCases, ...(runtime.tls === undefined ? {} : tlsCases) };
  for (const [name, run] of Object.entries(cases)) {
    let value;
    try {
      value = await kit.within(run(kit));
    } catch (error) {
      value = `failed: ${error?.stack ?? error}`;
    }
    lines.push(JSON.stringify({ name, value }));
  }
  return lines;
}
