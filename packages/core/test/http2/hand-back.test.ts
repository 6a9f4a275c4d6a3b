import { collect, fromIterable, full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { describe, expect, test } from "vitest";
import { connectH2 } from "./support/client.ts";

const text = "sent as text";
const octets = Uint8Array.from({ length: 100_000 }, (_, i) => i);

/** What `trySend` says of a request with `body` that the server answers with `refusal`. */
async function refused(body: HttpRequest["body"], refusal: (client: Awaited<ReturnType<typeof connectH2>>) => void) {
  const client = await connectH2();
  const trying = client.sender.trySend(HttpRequest.post("http://a.test/", body));
  await client.run();
  refusal(client);
  await client.run();
  const outcome = await trying;
  if ("response" in outcome) throw new Error("it was answered");
  return outcome;
}

describe("a request that the server has not processed is handed back", () => {
  test.each([
    ["REFUSED_STREAM", "text", text],
    ["REFUSED_STREAM", "octets that wait for the window", octets],
    ["GOAWAY", "text", text],
    ["GOAWAY", "octets that wait for the window", octets],
  ])("by %s, with all of a body that was taken as a whole: %s", async (code, _kind, content) => {
    const { error, request } = await refused(full(content), ({ peer }) => {
      if (code === "GOAWAY") peer.goAway(0, "NO_ERROR");
      else peer.rst(1, "REFUSED_STREAM");
    });
    expect([error.kind, error.code]).toEqual(["closed", code]);
    const expected = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const again = await collect((request as HttpRequest).body).bytes();
    expect(Buffer.compare(again, expected)).toBe(0);
  });

  test("without what it cannot give again it is not", async () => {
    const { error, request } = await refused(fromIterable([new Uint8Array(10)]), ({ peer }) =>
      peer.rst(1, "REFUSED_STREAM"),
    );
    expect([error.code, request]).toEqual(["REFUSED_STREAM", undefined]);
  });

  test("any other reset leaves it unknown what became of it", async () => {
    const { error, request } = await refused(full(text), ({ peer }) => peer.rst(1, "INTERNAL_ERROR"));
    expect([error.code, request]).toEqual(["STREAM_RESET", undefined]);
  });
});
