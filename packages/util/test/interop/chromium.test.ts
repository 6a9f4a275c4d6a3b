/** Chromium and a Sluice server, over TLS. */
import { collect, full } from "@sluice/body";
import { type HttpRequest, HttpResponse } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { browse, page, program } from "./support/chromium.ts";
import { deferred } from "./support/deferred.ts";
import { startServer2 } from "./support/h2-server.ts";
import { routes } from "./support/routes.ts";

describe.skipIf(program.skipped)("chromium", () => {
  test("a page with hundreds of requests at once, all of them over HTTP/2 on one connection", async () => {
    const report = deferred<unknown>();
    const call = async (request: HttpRequest): Promise<HttpResponse> => {
      if (request.target.path === "/") return new HttpResponse(200, { "content-type": "text/html" }, full(page));
      if (request.target.path !== "/report") return routes(request);
      report.resolve(await collect(request.body).json());
      return new HttpResponse(204);
    };
    await using server = await startServer2(call, { tls: true, frames: true });
    await browse(`${server.origin}/`, report.promise);
    expect(await report.promise).toEqual({
      fetched: 100,
      echoed: 100,
      large: true,
      trailers: "data",
      early: "late\n",
      empty: 204,
      missing: 404,
      next: "hello, world\n",
      protocols: ["h2"],
    });
    expect(server.failures).toEqual([]);
    expect(server.exchanges.length).toBeGreaterThan(200);
    const defended = server.sent.filter(({ type, errorCode }) => type === "GOAWAY" && errorCode !== "NO_ERROR");
    expect(defended).toEqual([]);
  });
});
