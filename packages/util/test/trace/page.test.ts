/** The page of a trace, in Chromium: what it shows, how it is asked, and that a peer's texts stay texts. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderTrace } from "../../src/trace/index.ts";
import { program } from "../interop/support/chromium.ts";
import { expressions, type OpenedPage, TraceBrowser } from "./support/browser.ts";
import { events, hostile, text } from "./support/sample-log.ts";

const webRows = [
  ["connection", "web", 0, 10],
  ["windows", "web", 0, 10],
  ["lane", "web", 1, 6],
  ["lane", "web", 3, 4],
  ["lane", "web", 5, 1],
];
const oldRows = [
  ["connection", "old", 0, 1],
  ["lane", "old", 1, 5],
  ["lane", "old", 2, 3],
];

/** Until what has changed is drawn. */
const settled = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`;

/** A text without breaks, for matching. */
const flat = (value: string | null): string => (value ?? "").replace(/\s+/g, " ");

describe.skipIf(program.skipped)("the page of a trace", () => {
  let browser: TraceBrowser;
  beforeAll(async () => {
    browser = await TraceBrowser.start();
  });
  afterAll(async () => browser?.[Symbol.asyncDispose]());

  async function press(opened: OpenedPage, ...keys: string[]): Promise<void> {
    await opened.page.focus(".lanes");
    for (const key of keys) await opened.page.keyboard.press(key as "Enter");
  }

  test("has a lane for each connection, stream and exchange, with its marks, and nothing to complain about", async () => {
    await using opened = await browser.open(renderTrace(events, { title: "sample" }));
    const { ask } = opened;
    expect(await ask(expressions.rows)).toEqual([...webRows, ...oldRows]);
    expect(await ask(`document.querySelector("h1").textContent`)).toBe("sample");
    expect(await ask(`[...document.querySelectorAll(".facts span")].map((fact) => fact.textContent)`)).toEqual([
      "2 connections",
      "5 streams",
      `${events.length} events`,
      "100 ms",
    ]);
    const labels = `[...document.querySelectorAll(".row-lane .label")].map((label) => label.innerText.split("\\n").join(" "))`;
    expect((await ask<string[]>(labels)).filter((_, index) => index !== 1)).toEqual([
      "1 GET /film 200",
      "5 stream 5",
      "#1 GET /old 200",
      "#2 GET /older",
    ]);
    expect(opened.complaints).toEqual([]);
  });

  test("draws marks and curves in their colours, light and dark", async () => {
    await using opened = await browser.open(renderTrace(events));
    const colours = `(() => {
      const style = getComputedStyle(document.documentElement);
      const canvas = document.querySelector(".chart canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) seen.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
      const names = ["k-headers", "k-response", "k-data", "k-reset", "k-goaway", "k-defence", "k-ping", "k-push", "send", "receive"];
      return names.filter((name) => seen.has(parseInt(style.getPropertyValue("--" + name).trim().slice(1), 16)));
    })()`;
    const drawn = [
      "k-headers",
      "k-response",
      "k-data",
      "k-reset",
      "k-goaway",
      "k-defence",
      "k-ping",
      "send",
      "receive",
    ];
    for (const value of ["light", "dark"]) {
      await opened.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
      await opened.ask(settled);
      expect(await opened.ask(colours)).toEqual(drawn);
    }
  });

  test("a stall is a span that names what is waited for; a defence is named from its GOAWAY on", async () => {
    await using opened = await browser.open(renderTrace(events));
    const { ask } = opened;
    const stalls = `[...document.querySelectorAll(".span.stall")].map((span) =>
      [span.closest(".row").dataset.id, span.dataset.by, span.innerText])`;
    expect(await ask(stalls)).toEqual([["1", "stream window", "stream window"]]);
    const edges = `(() => {
      const [stall, fired] = ["stall", "fired"].map((name) => document.querySelector(".span." + name));
      const all = stall.parentElement.clientWidth;
      const of = ({ style }) => [parseFloat(style.left) / all, (parseFloat(style.left) + parseFloat(style.width)) / all];
      return [...of(stall), ...of(fired)].map((part) => Math.round(part * 1000) / 1000);
    })()`;
    // From 12 to 50 ms and from 80 to 100 ms, of what is shown from -1.5 to 101.5 ms.
    expect(await ask(edges)).toEqual([12, 50, 80, 100].map((ms) => Math.round(((ms + 1.5) / 103) * 1000) / 1000));
    const defences = `[...document.querySelectorAll(".span[data-defence]")].map((span) =>
      [span.closest(".row").dataset.connection, span.dataset.defence, span.innerText]).filter(([,, text]) => text !== "")`;
    expect(await ask(defences)).toEqual([["web", "TOO_MANY_RESETS", "TOO_MANY_RESETS"]]);
    expect(await ask(`document.querySelectorAll(".badge[data-defence=TOO_MANY_RESETS]").length`)).toBe(1);
  });

  test("curves end with what may still be sent and received; those of a stream appear with it, or all at once", async () => {
    await using opened = await browser.open(renderTrace(events));
    const ends = `[...document.querySelectorAll(".row-windows")].sort((a, b) => a.offsetTop - b.offsetTop).map((row) =>
      [Number(row.dataset.id), ...[...row.querySelectorAll("[data-end]")].map(({ dataset: d }) => [d.window, Number(d.end)])])`;
    const connection = [0, ["send", 64_735], ["receive", 65_535]];
    expect(await opened.ask(ends)).toEqual([connection]);
    await opened.page.click(".row[data-connection=web][data-id='1'] .label");
    await opened.until(`document.querySelectorAll(".row-windows").length === 2`);
    expect(await opened.ask(ends)).toEqual([connection, [1, ["send", 200], ["receive", 70_000]]]);
    await opened.page.click("input[name=windows]");
    await opened.until(`document.querySelectorAll(".row-windows").length === 4`);
    expect(await opened.ask(ends)).toEqual([
      connection,
      [1, ["send", 200], ["receive", 70_000]],
      [3, ["send", 1000], ["receive", 69_200]],
      [5, ["send", 1000], ["receive", 70_000]],
    ]);
  });

  test("the keyboard goes from lane to lane and from mark to mark, and says what is there", async () => {
    await using opened = await browser.open(renderTrace(events));
    const { ask } = opened;
    await press(opened, "ArrowDown", "ArrowDown");
    await opened.until(`document.querySelector(".row[aria-selected=true]") !== null`);
    const active = `document.getElementById(document.querySelector(".lanes").getAttribute("aria-activedescendant")).dataset.id`;
    expect(await ask(active)).toBe("1");
    const tips: string[] = [];
    for (let mark = 0; mark < 6; mark++) {
      await press(opened, "ArrowRight");
      tips.push(flat(await ask(expressions.tip)));
    }
    expect(tips).toEqual([
      "HEADERS received on stream 1 1 / 6 time 10.000 ms length 40 octets flags END_STREAM END_HEADERS GET /film a.example accept video/* cookie [sensitive]",
      "stall on stream 1 2 / 6 time 12.000 ms by stream window",
      expect.stringMatching(
        /^HEADERS sent on stream 1 3 \/ 6 time 13\.000 ms length 30 octets flags END_HEADERS 200 content-type video\/mp4 x-note /,
      ),
      "DATA sent on stream 1 4 / 6 time 13.000 ms length 1,000 octets",
      "WINDOW_UPDATE received on stream 1 5 / 6 time 50.000 ms length 4 octets increment 500",
      "DATA sent on stream 1 6 / 6 time 52.000 ms length 300 octets flags END_STREAM",
    ]);
    await press(opened, "ArrowRight");
    expect(flat(await ask(expressions.tip))).toBe(tips[5]);
    await press(opened, "Home");
    expect(flat(await ask(expressions.tip))).toBe(tips[0]);
    expect(await ask(`document.querySelector(".tip").getAttribute("role")`)).toBe("status");
    await press(opened, "ArrowUp", "Enter");
    await opened.until(`document.querySelectorAll(".row").length === 4`);
    expect(await ask(expressions.rows)).toEqual([webRows[0], ...oldRows]);
    await press(opened, "Enter");
    await opened.until(`document.querySelectorAll(".row").length === 8`);
    await press(opened, "Escape");
    await opened.until(`document.querySelector(".row[aria-selected=true]") === null`);
    expect([await ask(expressions.tip), await ask(`document.querySelector(".panel").hidden`)]).toEqual([null, true]);
  });

  test("the pointer finds a mark on its side of the line, and the value of curves", async () => {
    await using opened = await browser.open(renderTrace(events));
    const place = (row: string, at: number): Promise<{ x: number; y: number }> =>
      opened.ask(`(() => {
        const row = document.querySelector(${JSON.stringify(row)}).getBoundingClientRect();
        const spans = document.querySelector(".spans").getBoundingClientRect();
        return { x: spans.left + ((${at} + 1.5) / 103) * spans.width, y: row.top + row.height / 2 };
      })()`);
    const three = await place(".row-lane[data-connection=web][data-id='3']", 60);
    await opened.page.mouse.move(three.x + 1, three.y + 6);
    expect(flat(await opened.ask(expressions.tip))).toMatch(/^HEADERS received on stream 3 1 \/ 4 /);
    const one = await place(".row-lane[data-connection=web][data-id='1']", 52);
    await opened.page.mouse.move(one.x, one.y - 6);
    expect(flat(await opened.ask(expressions.tip))).toMatch(/^DATA sent on stream 1 6 \/ 6 /);
    const windows = await place(".row-windows[data-id='0']", 70);
    await opened.page.mouse.move(windows.x, windows.y);
    expect(flat(await opened.ask(expressions.tip))).toMatch(
      /^Connection window time (69|70)\.\d{3} ms may be sent 64,735 octets may be received 65,535 octets$/,
    );
    await opened.page.mouse.move(10, 10);
    expect(await opened.ask(expressions.tip)).toBe(null);
  });

  test("filters: text, streams, connection, types; nothing left is said", async () => {
    await using opened = await browser.open(renderTrace(events));
    const { ask, page, until } = opened;
    const type = async (name: string, value: string): Promise<void> => {
      await page.click(`input[name=${name}]`, { count: 3 });
      await page.keyboard.press("Backspace");
      await page.type(`input[name=${name}]`, value);
    };
    const shown = async (count: number): Promise<unknown> => {
      await until(`document.querySelectorAll(".row").length === ${count}`);
      return ask(expressions.rows);
    };
    await type("text", "VIDEO/MP4");
    expect(await shown(3)).toEqual([webRows[0], webRows[1], webRows[2]]);
    await type("text", "cancel");
    expect(await shown(3)).toEqual([webRows[0], webRows[1], webRows[3]]);
    await type("text", "nobody says this");
    expect(await shown(0)).toEqual([]);
    expect(await ask(`document.querySelector(".empty").hidden`)).toBe(false);
    await type("text", " ");
    expect(await shown(8)).toEqual([...webRows, ...oldRows]);
    await type("streams", "2-3");
    expect(await shown(5)).toEqual([webRows[0], webRows[1], webRows[3], oldRows[0], oldRows[2]]);
    await type("streams", "x");
    expect(await ask(`document.querySelector("[name=streams]").getAttribute("aria-invalid")`)).toBe("true");
    await type("streams", " ");
    await page.select("select[name=connection]", "1");
    expect(await shown(3)).toEqual(oldRows);
    await page.select("select[name=connection]", "-1");
    await shown(8);
    const chips = `[...document.querySelectorAll(".chip")].map((chip) => [chip.dataset.type, chip.getAttribute("aria-pressed")])`;
    for (const [kind] of await ask<[string, string][]>(chips)) {
      if (kind !== "RST_STREAM") await page.click(`.chip[data-type="${kind}"]`);
    }
    expect(await shown(3)).toEqual([webRows[0], webRows[1], webRows[3]]);
    expect((await ask<[string, string][]>(chips)).filter(([, pressed]) => pressed === "true")).toEqual([
      ["RST_STREAM", "true"],
    ]);
    // The keyboard passes over what is not shown.
    await press(opened, "ArrowDown", "ArrowDown", "Home");
    expect(flat(await ask(expressions.tip))).toMatch(/^RST_STREAM received on stream 3 3 \/ 4 .* errorCode CANCEL$/);
    await page.click(".legend .all");
    await shown(9);
    expect(opened.complaints).toEqual([]);
  });

  test("time is zoomed and moved by buttons, wheel, pointer and keyboard, within its bounds", async () => {
    await using opened = await browser.open(renderTrace(events));
    const { ask, page, until } = opened;
    const window = `["left", "width"].map((name) => Math.round(parseFloat(document.querySelector(".overview .window").style[name])))`;
    const now = async (): Promise<[number, number]> => {
      await ask(settled);
      return ask(window);
    };
    const width = await ask<number>(`document.querySelector(".spans").clientWidth`);
    expect(await now()).toEqual([0, width]);
    await page.click("button[aria-label='Zoom in']");
    const [left, zoomed] = await now();
    expect(zoomed).toBe(Math.round(width / 1.8));
    expect(left).toBe(Math.round((width - width / 1.8) / 2));
    await page.click("button[aria-label='Later']");
    expect(await now()).toEqual([Math.round((width - width / 1.8) / 2 + (0.4 * width) / 1.8), zoomed]);
    for (let times = 0; times < 5; times++) await page.click("button[aria-label='Earlier']");
    expect(await now()).toEqual([0, zoomed]);
    await page.click("button[aria-label='Zoom out']");
    await page.click("button[aria-label='Zoom out']");
    expect(await now()).toEqual([0, width]);
    const box = await ask<{ x: number; y: number }>(
      `(({ left, top, width, height }) => ({ x: left + width * 0.75, y: top + height * 0.4 }))(document.querySelector(".lanes").getBoundingClientRect())`,
    );
    await page.mouse.move(box.x, box.y);
    await page.keyboard.down("Control");
    await page.mouse.wheel({ deltaY: -500 });
    await page.keyboard.up("Control");
    await until(`${window}[1] < ${width / 2}`);
    const [from] = await now();
    await page.mouse.down();
    await page.mouse.move(box.x + 100, box.y, { steps: 5 });
    await page.mouse.up();
    const [moved] = await now();
    expect(moved).toBeLessThan(from);
    // A drag chooses no lane.
    expect(await ask(`document.querySelector(".row[aria-selected=true]")`)).toBe(null);
    await press(opened, "0");
    expect(await now()).toEqual([0, width]);
    await press(opened, "+");
    expect(await now()).toEqual([left, zoomed]);
    await page.click("button[aria-label='Show all of the time']");
    expect(await now()).toEqual([0, width]);
  });

  test("the panel tells of a stream, an exchange and a connection", async () => {
    await using opened = await browser.open(renderTrace(events));
    const about = async (row: string): Promise<string> => {
      await opened.page.click(`${row} .label .title, ${row} .label .name`);
      await opened.until(`document.querySelector("${row}[aria-selected=true]") !== null`);
      return flat(await opened.ask(expressions.panel));
    };
    const stream = await about(".row-lane[data-connection=web][data-id='1']");
    expect(stream).toContain(
      "stream 1 · web GET /film authority a.example status 200 started 10.000 ms to the response 1.90 ms duration 42.0 ms received 0 B sent 1,300 B last state closed by END_STREAM Stalled for 38.0 ms stream window 38.0 ms from 12.000 ms Flow-control windows may be sent 200 at the end, lowest 0 may be received 70,000 at the end, lowest 70,000",
    );
    expect(stream).toContain(
      "Request GET /film a.example accept video/* cookie [sensitive] Response 200 content-type video/mp4",
    );
    expect(await about(".row-lane[data-connection=web][data-id='3']")).toContain(
      "outcome CANCEL started 60.000 ms duration 2.00 ms received 800 B sent 0 B reset CANCEL by peer at 62.000 ms failed CANCEL (canceled)",
    );
    expect(await about(".row-lane[data-connection=old][data-id='1']")).toContain(
      "exchange 1 · old GET /old authority a.example status 200 started 20.000 ms to the response 4.80 ms duration 5.10 ms received 90 B sent 120 B",
    );
    expect(await about(".row-connection[data-connection=web]")).toContain(
      "HTTP/2 web log of the server first event 0.000 ms duration 100 ms lanes 3 received 918 B sent 1,400 B defence TOO_MANY_RESETS at 80.000 ms closed TOO_MANY_RESETS (limit) Counted by defences resets 7",
    );
  });

  test("a peer's texts are shown and do nothing", async () => {
    await using opened = await browser.open(
      renderTrace([...events, { t: 101, ev: hostile, c: hostile }], { title: hostile }),
    );
    const { ask } = opened;
    const visible = hostile.replace("\u2028", "\\u{2028}").replace("\u202e", "\\u{202e}");
    expect(await ask(`document.querySelector("h1").textContent`)).toBe(visible);
    expect(await ask(`document.title`)).toBe(hostile.replace("\u2028", "\u2028"));
    expect(await ask(`document.querySelector(".row-lane[data-id='3'] .title").textContent`)).toBe(`POST /${visible}`);
    await press(opened, "ArrowDown", "ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight");
    await opened.until(`document.querySelector(".panel h2") !== null`);
    expect(await ask(`[...document.querySelectorAll(".tip dd")].at(-1).textContent`)).toBe(visible);
    expect(await ask(`[...document.querySelectorAll(".panel dd")].at(-1).textContent`)).toBe(visible);
    expect(await ask(`[window.harm ?? null, document.scripts.length, document.images.length]`)).toEqual([null, 2, 0]);
    // Should a script find its way in all the same, the policy keeps it from running.
    await ask(
      `document.body.append(Object.assign(document.createElement("script"), { textContent: "window.harm = 3" }))`,
    );
    expect(await ask(`window.harm ?? null`)).toBe(null);
    expect(opened.complaints).toEqual([expect.stringMatching(/Content Security Policy/)]);
  });

  test("lines that could not be read are counted and named, what was left out is said", async () => {
    await using opened = await browser.open(renderTrace(text, { maxEvents: 20 }));
    expect(flat(await opened.ask(`document.querySelector(".problems").textContent`))).toBe(
      '2 lines of the log could not be readline 3is not JSON: { oopsline 4has no time `t`: {"t":"late","ev":"in"}',
    );
    expect(await opened.ask(`document.querySelector(".notes").textContent`)).toBe(
      `Only the first 20 events are shown; ${events.length - 20} lines behind them were left out.`,
    );
  });

  test("an empty log is an empty page", async () => {
    await using opened = await browser.open(renderTrace(""));
    expect(await opened.ask(expressions.rows)).toEqual([]);
    expect(opened.complaints).toEqual([]);
  });

  test("100,000 frames on 4,000 streams: rows exist while they are in sight, and the last can be reached", async () => {
    const log: object[] = [
      { t: 0, ev: "out", type: "SETTINGS", stream: 0, flags: [], length: 0 },
      { t: 0, ev: "in", type: "SETTINGS", stream: 0, flags: [], length: 0 },
    ];
    for (let at = 0; log.length < 100_000; at++) {
      const type = at < 4000 ? "HEADERS" : "DATA";
      log.push({ t: at / 10, ev: at < 4000 ? "in" : "out", type, stream: (at % 4000) * 2 + 1, flags: [], length: 100 });
    }
    await using opened = await browser.open(renderTrace(log));
    const rows = `document.querySelectorAll(".row").length`;
    expect(await opened.ask(`document.querySelector(".lanes").dataset.rows`)).toBe("4002");
    expect(await opened.ask<number>(rows)).toBeLessThan(60);
    await press(opened, "ArrowUp", "End");
    await opened.until(`document.querySelector(".row[aria-selected=true]")?.dataset.id === "7999"`);
    expect(flat(await opened.ask(expressions.tip))).toMatch(/^DATA sent on stream 7999 24 \/ 24 /);
    expect(await opened.ask<number>(rows)).toBeLessThan(60);
    await opened.page.type("input[name=streams]", "4001");
    await opened.until(`${rows} === 3`);
    expect(await opened.ask(expressions.rows)).toEqual([
      ["connection", "connection", 0, 2],
      ["windows", "connection", 0, 2],
      ["lane", "connection", 4001, 25],
    ]);
    expect(opened.complaints).toEqual([]);
  });

  test("on a narrow screen nothing is wider than it", async () => {
    await using opened = await browser.open(renderTrace(events), 400, 800);
    await opened.page.click(".row-lane[data-connection=web][data-id='1'] .title");
    await opened.until(`document.querySelector(".panel h2") !== null`);
    expect(await opened.ask(`document.documentElement.scrollWidth`)).toBe(400);
    expect(await opened.ask<number>(`document.querySelector(".spans").clientWidth`)).toBeGreaterThan(250);
  });
});
