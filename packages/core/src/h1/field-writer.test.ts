import { HeaderMap } from "@sluice/body";
import { describe, expect, test } from "vitest";
import { titleCase } from "./field-roles.ts";
import { fieldLine, ownLine, type Spelling } from "./field-writer.ts";

const spelling = (titleCaseHeaders: boolean, preserveHeaderCase: boolean): Spelling => ({
  titleCaseHeaders,
  preserveHeaderCase,
});

/** All lines of `headers`, in one string. */
function written(headers: HeaderMap, how: Spelling): string {
  return Array.from({ length: headers.size }, (_, i) => fieldLine(headers, i, how)).join("");
}

describe("field lines out", () => {
  const headers = new HeaderMap();
  headers.append("x-one", "1", { originalName: "X-oNE" });
  headers.append("content-type", "text/plain");
  headers.append("x-one", "2", { originalName: "x-One" });
  headers.append("x-empty", "", { originalName: "X-EMPTY" });

  test("lower case unless told otherwise", () => {
    expect(written(headers, spelling(false, false))).toBe(
      "x-one: 1\r\ncontent-type: text/plain\r\nx-one: 2\r\nx-empty:\r\n",
    );
  });

  test("[hyper-081] title case, original case, and both: the original wins, title case fills in", () => {
    expect(written(headers, spelling(true, false))).toBe(
      "X-One: 1\r\nContent-Type: text/plain\r\nX-One: 2\r\nX-Empty:\r\n",
    );
    expect(written(headers, spelling(false, true))).toBe(
      "X-oNE: 1\r\ncontent-type: text/plain\r\nx-One: 2\r\nX-EMPTY:\r\n",
    );
    expect(written(headers, spelling(true, true))).toBe(
      "X-oNE: 1\r\nContent-Type: text/plain\r\nx-One: 2\r\nX-EMPTY:\r\n",
    );
  });

  test("[hyper-082] an empty value is written without a trailing space; several lines keep their own spelling", () => {
    expect(fieldLine(headers, 3, spelling(false, true))).toBe("X-EMPTY:\r\n");
    expect([0, 2].map((i) => fieldLine(headers, i, spelling(false, true)))).toEqual(["X-oNE: 1\r\n", "x-One: 2\r\n"]);
    expect(ownLine("via", "", spelling(true, false))).toBe("Via:\r\n");
  });

  test("title case: the first letter and each letter after a hyphen", () => {
    const names = ["host", "x-a--b", "-x", "te", "www-authenticate", "x_y-1z", "etag"].map(titleCase);
    expect(names).toEqual(["Host", "X-A--B", "-X", "Te", "Www-Authenticate", "X_y-1z", "Etag"]);
  });

  test("more names than are remembered are still spelled right", () => {
    for (let i = 0; i < 1500; i++) expect(ownLine(`x-n${i}`, "v", spelling(true, false))).toBe(`X-N${i}: v\r\n`);
  });
});
