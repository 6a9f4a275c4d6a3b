import { inspect } from "node:util";
import { HttpError } from "@sluice/core";
import {
  block,
  fakeTimer,
  type ScriptedIo,
  type ScriptedIoOptions,
  type ScriptStep,
  scriptedIo,
} from "@sluice/util/memory";
import { describe, expect, test } from "vitest";
import { bytes, failure, readToEnd, settle } from "../../../test/support/io.ts";
import { Connected, type Connector, type ConnectTarget } from "../connector.ts";
import type { ResolvedAddress, Resolver } from "../dns/resolver.ts";
import { type SocksOptions, socks } from "./socks.ts";

const named: ConnectTarget = { scheme: "https", host: "origin.example", port: 443 };
const ipv4: ConnectTarget = { scheme: "http", host: "192.0.2.9", port: 80 };
const ipv6: ConnectTarget = { scheme: "http", host: "2001:db8::9", port: 80 };

const hex = (message: Uint8Array): string => Buffer.from(message).toString("hex");
const message = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex");

/** A resolver that gives these batches, and one that fails. */
function resolving(...batches: readonly (readonly string[])[]): Resolver & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async *resolve(host) {
      asked.push(host);
      for (const batch of batches) {
        yield batch.map((address): ResolvedAddress => ({ address, family: address.includes(":") ? 6 : 4 }));
      }
    },
  };
}

const nobody: Resolver = {
  resolve: () => {
    throw new Error("nothing was to be resolved");
  },
};

interface Talk {
  readonly io: ScriptedIo;
  readonly outcome: Promise<Connected>;
  readonly asked: ConnectTarget[];
}

/** What happens with a proxy that says `answer`, each piece when everything before it was taken. */
async function talk(
  answer: readonly ScriptStep[],
  options: SocksOptions,
  target: ConnectTarget = named,
  ioOptions: ScriptedIoOptions = {},
): Promise<Talk> {
  const io = scriptedIo(answer, { timer: fakeTimer(), ...ioOptions });
  const asked: ConnectTarget[] = [];
  const inner: Connector = async (to) => {
    asked.push(to);
    return new Connected(io, { timings: { tcpMs: 3 } });
  };
  const outcome = socks({ inner, resolver: nobody, ...options })(target);
  outcome.catch(() => {});
  await settle();
  return { io, outcome, asked };
}

/** What the client wrote, one item for each turn of the talk. */
function turns(io: ScriptedIo): string[] {
  return io.writes.map(hex);
}

async function refusal(answer: readonly ScriptStep[], options: SocksOptions, target = named): Promise<HttpError> {
  const { io, outcome } = await talk(answer, options, target);
  const error = await failure(outcome);
  expect(io.isAborted).toBe(true);
  if (!HttpError.is(error)) throw error;
  return error;
}

const noAuth = message("0500");
const wantsUser = message("0502");
const userTaken = message("0100");
const granted = message("05000001 00000000 0000");
const granted4 = message("005a 0000 00000000");
const nameRequest = `05010003 0e ${Buffer.from("origin.example").toString("hex")} 01bb`.replaceAll(" ", "");

/** The answer as one read, as single bytes, and with the first bytes of the tunnel in the same read. */
const deliveries: readonly (readonly [string, ScriptedIoOptions])[] = [
  ["as it was sent", {}],
  ["in single bytes", { tear: [1] }],
  ["in threes", { tear: [3] }],
];

/** The tunnel carries what came right behind the answer, and what is written. */
async function expectTunnel({ io, outcome }: Talk): Promise<Connected> {
  const connected = await outcome;
  io.takeWritten();
  expect(await readToEnd(connected.io)).toBe("early bytes");
  connected.io.write([bytes("hello")]);
  expect([io.writtenText, io.isAborted]).toEqual(["hello", false]);
  return connected;
}

describe.each(deliveries)("[hyper-227] SOCKS5, the answers %s", (_, ioOptions) => {
  const open = (answer: readonly Uint8Array[], options: SocksOptions, target?: ConnectTarget): Promise<Talk> => {
    const last = answer.at(-1) ?? new Uint8Array(0);
    const pieces = [...answer.slice(0, -1), Buffer.concat([last, bytes("early")])];
    return talk([...pieces, " bytes", null], options, target, ioOptions);
  };

  test("without credentials; the proxy resolves", async () => {
    const opened = await open([noAuth, granted], { proxy: "socks5h://proxy.example" });
    expect(opened.asked).toEqual([{ scheme: "http", host: "proxy.example", port: 1080 }]);
    expect(turns(opened.io)).toEqual(["050100", nameRequest]);
    await expectTunnel(opened);
  });

  test("with user and password", async () => {
    const opened = await open([wantsUser, userTaken, granted], { proxy: "socks5h://us%65r:pass@proxy.example:9050" });
    expect(opened.asked).toEqual([{ scheme: "http", host: "proxy.example", port: 9050 }]);
    expect(turns(opened.io)).toEqual(["05020002", "010475736572" + "0470617373", nameRequest]);
    await expectTunnel(opened);
  });

  test("with user and password that the proxy does not want", async () => {
    const opened = await open([noAuth, granted], { proxy: "socks5h://user:pass@proxy.example" });
    expect(turns(opened.io)).toEqual(["05020002", nameRequest]);
    await expectTunnel(opened);
  });

  test("the name resolved here: its first address, of either family", async () => {
    const resolver = resolving(["2001:db8::1", "192.0.2.1"]);
    const opened = await open([noAuth, granted], { proxy: "socks5://proxy.example", resolver });
    expect(turns(opened.io)).toEqual(["050100", "05010004" + "20010db8000000000000000000000001" + "01bb"]);
    expect(resolver.asked).toEqual(["origin.example"]);
    const connected = await expectTunnel(opened);
    expect(Object.keys(connected.timings).sort()).toEqual(["dnsMs", "proxyMs", "tcpMs"]);
  });

  test("addresses are told as they are, wherever names are resolved", async () => {
    for (const proxy of ["socks5://proxy.example", "socks5h://proxy.example"]) {
      const four = await open([noAuth, granted], { proxy }, ipv4);
      expect(turns(four.io)).toEqual(["050100", "05010001" + "c0000209" + "0050"]);
      await expectTunnel(four);
      const six = await open([noAuth, granted], { proxy }, ipv6);
      expect(turns(six.io)).toEqual(["050100", "05010004" + "20010db8000000000000000000000009" + "0050"]);
      await expectTunnel(six);
    }
  });

  test("optimistic: everything at once, and the answers in any number of reads", async () => {
    const plain = await open([Buffer.concat([noAuth, granted])], { proxy: "socks5h://p", optimistic: true });
    expect(turns(plain.io)).toEqual([`050100${nameRequest}`]);
    await expectTunnel(plain);
    for (const answer of [[wantsUser, userTaken, granted], [Buffer.concat([wantsUser, userTaken, granted])]]) {
      const opened = await open(answer, { proxy: "socks5h://user:pass@p", optimistic: true });
      expect(turns(opened.io)).toEqual([`050102010475736572${"0470617373"}${nameRequest}`]);
      await expectTunnel(opened);
    }
  });

  test("a bound address of every kind", async () => {
    for (const reply of ["05000003 03 616263 1234", `05000004 ${"11".repeat(16)} 1234`, "05000003 00 1234"]) {
      await expectTunnel(await open([noAuth, message(reply)], { proxy: "socks5h://p" }));
    }
  });
});

describe.each(deliveries)("[hyper-228] SOCKS4 and 4a, the answer %s", (_, ioOptions) => {
  const open = (options: SocksOptions, target?: ConnectTarget): Promise<Talk> =>
    talk([Buffer.concat([granted4, bytes("early")]), " bytes", null], options, target, ioOptions);

  test("4a: the proxy resolves; the user is the one in the URL", async () => {
    const name = Buffer.from("origin.example").toString("hex");
    const opened = await open({ proxy: "socks4a://me@proxy.example" });
    expect(turns(opened.io)).toEqual([`0401${"01bb"}00000001${"6d6500"}${name}00`]);
    await expectTunnel(opened);
  });

  test("4: the name is resolved here, and only IPv4 will do, even in a later batch", async () => {
    const resolver = resolving(["2001:db8::1"], ["2001:db8::2", "192.0.2.1"]);
    const opened = await open({ proxy: "socks4://proxy.example", resolver });
    expect(turns(opened.io)).toEqual(["0401" + "01bb" + "c0000201" + "00"]);
    await expectTunnel(opened);
  });

  test("an IPv4 address is told as it is by both", async () => {
    for (const proxy of ["socks4://p", "socks4a://p"]) {
      const opened = await open({ proxy }, ipv4);
      expect(turns(opened.io)).toEqual(["0401" + "0050" + "c0000209" + "00"]);
      await expectTunnel(opened);
    }
  });
});

describe("[hyper-228] SOCKS4 knows no IPv6", () => {
  const unsupported = { kind: "connect", code: "SOCKS_IPV6_UNSUPPORTED" };

  test("an IPv6 target is refused before anybody is connected to", async () => {
    for (const proxy of ["socks4://p", "socks4a://p"]) {
      const { outcome, asked } = await talk([], { proxy }, ipv6);
      expect(await failure(outcome)).toMatchObject(unsupported);
      expect(asked).toEqual([]);
    }
  });

  test("so is a name that has no IPv4 address", async () => {
    const { outcome, asked } = await talk([], { proxy: "socks4://p", resolver: resolving(["2001:db8::1"], ["::1"]) });
    expect(await failure(outcome)).toMatchObject(unsupported);
    expect(asked).toEqual([]);
  });
});

describe("SOCKS: a proxy that does not grant it", () => {
  const five = { proxy: "socks5h://proxy.example" };
  const four = { proxy: "socks4a://proxy.example" };

  test.each([
    ["01", "0x01: general failure"],
    ["02", "0x02: connection not allowed by ruleset"],
    ["03", "0x03: network unreachable"],
    ["04", "0x04: host unreachable"],
    ["05", "0x05: connection refused"],
    ["06", "0x06: TTL expired"],
    ["07", "0x07: command not supported"],
    ["08", "0x08: address type not supported"],
    ["ff", "0xff: unassigned reply code"],
  ])("SOCKS5 reply %s", async (code, reason) => {
    for (const rest of ["", "0001 00000000 0000"]) {
      expect(await refusal([noAuth, message(`05${code}${rest}`), null], five)).toMatchObject({
        kind: "connect",
        code: "SOCKS_REFUSED",
        message: `the SOCKS5 proxy refused with ${reason}`,
      });
    }
  });

  test.each([
    ["5b", "SOCKS_REFUSED", "0x5b: request rejected or failed"],
    ["5c", "SOCKS_AUTH_FAILED", "0x5c: it cannot reach identd on this machine"],
    ["5d", "SOCKS_AUTH_FAILED", "0x5d: identd on this machine says another user"],
    ["00", "SOCKS_REFUSED", "0x00: unassigned reply code"],
  ])("SOCKS4 reply %s", async (byte, code, reason) => {
    expect(await refusal([message(`00${byte} 0000 00000000`)], four)).toMatchObject({
      kind: "connect",
      code,
      message: `the SOCKS4 proxy refused with ${reason}`,
    });
  });

  test("credentials: wanted, not taken, of no use", async () => {
    const user = { proxy: "socks5h://Aladdin:sesame@proxy.example" };
    for (const [answer, options, code] of [
      [["05ff"], five, "SOCKS_AUTH_REQUIRED"],
      [["05ff"], user, "SOCKS_AUTH_UNSUPPORTED"],
      [["0502", "0101"], user, "SOCKS_AUTH_FAILED"],
      [["05ff"], { ...five, optimistic: true }, "SOCKS_AUTH_REQUIRED"],
      [["0502", "0101"], { ...user, optimistic: true }, "SOCKS_AUTH_FAILED"],
    ] as const) {
      expect(await refusal(answer.map(message), options)).toMatchObject({ kind: "connect", code });
    }
  });

  test("[hyper-229] what is not SOCKS is refused at its first wrong byte, whatever follows", async () => {
    for (const [answer, options] of [
      ["HTTP/1.1 400 Bad Request\r\n", five],
      ["\x05\x01", five],
      ["\x05\x02", five],
      ["\x05\x00\x05\x00\x01", five],
      ["\x05\x00\x05\x00\x00\x02", five],
      ["\x04", four],
      ["HTTP/1.1 400 Bad Request\r\n", four],
    ] as const) {
      expect(await refusal([answer], options)).toMatchObject({ kind: "connect", code: "SOCKS_PROTOCOL" });
    }
  });

  test("the end of the stream within any answer, and a reset", async () => {
    const whole = Buffer.concat([noAuth, granted]);
    for (let length = 0; length < whole.length; length++) {
      const begun = length === 0 ? [] : [whole.subarray(0, length)];
      expect(await refusal([...begun, null], five)).toMatchObject({ kind: "connect", code: "SOCKS_CLOSED" });
    }
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    expect(await refusal([noAuth, reset], five)).toMatchObject({ kind: "connect", code: "ECONNRESET" });
  });

  test("[pool-31] no error shows the credentials, however deep one looks", async () => {
    const user = { proxy: "socks5h://Aladdin:sesame@proxy.example" };
    const echo = Buffer.concat([wantsUser, bytes("Aladdin sesame")]);
    for (const answer of [[echo], [wantsUser, message("0101")], [wantsUser, userTaken, message("0502")], [null]]) {
      const error = await refusal(answer, user);
      expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/Aladdin|sesame/);
    }
  });
});

describe("SOCKS: names and limits", () => {
  test("a target that cannot be named is refused before anybody is asked", async () => {
    for (const [host, port, code] of [
      ["", 443, "HOST_MISSING"],
      ["a\0b", 443, "HOST_INVALID"],
      ["n".repeat(300), 443, "HOST_INVALID"],
      ["fe80::1%eth0", 443, "HOST_INVALID"],
      ["a.example", 65_536, "PORT_INVALID"],
    ] as const) {
      for (const proxy of ["socks4a://p", "socks5h://p"]) {
        const { outcome, asked } = await talk([], { proxy }, { scheme: "https", host, port });
        expect(await failure(outcome)).toMatchObject({ kind: "user", code });
        expect(asked).toEqual([]);
      }
    }
  });

  test("a resolver that fails, or finds nothing, is heard before anybody is connected to", async () => {
    const missing = new HttpError("connect", "ENOTFOUND", "no such name");
    const failing: Resolver = {
      async *resolve() {
        yield [];
        throw missing;
      },
    };
    const failed = await talk([], { proxy: "socks5://p", resolver: failing });
    expect(await failure(failed.outcome)).toBe(missing);
    const empty = await talk([], { proxy: "socks5://p", resolver: resolving([]) });
    expect(await failure(empty.outcome)).toMatchObject({ kind: "connect", code: "ENOTFOUND" });
    expect([...failed.asked, ...empty.asked]).toEqual([]);
  });

  test("timeoutMs, 10,000 by default, for all answers together; no alarm is left", async () => {
    for (const [options, limit] of [
      [{ proxy: "socks5h://u:secret@p" }, 10_000],
      [{ proxy: "socks5h://u:secret@p", timeoutMs: 70 }, 70],
    ] as const) {
      const timer = fakeTimer();
      const { io, outcome } = await talk([block, wantsUser, userTaken], options, named, { timer });
      timer.advance(limit - 1);
      io.resume();
      await settle();
      expect(io.isAborted).toBe(false);
      timer.advance(1);
      expect(await failure(outcome)).toMatchObject({
        kind: "timeout",
        message: `asking the proxy socks5h://***@p:1080 for a connection took longer than timeoutMs allows (${limit} ms)`,
      });
      expect([io.isAborted, timer.pending]).toEqual([true, 0]);
    }
    const timer = fakeTimer();
    const { outcome } = await talk([noAuth, granted], { proxy: "socks5h://p" }, named, { timer });
    await outcome;
    expect(timer.pending).toBe(0);
  });

  test("by its signal: while the name is resolved, and while the proxy is asked", async () => {
    const reason = new Error("enough");
    const canceled = { kind: "canceled", code: "CANCELED", cause: reason };
    const resolver: Resolver = {
      async *resolve() {
        await new Promise(() => {});
      },
    };
    const early = new AbortController();
    const io = scriptedIo([noAuth], { timer: fakeTimer() });
    const asked: ConnectTarget[] = [];
    const inner: Connector = async (to) => {
      asked.push(to);
      return new Connected(io);
    };
    const resolved = failure(socks({ proxy: "socks5://p", inner, resolver })(named, early.signal));
    early.abort(reason);
    expect(await resolved).toMatchObject(canceled);
    expect(asked).toEqual([]);

    const late = new AbortController();
    const outcome = failure(socks({ proxy: "socks5h://p", inner })(named, late.signal));
    await settle();
    expect(turns(io)).toEqual(["050100", nameRequest]);
    late.abort(reason);
    expect(await outcome).toMatchObject(canceled);
    expect(io.isAborted).toBe(true);
  });

  test("a transport that takes no more is waited for", async () => {
    const { io, outcome } = await talk([noAuth, granted], { proxy: "socks5h://p" }, named, { capacityBytes: 1 });
    expect(turns(io)).toEqual(["050100"]);
    io.drain();
    await settle();
    expect(turns(io)).toEqual(["050100", nameRequest]);
    io.drain();
    await outcome;
  });

  test("options that make no sense throw at once", () => {
    const refused = (options: object): string => {
      try {
        socks(options as SocksOptions);
      } catch (error) {
        return `${error}`;
      }
      return "taken";
    };
    expect(refused({ proxy: "http://h" })).toBe("TypeError: socks: proxy must be one of SOCKS, but is one of http");
    expect(refused({ proxy: "h:1080" })).toBe("TypeError: socks: proxy must be one of SOCKS, but is one of http");
    expect(refused({ proxy: "socks5://h", auth: { username: "u", password: "s".repeat(256) } })).toBe(
      "TypeError: socks: proxy: the password must be 0 to 255 octets of UTF-8, but is 256",
    );
    expect(refused({ proxy: "socks5://h", optimistic: 1 })).toMatch(/^TypeError: socks: optimistic /);
    expect(refused({ proxy: "socks5://h", resolver: {} })).toMatch(/^TypeError: socks: resolver /);
    expect(refused({ proxy: "socks5://h", timeoutMs: Number.NaN })).toMatch(/^RangeError: socks: timeoutMs /);
    expect(refused({ proxy: "socks5://h", headers: {} })).toBe("TypeError: socks: unknown option headers");
  });
});
