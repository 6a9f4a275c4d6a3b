// HPACK and its Huffman code. Bytes are those of the encoded block; of Huffman, those of the text.

import { HeaderMap } from "@sluice/body";
import { HpackDecoder } from "../../packages/core/dist/h2/hpack/decoder.js";
import { HpackEncoder } from "../../packages/core/dist/h2/hpack/encoder.js";
import { huffmanDecode, huffmanSlackBytes, maxDecodedBytes } from "../../packages/core/dist/h2/hpack/huffman-decode.js";
import { huffmanEncode, huffmanEncodedBytes } from "../../packages/core/dist/h2/hpack/huffman-encode.js";
import { OctetWriter } from "../../packages/core/dist/h2/octet-writer.js";
import { realisticHeaders } from "../scenarios/realistic-headers.mjs";
import { measureAll } from "./operations.mjs";

const pseudo = [
  [":method", "GET"],
  [":scheme", "https"],
  [":authority", "shop.example"],
  [":path", "/path?query=1"],
];
const lines = realisticHeaders.map((line) => line.split(/: (.*)/s).slice(0, 2));
const headers = new HeaderMap(lines);

function encode(encoder, writer) {
  encoder.begin(writer);
  for (const [name, value] of pseudo) encoder.field(writer, name, value, false);
  encoder.fields(writer, headers);
  return writer.take();
}

let fields = 0;
const sink = { field: () => fields++ };
function decode(decoder, block) {
  decoder.begin(sink);
  decoder.decode(block, 0, block.length);
  decoder.end();
  return fields;
}

const writer = new OctetWriter();
const known = new HpackEncoder();
const first = encode(known, writer);
const later = encode(known, writer);
const warm = new HpackDecoder();
decode(warm, first);

const text = lines.map(([, value]) => value).join("");
const codedBytes = huffmanEncodedBytes(text);
huffmanEncode(writer, text, codedBytes);
const coded = writer.take();
const decoded = new Uint8Array(maxDecodedBytes(coded.length) + huffmanSlackBytes);

await measureAll([
  { name: "encode, first request", run: () => encode(new HpackEncoder(), writer), bytes: first.length },
  { name: "encode, later ones", run: () => encode(known, writer), bytes: later.length },
  { name: "decode, first request", run: () => decode(new HpackDecoder(), first), bytes: first.length },
  { name: "decode, later ones", run: () => decode(warm, later), bytes: later.length },
  {
    name: "Huffman, encode",
    bytes: text.length,
    run: () => {
      huffmanEncode(writer, text, huffmanEncodedBytes(text));
      return writer.take();
    },
  },
  { name: "Huffman, decode", bytes: text.length, run: () => huffmanDecode(coded, 0, coded.length, decoded) },
]);
