import { expect, test } from "vitest";
import { bytes } from "../../test/support/io.ts";
import { openingOf } from "./plaintext-on-tls.ts";

test("a TLS handshake record is told by its first byte", () => {
  expect(openingOf(Uint8Array.of(0x16))).toBe("tls");
  expect(openingOf(Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00))).toBe("tls");
});

test("a request line and the HTTP/2 preface are told by a token and a space", () => {
  for (const line of [
    "GET / HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n",
    "PROPFIND ",
    "get ",
    "M-SEARCH * ",
    "!#$%&'*+-.^_`|~09 x",
  ]) {
    expect(openingOf(bytes(line))).toBe("http");
  }
});

test("a method of up to 32 bytes may still become a request", () => {
  for (const line of ["", "G", "DELETE", "A".repeat(32)]) expect(openingOf(bytes(line))).toBe("short");
  expect(openingOf(bytes(`${"A".repeat(32)} `))).toBe("http");
  expect(openingOf(bytes("A".repeat(33)))).toBe("other");
});

test("anything else is neither", () => {
  for (const line of [" GET / ", "\r\n", "\x15\x03\x01", "\x80\x2e\x01", "GET\t/", "SSH-2.0(x", "\x00"]) {
    expect(openingOf(bytes(line))).toBe("other");
  }
});
