import { describe, expect, test } from "vitest";
import { checkHost, isLocalhost, isLoopback } from "./host-name.ts";

const a63 = "a".repeat(63);

describe("checkHost", () => {
  test.each([
    ["example.com", 0],
    ["example.com.", 0],
    ["_sip._tcp.example.com", 0],
    ["xn--bcher-kva.example", 0],
    ["1.2.3.com", 0],
    ["localhost", 0],
    [a63, 0],
    [`${a63}.${a63}.${a63}.${"a".repeat(61)}`, 0],
    [`${a63}.${a63}.${a63}.${"a".repeat(61)}.`, 0],
    ["127.0.0.1", 4],
    ["::1", 6],
    ["fe80::1%eth0", 6],
  ])("[hyper-225] %s is a host", (host, family) => {
    expect(checkHost(host)).toBe(family);
  });

  test.each([
    ["", "HOST_MISSING", "the target must have a host, but it is empty"],
    [".", "HOST_INVALID", 'the host of the target has an empty label: "."'],
    ["a..b", "HOST_INVALID", 'the host of the target has an empty label: "a..b"'],
    ["a b", "HOST_INVALID", 'the host of the target has a character that a name cannot have: "a b"'],
    ["a\nb", "HOST_INVALID", 'the host of the target has a character that a name cannot have: "a\\nb"'],
    ["[::1]", "HOST_INVALID", 'the host of the target has a character that a name cannot have: "[::1]"'],
    ["user@host", "HOST_INVALID", 'the host of the target has a character that a name cannot have: "user@host"'],
    ["host:80", "HOST_INVALID", 'the host of the target has a character that a name cannot have: "host:80"'],
    ["b\u00fccher", "HOST_INVALID", 'the host of the target has a character that a name cannot have: "b\\u00fccher"'],
    ["127.1", "HOST_INVALID", 'the host of the target ends in a number but is not an IPv4 address: "127.1"'],
    ["0x7f000001", "HOST_INVALID", 'the host of the target ends in a number but is not an IPv4 address: "0x7f000001"'],
    ["256.0.0.1.", "HOST_INVALID", 'the host of the target ends in a number but is not an IPv4 address: "256.0.0.1."'],
    [
      `a.${a63}a`,
      "HOST_INVALID",
      `the host of the target has a label longer than 63 characters: "a.${"a".repeat(62)}"... (66 characters)`,
    ],
    [
      `${a63}.${a63}.${a63}.${"a".repeat(62)}`,
      "HOST_INVALID",
      `the host of the target is longer than 253 characters: "${a63}."... (254 characters)`,
    ],
  ])("[hyper-225] %j is none: %s", (host, code, message) => {
    expect(() => checkHost(host)).toThrow(expect.objectContaining({ kind: "user", code, message }));
  });
});

test("isLocalhost: localhost and what is below it, in any case, with or without the last dot", () => {
  const names = ["localhost", "LocalHost.", "a.b.localhost", "a.localhost.", "localhost.com", "mylocalhost", ""];
  expect(names.map(isLocalhost)).toEqual([true, true, true, true, false, false, false]);
});

test("isLoopback: 127.0.0.0/8 and ::1", () => {
  const addresses = ["127.0.0.1", "127.9.9.9", "::1", "128.0.0.1", "::2", "127.0.0.1.example"];
  expect(addresses.map(isLoopback)).toEqual([true, true, true, false, false, false]);
});
