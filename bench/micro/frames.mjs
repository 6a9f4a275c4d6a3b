// The codec of HTTP/2's frames, 100 at a time.

import { writeData } from "../../packages/core/dist/h2/frame/data.js";
import { continuationLimit } from "../../packages/core/dist/h2/frame/field-block-order.js";
import { FrameReader } from "../../packages/core/dist/h2/frame/frame-reader.js";
import { decodeWindowUpdate, writeWindowUpdate } from "../../packages/core/dist/h2/frame/window-update.js";
import { OctetWriter } from "../../packages/core/dist/h2/octet-writer.js";
import { measureAll } from "./operations.mjs";

const count = 100;
const writer = new OctetWriter();
const kib = Buffer.alloc(1024, "x");
const reader = new FrameReader(continuationLimit(16_384));

function writeUpdates() {
  for (let i = 0; i < count; i++) writeWindowUpdate(writer, 2 * i + 1, 65_535);
  return writer.take();
}

function writeContents(content) {
  for (let i = 0; i < count; i++) writeData(writer, 2 * i + 1, content, 0, content.length, true);
  return writer.take();
}

function read(bytes) {
  let sum = 0;
  reader.push(bytes);
  while (reader.next()) sum += reader.frame.end - reader.frame.start;
  return sum;
}

function readUpdates(bytes) {
  let sum = 0;
  reader.push(bytes);
  while (reader.next()) sum += decodeWindowUpdate(reader.frame);
  return sum;
}

const updates = writeUpdates();
const small = writeContents(kib.subarray(0, 13));
const large = writeContents(kib);

await measureAll([
  { name: "read 100 WINDOW_UPDATE", run: () => readUpdates(updates), bytes: updates.length },
  { name: "write 100 WINDOW_UPDATE", run: writeUpdates, bytes: updates.length },
  { name: "read 100 DATA of 13 bytes", run: () => read(small), bytes: small.length },
  { name: "write 100 DATA of 13 bytes", run: () => writeContents(kib.subarray(0, 13)), bytes: small.length },
  { name: "read 100 DATA of 1 KiB", run: () => read(large), bytes: large.length },
  { name: "write 100 DATA of 1 KiB", run: () => writeContents(kib), bytes: large.length },
]);
