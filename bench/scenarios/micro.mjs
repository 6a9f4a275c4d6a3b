// The parts by themselves.

import { measureParts } from "../lib/micro.mjs";

function scenario(name, title, reference, smoke = false) {
  const whole = { name: `micro/${name}`, title, file: name, reference };
  return { name: whole.name, smoke, run: (bench) => measureParts(bench, whole) };
}

export const microScenarios = [
  scenario("heads", "HTTP/1.1 heads", "read a small head", true),
  scenario("hpack", "HPACK", "decode, first request", true),
  scenario("frames", "HTTP/2 frames", "read 100 WINDOW_UPDATE"),
  scenario("header-map", "HeaderMap beside Headers and Map", "Headers: build, 11 lines"),
];
