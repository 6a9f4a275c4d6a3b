/**
 * What the tests of the HTTP/1 server say again and again: requests, answers, and how a connection stands.
 */
import { HttpResponse } from "@sluice/core";
import { expect } from "vitest";
import { type ServerUnderTest, settle } from "./wire.ts";

/** The shortest request there is. */
export const get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/** What `ok` answers, on the wire. */
export const okText = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
export const lastOkText = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

export function ok(): HttpResponse {
  return new HttpResponse(200);
}

/** A request head with `fields`, and a host. */
export function head(start: string, ...fields: readonly string[]): string {
  return [start, "host: a", ...fields, "", ""].join("\r\n");
}

/** What a server answers on its own account. */
export function refusal(status: string): string {
  return `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;
}

/** Nothing was written since the last look, and nothing is ended. */
export function expectOpen(server: ServerUnderTest): void {
  expect(server.io.takeWritten()).toBe("");
  expect([server.io.isShutdown, server.io.isAborted, server.outcome]).toEqual([false, false, undefined]);
}

/** Our stream was ended behind `written`; once the peer ends its own, the connection is over without an error. */
export async function expectClosedAfter(server: ServerUnderTest, written: string): Promise<void> {
  await settle();
  expect(server.io.takeWritten()).toBe(written);
  expect(server.io.isShutdown).toBe(true);
  if (!server.io.isAborted) server.io.push(null);
  await settle();
  expect(server.io.takeWritten()).toBe("");
  expect([server.io.isAborted, server.outcome, server.timer.pending]).toEqual([true, null, 0]);
}

/** As `expectClosedAfter`, with an error of this kind and code. */
export async function expectFailedAfter(
  server: ServerUnderTest,
  written: string,
  kind: string,
  code: string,
): Promise<void> {
  await settle();
  expect(server.io.takeWritten()).toBe(written);
  expect(server.io.isShutdown).toBe(true);
  if (!server.io.isAborted) server.io.push(null);
  await settle();
  expect(server.io.takeWritten()).toBe("");
  expect([server.io.isAborted, server.outcome?.kind, server.outcome?.code]).toEqual([true, kind, code]);
  expect(server.timer.pending).toBe(0);
}

/** The transport was reset, without an orderly end, because of an error of this kind and code. */
export async function expectAborted(
  server: ServerUnderTest,
  written: string,
  kind: string,
  code: string,
): Promise<void> {
  await settle();
  expect(server.io.takeWritten()).toBe(written);
  expect([server.io.isShutdown, server.io.isAborted]).toEqual([false, true]);
  expect([server.outcome?.kind, server.outcome?.code]).toEqual([kind, code]);
  expect(server.timer.pending).toBe(0);
}

/** A promise that is settled by hand. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
