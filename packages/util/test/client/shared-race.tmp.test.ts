import { HttpError, HttpRequest } from "@sluice/core";
import { expect, test } from "vitest";
import { closeWhenIdle, startFaultProxy } from "../support/fault-proxy.ts";
import { startOrigin } from "../support/origin.ts";
import { newClient, text } from "./support.ts";

test("many idle connections, all of them dead", async () => {
  for (const how of ["fin", "rst"] as const) {
        await using origin = await startOrigin();
        await using proxy = await startFaultProxy({ port: origin.port, plans: (i) => closeWhenIdle({ how, turns: i % 4, afterResponses: 1 + (i % 3) }) });
        await using client = newClient();
        const fails = new Map<string, number>();
        let live = 0;
        await Promise.all(Array.from({ length: 10 }, async (_, w) => {
          for (let i = 0; i < 200; i++) {
            if (Math.random() < 0.4) await new Promise((r) => setImmediate(r));
            try { await text(await client.request(new HttpRequest("GET", `${proxy.url}/`, { "x-id": `${w} ${i}` }))); live++; }
            catch (e) { const k = HttpError.is(e) ? e.code : String(e); fails.set(k, (fails.get(k) ?? 0) + 1); }
          }
        }));
        console.log(how, live, [...fails], origin.repeatedIds.length);
  }
  await using origin = await startOrigin();
  await using proxy = await startFaultProxy({ port: origin.port, plans: (i) => i < 10 ? closeWhenIdle({}) : "pass" });
  await using client = newClient();
  const slow = Array.from({ length: 10 }, () => client.get(`${proxy.url}/slow`).then(text));
  await origin.slow.arrived(10);
  origin.slow.release();
  await Promise.all(slow);
  await client.get(`${proxy.url}/`).then(text).then(console.log, (e) => console.log(e.code));
});
