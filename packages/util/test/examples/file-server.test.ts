/** file-server/main.mjs: whole files, ranges, conditions, and no way out of the folder. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { plainClient } from "../support/plain-peer.ts";
import { type Answer, ask, type Version, versions } from "./exchange.ts";
import { type Program, startExample } from "./program.ts";
import { until } from "./support.ts";

const root = mkdtempSync(join(tmpdir(), "sluice-files-"));
const digits = "0123456789".repeat(10);
const long = 32 * 1_048_576;
const modified = new Date("2020-02-02T02:02:02Z");

mkdirSync(join(root, "public", "sub"), { recursive: true });
writeFileSync(join(root, "secret.txt"), "secret");
writeFileSync(join(root, "public", "digits.txt"), digits);
writeFileSync(join(root, "public", "empty.css"), "");
writeFileSync(join(root, "public", ".hidden"), "secret");
writeFileSync(join(root, "public", "sub", "a b.html"), "<p>");
writeFileSync(join(root, "public", "long.bin"), Buffer.alloc(long, "x"));
symlinkSync(join(root, "secret.txt"), join(root, "public", "link.txt"));
symlinkSync(join(root, "public", "digits.txt"), join(root, "public", "inner.txt"));
utimesSync(join(root, "public", "digits.txt"), modified, modified);

afterAll(() => rmSync(root, { recursive: true, force: true }));

const start = (): Promise<Program> => startExample("file-server/main.mjs", "--root", join(root, "public"));

function asking(program: Program, version: Version) {
  return (path: string, fields: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Answer> =>
    ask(program.port, path, { method, fields, version });
}

/** How many files of ours the process has open. */
function openFiles(program: Program): number {
  const folder = `/proc/${program.child.pid}/fd`;
  const files = readdirSync(folder).filter((descriptor) => {
    try {
      return readlinkSync(join(folder, descriptor)).startsWith(root);
    } catch {
      // Closed meanwhile.
      return false;
    }
  });
  return files.length;
}

test.each(versions)("file-server over %s: whole files, HEAD, conditions", async (version) => {
  await using program = await start();
  const get = asking(program, version);
  const whole = await get("/digits.txt");
  const { etag = "" } = whole.fields;
  expect(etag).toMatch(/^"[0-9a-z]+-[0-9a-z]+-2s"$/);
  const validators = { etag, "last-modified": "Sun, 02 Feb 2020 02:02:02 GMT", "accept-ranges": "bytes" };
  const about = { ...validators, "content-type": "text/plain", "x-content-type-options": "nosniff" };
  expect(whole).toEqual({ status: 200, fields: { ...about, "content-length": "100" }, text: digits });
  expect(await get("/digits.txt", {}, "HEAD")).toEqual({ ...whole, text: "" });
  expect(await get("/digits.txt", { range: "bytes=0-1" }, "HEAD")).toEqual({ ...whole, text: "" });
  expect((await get("/empty.css")).fields).toMatchObject({ "content-type": "text/css", "content-length": "0" });
  expect((await get("/sub/a%20b.html")).text).toBe("<p>");
  expect((await get("/inner.txt")).text).toBe(digits);

  const unchanged = { status: 304, fields: validators, text: "" };
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    expect(await get("/digits.txt", { "if-none-match": known })).toEqual(unchanged);
  }
  expect(await get("/digits.txt", { "if-modified-since": "Sun, 02 Feb 2020 02:02:02 GMT" })).toEqual(unchanged);
  for (const fields of [
    { "if-none-match": '"other"' },
    { "if-none-match": '"other"', "if-modified-since": "Sun, 02 Feb 2020 02:02:02 GMT" },
    { "if-modified-since": "Sun, 02 Feb 2020 02:02:01 GMT" },
    { "if-modified-since": "yesterday" },
  ]) {
    expect(await get("/digits.txt", fields)).toEqual(whole);
  }
  expect(await get("/digits.txt", {}, "PUT")).toEqual({
    status: 405,
    fields: { allow: "GET, HEAD, OPTIONS", "content-length": "0" },
    text: "",
  });
  expect(await get("/digits.txt", {}, "OPTIONS")).toMatchObject({
    status: 204,
    fields: { allow: "GET, HEAD, OPTIONS" },
  });
});

test.each(versions)("file-server over %s: ranges", async (version) => {
  await using program = await start();
  const get = asking(program, version);
  const whole = await get("/digits.txt");
  const { etag = "" } = whole.fields;
  const part = (range: string, text: string): Answer => ({
    status: 206,
    fields: { ...whole.fields, "content-range": `bytes ${range}/100`, "content-length": `${text.length}` },
    text,
  });
  const range = (value: string, fields = {}): Promise<Answer> => get("/digits.txt", { range: value, ...fields });
  expect(await range("bytes=0-4")).toEqual(part("0-4", "01234"));
  expect(await range("Bytes=98-")).toEqual(part("98-99", "89"));
  expect(await range("bytes=98-1000")).toEqual(part("98-99", "89"));
  expect(await range("bytes=-3")).toEqual(part("97-99", "789"));
  expect(await range("bytes=-1000")).toEqual(part("0-99", digits));
  expect(await range("bytes=, 5-5 ,200-300")).toEqual(part("5-5", "5"));
  // Malformed, of other units, overlapping, too many: as if it was not there.
  const many = `bytes=${Array.from({ length: 17 }, (_, at) => `${at}-${at}`).join()}`;
  for (const value of ["bytes=5-4", "bytes=a-b", "bytes=-", "bytes=", "lines=0-1", "bytes=0-,0-", many]) {
    expect(await range(value)).toEqual(whole);
  }
  const { "content-type": _, "content-length": __, "x-content-type-options": ___, ...rest } = whole.fields;
  for (const value of ["bytes=100-", "bytes=200-300", "bytes=-0", "bytes=100-,-0"]) {
    expect(await range(value)).toEqual({
      status: 416,
      fields: { ...rest, "content-range": "bytes */100", "content-length": "0" },
      text: "",
    });
  }
  expect((await get("/empty.css", { range: "bytes=0-" })).fields["content-range"]).toBe("bytes */0");

  expect((await range("bytes=0-0", { "if-range": etag })).status).toBe(206);
  expect((await range("bytes=0-0", { "if-range": "Sun, 02 Feb 2020 02:02:02 GMT" })).status).toBe(206);
  for (const other of [`W/${etag}`, '"other"', "Sun, 02 Feb 2020 02:02:03 GMT"]) {
    expect(await range("bytes=0-0", { "if-range": other })).toEqual(whole);
  }
  expect((await range("bytes=0-0", { "if-none-match": etag })).status).toBe(304);

  const several = await range("bytes=0-1,-2");
  const boundary = /^multipart\/byteranges; boundary=([0-9a-f]{24})$/.exec(several.fields["content-type"] ?? "")?.[1];
  const text =
    `--${boundary}\r\ncontent-type: text/plain\r\ncontent-range: bytes 0-1/100\r\n\r\n01\r\n` +
    `--${boundary}\r\ncontent-type: text/plain\r\ncontent-range: bytes 98-99/100\r\n\r\n89\r\n--${boundary}--\r\n`;
  expect(several).toEqual({
    status: 206,
    fields: {
      ...whole.fields,
      "content-type": `multipart/byteranges; boundary=${boundary}`,
      "content-length": `${text.length}`,
    },
    text,
  });
});

test("file-server: no path leads out of the folder, or to what is no file", async () => {
  await using program = await start();
  const paths = [
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/sub/../../secret.txt",
    "/..%2fsecret.txt",
    "/..\\secret.txt",
  ];
  paths.push("/link.txt", "/.hidden", "/sub", "/sub/", "/", "//digits.txt", "/digits.txt/", "/digits.txt%00", "/%zz");
  paths.push("/digits.txt/x", `/${"a".repeat(5_000)}`, "/none");
  for (const path of paths) {
    using peer = await plainClient(program.port);
    // As it stands: a client would put it in order.
    peer.send(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
    await peer.outcome();
    expect([path, peer.received.split("\r\n")[0]]).toEqual([path, expect.stringMatching(/^HTTP\/1\.1 40[04] /)]);
    expect(peer.received).not.toContain("secret");
  }
});

test.skipIf(process.platform !== "linux")(
  "file-server: whatever becomes of an answer, its file is closed",
  async () => {
    await using program = await start();
    for (const version of versions) {
      const get = asking(program, version);
      await Promise.all([
        ...[get("/digits.txt"), get("/digits.txt", {}, "HEAD"), get("/digits.txt", { range: "bytes=1-2" })],
        ...[get("/digits.txt", { range: "bytes=100-" }), get("/digits.txt", { "if-none-match": "*" })],
        ...[get("/empty.css"), get("/empty.css", {}, "HEAD"), get("/long.bin", {}, "HEAD"), get("/sub")],
      ]);
    }
    await until(() => openFiles(program) === 0);
    // A client that does not read, and then leaves.
    const peer = await plainClient(program.port);
    peer.socket.pause();
    peer.send("GET /long.bin HTTP/1.1\r\nhost: a\r\n\r\n");
    await until(() => openFiles(program) === 1);
    peer.socket.resetAndDestroy();
    await until(() => openFiles(program) === 0);
    expect(await program.stop()).toBe(0);
    expect(program.lines).toEqual([]);
  },
);

test("file-server: a file that becomes shorter while it is sent is not taken for whole", async () => {
  await using program = await start();
  const path = join(root, "public", "shrinks.bin");
  writeFileSync(path, Buffer.alloc(long, "x"));
  using peer = await plainClient(program.port);
  peer.socket.pause();
  peer.send("GET /shrinks.bin HTTP/1.1\r\nhost: a\r\n\r\n");
  await new Promise((resolve) => peer.socket.once("readable", resolve));
  truncateSync(path, 10);
  peer.socket.resume();
  await peer.outcome();
  expect(peer.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(peer.received.length).toBeLessThan(long);
});
