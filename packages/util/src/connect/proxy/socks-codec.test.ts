import { describe, expect, test } from "vitest";
import { decodeSocks4Reply, encodeSocks4Connect, socks4Reason } from "./socks4-codec.ts";
import {
  decodeSocks5AuthStatus,
  decodeSocks5Method,
  decodeSocks5Reply,
  encodeSocks5Auth,
  encodeSocks5Connect,
  encodeSocks5Greeting,
  NO_METHOD,
  socks5Reason,
} from "./socks5-codec.ts";

const hex = (message: Uint8Array): string => Buffer.from(message).toString("hex");
const bytes = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");
const thrown = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
};
const decodeMethod = (message: Uint8Array) => decodeSocks5Method(message, [0, 2]);

describe("[hyper-229] SOCKS5: what is written, to the byte", () => {
  test("greeting", () => {
    expect(hex(encodeSocks5Greeting([0]))).toBe("050100");
    expect(hex(encodeSocks5Greeting([0, 2]))).toBe("05020002");
  });

  test("user and password, in UTF-8", () => {
    expect(hex(encodeSocks5Auth({ username: "user", password: "pass" }))).toBe("010475736572" + "0470617373");
    expect(hex(encodeSocks5Auth({ username: "\u00e9", password: "" }))).toBe("0102c3a900");
    const longest = encodeSocks5Auth({ username: "u".repeat(255), password: "p".repeat(255) });
    expect([longest.length, longest[1], longest[257]]).toEqual([513, 255, 255]);
  });

  test.each([
    ["u".repeat(256), "p"],
    ["\u00e9".repeat(128), "p"],
    ["u", "p".repeat(256)],
    ["", "p"],
  ])("user and password that do not fit are refused", (username, password) => {
    expect(thrown(() => encodeSocks5Auth({ username, password }))).toMatchObject({
      kind: "user",
      code: "SOCKS_AUTH_INVALID",
    });
  });

  test("request: IPv4, IPv6, name", () => {
    expect(hex(encodeSocks5Connect("192.0.2.1", 443))).toBe("05010001" + "c0000201" + "01bb");
    expect(hex(encodeSocks5Connect("2001:db8::1", 8080))).toBe(
      "05010004" + "20010db8000000000000000000000001" + "1f90",
    );
    expect(hex(encodeSocks5Connect("::ffff:192.0.2.1", 80))).toBe(
      "05010004" + "00000000000000000000ffffc0000201" + "0050",
    );
    expect(hex(encodeSocks5Connect("::", 1))).toBe(`05010004${"0".repeat(32)}0001`);
    expect(hex(encodeSocks5Connect("1:2:3:4:5:6:7:8", 1))).toBe(
      "05010004" + "00010002000300040005000600070008" + "0001",
    );
    expect(hex(encodeSocks5Connect("abc.example", 65_535))).toBe("050100030b" + "6162632e6578616d706c65" + "ffff");
  });

  test("a name of 255 octets fits, 256 do not", () => {
    const longest = encodeSocks5Connect("n".repeat(255), 80);
    expect([longest.length, longest[4]]).toEqual([4 + 1 + 255 + 2, 255]);
    expect(thrown(() => encodeSocks5Connect("n".repeat(256), 80))).toMatchObject({
      kind: "user",
      code: "SOCKS_HOST_TOO_LONG",
    });
  });
});

describe("[hyper-229] SOCKS4: what is written, to the byte", () => {
  test("IPv4, with and without a user", () => {
    expect(hex(encodeSocks4Connect("192.0.2.1", 443, ""))).toBe("0401" + "01bb" + "c0000201" + "00");
    expect(hex(encodeSocks4Connect("192.0.2.1", 80, "me"))).toBe("0401" + "0050" + "c0000201" + "6d6500");
  });

  test("SOCKS4a: a name follows the user", () => {
    expect(hex(encodeSocks4Connect("a.example", 80, "me"))).toBe(
      "0401" + "0050" + "00000001" + "6d6500" + "612e6578616d706c65" + "00",
    );
    expect(encodeSocks4Connect("n".repeat(255), 80, "").length).toBe(8 + 1 + 255 + 1);
    expect(thrown(() => encodeSocks4Connect("n".repeat(256), 80, ""))).toMatchObject({ code: "SOCKS_HOST_TOO_LONG" });
  });

  test("hosts that would mean something else are refused", () => {
    for (const host of ["", "a\0b", "0.0.0.1", "0.0.0.0"]) {
      expect(thrown(() => encodeSocks4Connect(host, 80, ""))).toMatchObject({
        kind: "user",
        code: "SOCKS_HOST_INVALID",
      });
    }
    expect(hex(encodeSocks4Connect("0.0.1.0", 80, ""))).toBe("0401" + "0050" + "00000100" + "00");
  });
});

describe("[hyper-229] what is read: every beginning asks for more, and what follows is left", () => {
  test.each([
    ["the method none", decodeMethod, "0500", 0],
    ["the method user and password", decodeMethod, "0502", 2],
    ["no method will do", decodeMethod, "05ff", NO_METHOD],
    ["credentials taken", decodeSocks5AuthStatus, "0100", true],
    ["credentials refused", decodeSocks5AuthStatus, "01ff", false],
    ["granted, IPv4", decodeSocks5Reply, "05000001 c0000201 01bb", { granted: true }],
    ["granted, IPv6", decodeSocks5Reply, `05000004 ${"00".repeat(16)} 01bb`, { granted: true }],
    ["granted, a name", decodeSocks5Reply, "05000003 03 616263 01bb", { granted: true }],
    ["granted, the longest name", decodeSocks5Reply, `05000003 ff ${"61".repeat(255)} 01bb`, { granted: true }],
    ["granted, an empty name", decodeSocks5Reply, "05000003 00 01bb", { granted: true }],
    ["granted, SOCKS4", decodeSocks4Reply, "005a 01bb c0000201", { granted: true }],
  ] as const)("%s", (_, decode, message, value) => {
    const whole = bytes(message);
    for (let length = 0; length < whole.length; length++) expect(decode(whole.subarray(0, length))).toBeUndefined();
    expect(decode(whole)).toEqual({ value, length: whole.length });
    expect(decode(Buffer.concat([whole, bytes("0500ff")]))).toEqual({ value, length: whole.length });
  });

  test("a refusal is one at its second byte, since proxies leave out the rest", () => {
    expect(decodeSocks5Reply(bytes("05"))).toBeUndefined();
    expect(decodeSocks5Reply(bytes("0505"))?.value).toEqual({ granted: false, code: 5 });
    expect(decodeSocks4Reply(bytes("00"))).toBeUndefined();
    expect(decodeSocks4Reply(bytes("005b"))?.value).toEqual({ granted: false, code: 0x5b });
  });

  test.each([
    ["another version", decodeMethod, "04", "the version of SOCKS5 must be 0x05, got 0x04"],
    ["HTTP", decodeMethod, "48545450", "the version of SOCKS5 must be 0x05, got 0x48"],
    ["a method nobody offered", decodeMethod, "0501", "the method 0x01 was not offered"],
    ["another version", decodeSocks5AuthStatus, "05", "the version of SOCKS5 authentication must be 0x01, got 0x05"],
    ["another version", decodeSocks5Reply, "04", "the version of SOCKS5 must be 0x05, got 0x04"],
    ["a reserved byte", decodeSocks5Reply, "050001", "the reserved byte of a SOCKS5 reply must be 0x00, got 0x01"],
    ["an unknown address", decodeSocks5Reply, "05000002", "the address type 0x02 is unknown"],
    ["another version", decodeSocks4Reply, "04", "the version of a SOCKS4 reply must be 0x00, got 0x04"],
  ] as const)("refused at its first wrong byte: %s", (_, decode, message, problem) => {
    expect(thrown(() => decode(bytes(message)))).toMatchObject({
      kind: "connect",
      code: "SOCKS_PROTOCOL",
      message: `the proxy broke the SOCKS protocol: ${problem}`,
    });
  });

  test("every reply code has its reason", () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 255].map(socks5Reason)).toEqual([
      "general failure",
      "connection not allowed by ruleset",
      "network unreachable",
      "host unreachable",
      "connection refused",
      "TTL expired",
      "command not supported",
      "address type not supported",
      "unassigned reply code",
      "unassigned reply code",
    ]);
    expect([0x5b, 0x5c, 0x5d, 0x00].map(socks4Reason)).toEqual([
      "request rejected or failed",
      "it cannot reach identd on this machine",
      "identd on this machine says another user",
      "unassigned reply code",
    ]);
  });
});
