/**
 * Where one read ends and the next begins means nothing: any cut of any input has the same outcome.
 */
import { type Body, isData } from "@sluice/body";
import { type HttpError, HttpRequest, HttpResponse } from "@sluice/core";
import type { ClientOptions, ServerOptions } from "@sluice/core/http1";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cuts, cutUp, readingOptions, requestBytes, responseBytes } from "../support/fragments.ts";
import { quiet } from "../support/joined.ts";
import { propertyTimeoutMs, runs } from "../support/runs.ts";
import { connectOn, latin1, serveOn } from "../support/wire.ts";

/** Everything that can be seen from outside. */
type Outcome = readonly string[];

/** Tells what comes of a body as it comes. */
async function content(body: Body, tell: (text: string) => void): Promise<void> {
  try {
    for (;;) {
      const frame = await body.frame();
      if (frame === null) return tell(" <end>");
      tell(isData(frame) ? latin1(frame) : JSON.stringify([...frame.fields]));
    }
  } catch (error) {
    tell(` <${(error as HttpError).code}>`);
  }
}

async function atServer(pieces: readonly Uint8Array[], ended: boolean, options: ServerOptions): Promise<Outcome> {
  const seen: string[] = [];
  const server = serveOn(
    async (request) => {
      const index = seen.length;
      const start = `${request.method} ${request.target.toString()} ${request.version}`;
      seen.push(`${start} ${JSON.stringify([...request.headers])} `);
      await content(request.body, (text) => void (seen[index] += text));
      return new HttpResponse(200);
    },
    { ...options, halfClose: true },
  );
  for (const piece of pieces) {
    server.io.push(piece);
    server.timer.advance(0);
    await quiet(() => false);
  }
  if (ended) server.io.push(null);
  await drained(() => server.timer.advance(0));
  // 100 is not sent when the content is there already (RFC 9110 10.1.1).
  const written = server.io.writtenText.replaceAll("HTTP/1.1 100 Continue\r\n\r\n", "");
  const end = server.outcome === undefined ? "open" : (server.outcome?.code ?? "closed");
  const outcome = [
    ...seen,
    written,
    end,
    server.io.isShutdown ? "shut down" : "",
    server.io.isAborted ? "released" : "",
  ];
  server.connection.abort();
  return outcome;
}

async function atClient(
  pieces: readonly Uint8Array[],
  ended: boolean,
  methods: readonly string[],
  options: ClientOptions,
): Promise<Outcome> {
  const seen: string[] = [];
  const client = await connectOn({ ...options, pipelining: 4 });
  for (const [index, method] of methods.entries()) {
    seen.push("");
    const headers = { host: "a", connection: "upgrade", upgrade: "x" };
    const request = new HttpRequest(method, method === "CONNECT" ? "a:1" : "/", index === 0 ? headers : { host: "a" });
    const onInformational = (status: number): void => void (seen[index] += `${status} `);
    client.sender.send(request, { onInformational }).then(
      async (response) => {
        const start = `${response.version} ${response.status} ${response.reason}`;
        seen[index] += `${start} ${JSON.stringify([...response.headers])} `;
        await content(response.body, (text) => void (seen[index] += text));
      },
      (error: HttpError) => void (seen[index] += `<${error.code}>`),
    );
  }
  for (const piece of pieces) {
    client.io.push(piece);
    client.timer.advance(0);
    await quiet(() => false);
  }
  if (ended) client.io.push(null);
  await drained(() => client.timer.advance(0));
  const outcome = [...seen, client.outcome === undefined ? "open" : (client.outcome?.code ?? "closed")];
  client.connection.abort();
  return outcome;
}

async function drained(work: () => void): Promise<void> {
  for (let i = 0; i < 3; i++) {
    work();
    await quiet(() => false);
  }
}

test(
  "requests: any cut of any input gives the same requests, the same answers and the same end",
  async () => {
    await fc.assert(
      fc.asyncProperty(requestBytes, cuts, fc.boolean(), readingOptions, async (input, sizes, ended, options) => {
        const whole = await atServer([input], ended, options);
        expect(await atServer(cutUp(input, sizes), ended, options)).toEqual(whole);
      }),
      runs(3000),
    );
  },
  propertyTimeoutMs,
);

test(
  "responses: any cut of any input gives the same responses and the same end",
  async () => {
    const methods = fc.array(fc.constantFrom("GET", "GET", "HEAD", "OPTIONS"), { minLength: 1, maxLength: 3 });
    const client = fc.tuple(readingOptions, fc.boolean()).map(([o, http09Responses]) => ({ ...o, http09Responses }));
    await fc.assert(
      fc.asyncProperty(
        responseBytes,
        cuts,
        fc.boolean(),
        methods,
        client,
        async (input, sizes, ended, asked, options) => {
          const whole = await atClient([input], ended, asked, options);
          expect(await atClient(cutUp(input, sizes), ended, asked, options)).toEqual(whole);
        },
      ),
      runs(3000),
    );
  },
  propertyTimeoutMs,
);
