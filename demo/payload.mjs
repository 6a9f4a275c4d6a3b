// Content that is sent through the echo, and what it amounts to.

import { createHash } from "node:crypto";

/** `size` bytes that repeat only after 251, so that a lost or doubled block shows. */
export function payload(size) {
  return Buffer.alloc(
    size,
    Uint8Array.from({ length: 251 }, (_, i) => i),
  );
}

export function checksum(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
