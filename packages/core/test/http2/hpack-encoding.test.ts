/**
 * How fields are encoded on a connection (RFC 7541 sections 4.2, 6, 7.1): table sizes as the peer's SETTINGS have them,
 * each change told at the start of the next block, and secrets in no table.
 */
import { HeaderMap } from "@sluice/body";
import { HttpRequest, HttpResponse } from "@sluice/core";
import type * as http2 from "@sluice/core/http2";
import { describe, expect, test } from "vitest";
import { HpackEncoder } from "../../src/h2/hpack/encoder.ts";
import { connectH2, send } from "./support/client.ts";
import { expectFrames } from "./support/expectations.ts";
import { encodeLines, type Line } from "./support/hpack.ts";
import { join } from "./support/joined.ts";
import { get } from "./support/messages.ts";
import { hex, toHex } from "./support/octets.ts";
import type { SettingEntries } from "./support/peer.ts";
import type { Headers } from "./support/received.ts";
import { roles } from "./support/roles.ts";
import { serveH2 } from "./support/server.ts";
import type { UnderTest } from "./support/under-test.ts";

interface Sending {
  readonly target: UnderTest;
  /** Has the connection send a field section with these fields, and returns its HEADERS frame. */
  headers(fields: HeaderMap | readonly Line[]): Promise<Headers>;
}

async function sending(role: "client" | "server", options: http2.CommonOptions = {}): Promise<Sending> {
  let fields = new HeaderMap();
  let streamId = -1;
  const answer = (): HttpResponse => new HttpResponse(200, fields);
  const client = role === "client" ? await connectH2(options) : undefined;
  const target = client ?? (await serveH2(answer, options));
  return {
    target,
    headers: async (next) => {
      fields = HeaderMap.is(next) ? next : new HeaderMap(next);
      streamId += 2;
      if (client === undefined) target.peer.headers(streamId, get(), { endStream: true });
      else send(client, new HttpRequest("GET", "http://a.test/", fields));
      await target.run();
      const frame = target.peer.frames.findLast((other) => other.type === "HEADERS");
      if (frame?.type !== "HEADERS" || frame.streamId !== streamId) throw new Error("no HEADERS were sent");
      return frame;
    },
  };
}

const line: Line = ["x-entry", "a value that is put into the table"];

/** The table size updates that a block starts with, in hexadecimal, and whether it refers to the dynamic table. */
function startOf({ fragment }: Headers): string {
  const octets = [...fragment];
  let text = "";
  while (octets.length > 0 && (octets[0] as number) >> 5 === 1) {
    const first = octets.shift() as number;
    text += first.toString(16);
    if (first < 0x3f) continue;
    for (let more = 0x80; more >= 0x80; ) {
      more = octets.shift() as number;
      text += more.toString(16).padStart(2, "0");
    }
  }
  return text;
}

describe.each(roles)("a %s", (role) => {
  const changes: readonly (readonly [SettingEntries, string, http2.CommonOptions?])[] = [
    [
      [
        ["HEADER_TABLE_SIZE", 2048],
        ["HEADER_TABLE_SIZE", 4096],
      ],
      "3fe10f3fe11f",
    ],
    [
      [
        ["HEADER_TABLE_SIZE", 16_384],
        ["HEADER_TABLE_SIZE", 2048],
      ],
      "3fe10f",
    ],
    [[["HEADER_TABLE_SIZE", 4096]], ""],
    [[["HEADER_TABLE_SIZE", 2048]], "3fe10f"],
    [[["HEADER_TABLE_SIZE", 0]], "20"],
    [
      [
        ["HEADER_TABLE_SIZE", 0],
        ["HEADER_TABLE_SIZE", 100],
      ],
      "203f45",
    ],
    [
      [
        ["HEADER_TABLE_SIZE", 100],
        ["HEADER_TABLE_SIZE", 0],
        ["HEADER_TABLE_SIZE", 200],
        ["HEADER_TABLE_SIZE", 50],
      ],
      "203f13",
    ],
    // As much as the peer allows, but no more than we want.
    [[["HEADER_TABLE_SIZE", 16_384]], ""],
    [[["HEADER_TABLE_SIZE", 16_384]], "3fe17f", { encoderTableBytes: 65_536 }],
    [[["HEADER_TABLE_SIZE", 2 ** 32 - 1]], "3fe1ff03", { encoderTableBytes: 65_536 }],
    [[["HEADER_TABLE_SIZE", 2 ** 32 - 1]], "", { encoderTableBytes: 4096 }],
  ];
  for (const [entries, update, options] of changes) {
    const values = (entries as readonly (readonly [string, number])[]).map(([, value]) => value).join(", ");
    const why = options === undefined ? "" : ` with ${JSON.stringify(options)}`;
    for (const frames of ["one frame", "a frame each"]) {
      test(`[h2-335] HEADER_TABLE_SIZE ${values} in ${frames}${why}: the next block starts with "${update}"`, async () => {
        const { target, headers } = await sending(role, options);
        expect(startOf(await headers([line]))).toBe("");
        target.peer.batch(() => {
          if (frames === "one frame") target.peer.settings(entries);
          else
            for (const entry of entries as readonly (readonly ["HEADER_TABLE_SIZE", number])[])
              target.peer.settings([entry]);
        });
        // The peer decodes all of it, and insists on an update where there must be one (RFC 9113 4.3.1).
        expect(startOf(await headers([line]))).toBe(update);
        expect(startOf(await headers([line]))).toBe("");
      });
    }
  }

  test("[h2-335] no more than was told is used while our own limit is the smaller one", async () => {
    const { headers } = await sending(role, { encoderTableBytes: 0 });
    const first = await headers([line]);
    expect(startOf(first)).toBe("20");
    expect((await headers([line])).length).toBe(first.length - 1);
  });

  test("[h2-336] with a table size of 0 all that is not in the static table is a literal, every time", async () => {
    const { target, headers } = await sending(role);
    const [whole, short] = [await headers([line]), await headers([line])];
    expect(short.length).toBeLessThan(10);
    target.peer.settings({ HEADER_TABLE_SIZE: 0 });
    const third = await headers([line]);
    expect(startOf(third)).toBe("20");
    expect(third.length).toBeGreaterThanOrEqual(whole.length);
    const fourth = await headers([line]);
    expect(toHex(fourth.fragment)).toBe(toHex(third.fragment.subarray(1)));
  });

  test("[h2-340] credentials and short cookies are never indexed, long cookies and all else are", async () => {
    const { headers } = await sending(role);
    const fields: readonly Line[] = [
      ["authorization", "Bearer abcdefghijklmnopqrstuvwxyz"],
      ["proxy-authorization", "Basic abcdefghijklmnopqrstuvwxyz"],
      ["cookie", "short=0123456789"],
      ["cookie", "long=01234567890123456789"],
      line,
    ];
    const never = ["authorization", "proxy-authorization", "cookie"];
    const first = await headers(fields);
    const second = await headers(fields);
    expect([first.sensitive, second.sensitive]).toEqual([never, never]);
    // Two octets less for each of the two that are in the table by now would not be much; it is their values.
    expect(first.length - second.length).toBeGreaterThan(30);
  });

  test("[h2-340] what the program marks is never indexed", async () => {
    const fields = new HeaderMap();
    fields.append("x-token", "0123456789abcdef0123456789abcdef", { sensitive: true });
    fields.append("x-other", "0123456789abcdef0123456789abcdef");
    const { headers } = await sending(role);
    expect((await headers(fields)).sensitive).toEqual(["x-token"]);
    expect((await headers(fields)).sensitive).toEqual(["x-token"]);
  });

  test("[h2-341] the same field section again is an octet for each line that is worth it", async () => {
    const { headers } = await sending(role);
    const fields: readonly Line[] = [
      line,
      ["x-entry", "another value"],
      ["x-entry", "a third"],
      ["accept", "text/plain"],
    ];
    const [first, second, third] = [await headers(fields), await headers(fields), await headers(fields)];
    expect(first.length).toBeGreaterThan(40);
    // A server's content-length is never put into the table: index and value take four octets.
    expect(second.length).toBe(role === "client" ? 8 : 1 + 4 + 4);
    expect(toHex(third.fragment)).toBe(toHex(second.fragment));
  });

  test("[h2-346] fields arrive as they were, however the peer changes the table's size in between", async () => {
    const { target, headers } = await sending(role, { encoderTableBytes: 8192 });
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 300; round++) {
      for (let count = random(3); count > 0; count--) {
        target.peer.settings({ HEADER_TABLE_SIZE: random(2) === 0 ? random(200) : random(10_000) });
      }
      const fields = Array.from(
        { length: random(12) },
        (): Line => [`x-${random(20)}`, `${random(30)}`.repeat(1 + random(20))],
      );
      const frame = await headers(fields);
      const regular = frame.fields?.filter(([name]) => name.startsWith("x-"));
      expect(regular).toEqual(fields);
      if (role === "client") target.peer.rst(frame.streamId, "CANCEL");
    }
  });
});

describe("what a server is sent", () => {
  /** Sends back what it gets. */
  const echo = (request: HttpRequest): HttpResponse => new HttpResponse(200, request.headers);

  test("[h2-339] never-indexed fields stay so when they are sent on", async () => {
    const server = await serveH2(echo);
    const lines = get("/", ["x-secret", "s"], ["x-public", "p"], ["authorization", "a"]);
    server.peer.headers(
      1,
      encodeLines(
        new HpackEncoder(),
        lines,
        lines.map(([name]) => name === "x-secret"),
      ),
      {
        endStream: true,
      },
    );
    await server.run();
    const frame = server.peer.takeFrames().find((other) => other.type === "HEADERS");
    expect(frame?.fields?.slice(1, 4)).toEqual(lines.slice(4));
    expect(frame?.sensitive).toEqual(["x-secret", "authorization"]);
  });

  test("[h2-337] a field larger than the table empties it and is delivered all the same", async () => {
    const server = await serveH2(echo, { headerTableBytes: 100 });
    const seen = (streamId: number, ...fields: readonly string[]): string =>
      ["HEADERS", streamId, "END_STREAM :status=200", ...fields, "content-length=0"].join(" ");
    const encoder = new HpackEncoder();
    encoder.setAllowedTableBytes(100);
    server.peer.headers(1, encodeLines(encoder, get("/", ["x-a", "1"])), { endStream: true });
    await expectFrames(server, [seen(1, "x-a=1")]);
    const value = "v".repeat(70);
    // `:authority` and `x-a` are in the table by now; `x-b` with incremental indexing is too large for it.
    const large = [...hex("82 86 84 40 03 782d62 46"), ...Buffer.from(value)];
    server.peer.headers(3, Uint8Array.from([...hex("41 06"), ...Buffer.from("a.test"), ...large]), { endStream: true });
    await expectFrames(server, [seen(3, `x-b=<70 octets>`)]);
    server.peer.headers(5, hex("82 86 84 be"), { endStream: true });
    await server.run();
    expect(server.peer.take()).toEqual([
      "GOAWAY 3 COMPRESSION_ERROR: HPACK: an index must be from 1 to 61, got 62 (RFC 7541 2.3.3)",
    ]);
  });
});

test("[h2-345, h2-346] a client and a server of ours understand each other with tables of any sizes", async () => {
  for (const [headerTableBytes, encoderTableBytes] of [
    [4096, 4096],
    [0, 4096],
    [4096, 0],
    [100, 65_536],
    [65_536, 65_536],
    [65_536, 100],
  ] as const) {
    const options = { headerTableBytes, encoderTableBytes };
    const { sender, run } = await join((request) => new HttpResponse(200, request.headers), {
      client: options,
      server: options,
    });
    for (let round = 0; round < 50; round++) {
      const fields: readonly Line[] = Array.from(
        { length: 5 },
        (_, at): Line => [`x-${(round * at) % 7}`, `value ${round % 5} of ${at}`],
      );
      const pending = sender.send(new HttpRequest("GET", "http://a.test/", fields));
      await run();
      const response = await pending;
      expect([...response.headers].filter(([name]) => name.startsWith("x-"))).toEqual(fields);
    }
  }
});

test("[h2-348] nothing is kept of the names a peer makes up, but for what is in its table", () => {
  // The decoder has no cache of names. The encoder's records of names go with the entries of its table.
  const encoder = new HpackEncoder();
  const before = encoder.table.names;
  for (let at = 0; at < 20_000; at++) encodeLines(encoder, [[`x-${at}`, "v"]]);
  expect(encoder.table.count).toBeLessThan(4096 / 32);
  expect(encoder.table.names - before).toBeLessThanOrEqual(encoder.table.count);
});
