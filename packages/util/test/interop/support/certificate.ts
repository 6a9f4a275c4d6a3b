/** The self-signed certificate for localhost and 127.0.0.1 that the tests keep. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

function fixture(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
}

export const certificateFile: string = fixture("localhost-cert.pem");
export const keyFile: string = fixture("localhost-key.pem");

export function certificate(): { readonly cert: string; readonly key: string } {
  return { cert: readFileSync(certificateFile, "latin1"), key: readFileSync(keyFile, "latin1") };
}
