// The self-signed certificate for localhost and 127.0.0.1 that the tests keep. Its key is public: it protects nothing.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

function fixture(name) {
  return fileURLToPath(new URL(`../packages/util/test/fixtures/${name}`, import.meta.url));
}

export const certificateFile = fixture("localhost-cert.pem");
export const certificate = readFileSync(certificateFile, "latin1");
export const key = readFileSync(fixture("localhost-key.pem"), "latin1");
