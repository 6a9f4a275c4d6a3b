import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { events, hostile, text } from "../../test/trace/support/sample-log.ts";
import { renderTrace } from "./index.ts";
import { embedded } from "./page.ts";
import { pageScript, pageStyle } from "./page-assets.ts";

/** The elements of a page between two texts. */
function between(page: string, start: string, end: string): string {
  const from = page.indexOf(start) + start.length;
  return page.slice(from, page.indexOf(end, from));
}

const dataStart = '<script type="application/json" id="trace">';

describe("renderTrace", () => {
  test("takes the text of a log, its lines, and events: the same page", () => {
    const page = renderTrace(events);
    expect(renderTrace(events.map((event) => JSON.stringify(event)))).toBe(page);
    expect(renderTrace(events.map((event) => JSON.stringify(event)).join("\r\n"))).toBe(page);
    expect(renderTrace(text)).not.toBe(page);
    expect(page.startsWith("<!doctype html>\n")).toBe(true);
  });

  test("the policy lets the page's own script and style run and nothing else, and nothing is loaded", () => {
    const page = renderTrace(events);
    const hash = (part: string): string => `'sha256-${createHash("sha256").update(part).digest("base64")}'`;
    const script = between(page, "<script>", "</script>");
    const style = between(page, "<style>", "</style>");
    expect([script, style]).toEqual([pageScript, pageStyle]);
    expect(between(page, 'http-equiv="Content-Security-Policy" content="', '"')).toBe(
      [
        "default-src 'none'",
        `script-src ${hash(script)}`,
        `style-src ${hash(style)}`,
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
      ].join("; "),
    );
    const markup = page.replace(between(page, dataStart, "</script>"), "");
    expect(markup.match(/(?:src|href)=[^ >]*/g)).toEqual(['href="data:,"']);
    expect(`${script}${style}`).not.toMatch(
      /https?:|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|@import|url\(/,
    );
  });

  test("whatever a log holds, its text ends no element and begins none", () => {
    const page = renderTrace(events, { title: hostile });
    const data = between(page, dataStart, "</script>");
    expect(data).not.toMatch(/[<>&\u2028\u2029]/);
    expect(JSON.parse(data).title).toBe(hostile);
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(between(page, "<title>", "</title>")).toBe(
      `&#34;&#62;&#60;/script&#62;&#60;script&#62;window.harm = 1&#60;/script&#62;&#60;img src=&#34;x&#34; onerror=&#34;window.harm = 2&#34;&#62;&#60;!--\u2028\u202e`,
    );
  });

  test("options are checked", () => {
    expect(renderTrace("", { title: "T", maxEvents: 1_000_000 })).toContain("<title>T</title>");
    const refused = (options: object): string => {
      try {
        renderTrace("", options);
      } catch (error) {
        return String(error);
      }
      return "";
    };
    expect(refused({ maxEvents: 0 })).toBe(
      "RangeError: renderTrace: maxEvents must be a whole number from 1 to 1000000, got 0",
    );
    expect(refused({ title: 1 })).toBe("TypeError: renderTrace: title must be a text, got 1");
    expect(refused({ name: "x" })).toBe("TypeError: renderTrace: unknown option name");
  });
});

test("embedded JSON is the same JSON", () => {
  const value = { a: "</script><!--&\u2028\u2029\ud800", "<k>": [1, null] };
  expect(embedded(value)).toBe(
    '{"a":"\\u003c/script\\u003e\\u003c!--\\u0026\\u2028\\u2029\\ud800","\\u003ck\\u003e":[1,null]}',
  );
  expect(JSON.parse(embedded(value))).toEqual(value);
});
