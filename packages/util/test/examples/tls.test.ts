/** tls.mjs: what is agreed on, renewal, client certificates. */
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { afterAll, expect, test } from "vitest";
import { ca, leaf, tlsFixture } from "../support/tls-fixtures.ts";
import { type Program, startExample } from "./program.ts";
import { newClient, received } from "./support.ts";

const scratch = mkdtempSync(join(tmpdir(), "sluice-tls-example-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const [cert, key] = [join(scratch, "cert.pem"), join(scratch, "key.pem")];

function install(name: string): void {
  copyFileSync(tlsFixture(`${name}-cert.pem`), cert);
  copyFileSync(tlsFixture(`${name}-key.pem`), key);
}

async function start(...args: string[]): Promise<Program> {
  install("localhost");
  return await startExample("tls.mjs", "--cert", cert, "--key", key, ...args);
}

/** A finished handshake, or the code of why there is none. */
async function handshake(program: Program, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port: program.port, host: "127.0.0.1", servername: "localhost", ca, ...options });
  await once(socket, "secureConnect");
  return socket;
}

const url = (program: Program): string => `https://localhost:${program.port}/`;

test("tls.mjs: both versions by ALPN, HSTS, no TLS 1.1", async () => {
  await using program = await start();
  for (const [version, alpn] of [
    ["http1", "http/1.1"],
    ["http2", "h2"],
  ] as const) {
    await using client = newClient({ version });
    const answer = await received(await client.get(url(program)));
    expect(answer.text).toBe(`${alpn} over TLSv1.3 for anybody\n`);
    expect(Object.fromEntries(answer.fields)["strict-transport-security"]).toBe("max-age=63072000; includeSubDomains");
  }
  const old = handshake(program, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" });
  await expect(old).rejects.toThrow();
  expect(await program.printed(1)).toEqual([expect.stringMatching(/^handshake failed: protocol ERR_SSL_[A-Z_]+$/)]);
  expect(await program.stop()).toBe(0);
});

test("tls.mjs: renewed certificates are for new connections; files that cannot be used change nothing", async () => {
  await using program = await start();
  const renew = async (count: number): Promise<string | undefined> => {
    program.child.kill("SIGHUP");
    await program.prints(new RegExp(`(?:^certificates [\\s\\S]*){${count}}\n`, "m"));
    return program.lines.filter((line) => line.startsWith("certificates"))[count - 1];
  };
  const first = await handshake(program);
  const before = first.getPeerCertificate().fingerprint256;
  install("self-signed");
  expect(await renew(1)).toBe("certificates renewed");
  const trusting = { rejectUnauthorized: false };
  const second = await handshake(program, trusting);
  const after = second.getPeerCertificate().fingerprint256;
  expect(after).not.toBe(before);
  second.destroy();
  // The key of another.
  writeFileSync(key, leaf("localhost").key);
  expect(await renew(2)).toMatch(/^certificates kept: tls: the options cannot be used: /);
  const third = await handshake(program, trusting);
  expect(third.getPeerCertificate().fingerprint256).toBe(after);
  third.destroy();
  // The one from before all this still works.
  first.write("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
  let text = "";
  first.on("data", (chunk: Buffer) => (text += chunk));
  await once(first, "close");
  expect(text).toMatch(/\r\n\r\nno ALPN over TLSv1\.3 for anybody\n$/);
});

test("tls.mjs: with an authority for clients, those without its certificate get nowhere", async () => {
  await using program = await start("--client-ca", tlsFixture("ca-cert.pem"));
  await using known = newClient({ connector: undefined, tls: { ca, ...leaf("client") } });
  const answer = await received(await known.get(url(program)));
  expect(answer.text).toMatch(/^h2 over TLSv1\.3 for .*CN=.*\n$/);
  await using unknown = newClient();
  await expect(unknown.get(url(program))).rejects.toMatchObject({ name: "HttpError" });
  expect((await program.printed(1))[0]).toMatch(/^handshake failed: protocol [A-Z_]+$/);
});
