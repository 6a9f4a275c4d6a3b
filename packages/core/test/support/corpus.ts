/**
 * Test vectors from outside the repository: a folder named by `SLUICE_CORPORA`. Unset, the tests that need them are skipped;
 * set, a missing file is a failure.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const corpora: string | undefined = process.env.SLUICE_CORPORA || undefined;

/** The JSON files of one corpus, parsed. */
export function readCorpus<File>(name: string): File[] {
  if (corpora === undefined) return [];
  const folder = join(corpora, name);
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as File);
}
