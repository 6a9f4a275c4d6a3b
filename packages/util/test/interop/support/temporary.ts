/** A folder that goes with the test. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryFolder(
  files: Readonly<globalThis.Record<string, Uint8Array | string>> = {},
): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "sluice-interop-"));
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(path, name), bytes);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
