import { HeaderMap } from "@sluice/body";
import { describe, expect, test } from "vitest";
import { written } from "../../../test/http2/support/frames.ts";
import { linesOf, sensitiveLinesOf } from "../../../test/http2/support/heads.ts";
import { decodeLines } from "../../../test/http2/support/hpack.ts";
import { HttpError } from "../../error.ts";
import { HpackDecoder } from "../hpack/decoder.ts";
import { HpackEncoder } from "../hpack/encoder.ts";
import { prepareTrailers, writeFields } from "./outgoing-fields.ts";

describe("trailers to be sent", () => {
  const connectionSpecific = ["connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"];
  const early = (
    "authorization cache-control content-encoding content-length content-range content-type host max-forwards " +
    "set-cookie te trailer"
  ).split(" ");

  test("that may all be sent are the map itself", () => {
    const headers = new HeaderMap({ "grpc-status": "0", cookie: "a=1; b=2", date: "x", "www-authenticate": "y" });
    for (const hopByHop of ["strip", "refuse"] as const) expect(prepareTrailers(headers, hopByHop)).toBe(headers);
    const none = new HeaderMap();
    expect(prepareTrailers(none, "refuse")).toBe(none);
  });

  test("others are left out of a copy, and marks stay with their lines", () => {
    for (const name of [...connectionSpecific, ...early, "TE"]) {
      const headers = new HeaderMap()
        .append("a", "1", { sensitive: true })
        .append(name, "trailers")
        .append("b", "2")
        .append("c", "3", { sensitive: true });
      const kept = prepareTrailers(headers, "strip");
      expect(linesOf(kept)).toEqual([
        ["a", "1"],
        ["b", "2"],
        ["c", "3"],
      ]);
      expect(sensitiveLinesOf(kept)).toEqual([
        ["a", "1"],
        ["c", "3"],
      ]);
      expect(headers.size).toBe(4);
    }
  });

  test("[h2-171] connection-specific ones are refused where the program has to know, and so are those needed early", () => {
    const errorFor = (name: string): unknown => {
      try {
        return prepareTrailers(new HeaderMap({ a: "1", [name]: "x" }), "refuse");
      } catch (error) {
        return HttpError.is(error) ? [error.kind, error.code, error.message] : error;
      }
    };
    for (const name of connectionSpecific) {
      const message = `connection-specific fields cannot be sent (RFC 9113 8.2.2), got "${name}"`;
      expect(errorFor(name)).toEqual(["user", "CONNECTION_SPECIFIC_FIELD", message]);
    }
    for (const name of early) {
      const message = `a field needed before the content cannot be a trailer (RFC 9110 6.5.1), got "${name}"`;
      expect(errorFor(name)).toEqual(["user", "FORBIDDEN_TRAILER", message]);
    }
  });

  test("are written line by line, with their marks", () => {
    const headers = new HeaderMap().append("a", "1").append("b", "2", { sensitive: true });
    const block = written((writer) => writeFields(writer, new HpackEncoder(), headers));
    const { lines, sensitive } = decodeLines(new HpackDecoder(), block);
    expect(lines).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
    expect(sensitive).toEqual([false, true]);
  });
});
