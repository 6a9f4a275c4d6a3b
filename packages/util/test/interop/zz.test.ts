import { test } from "vitest";
import { startServer2 } from "./support/h2-server.ts";
import { routes } from "./support/routes.ts";
import { run } from "./support/command.ts";
test("x", async () => {
  await using server = await startServer2(routes, { frames: true });
  let r = await run("nghttp", ["-v","-t3","--expect-continue","-d","/tmp/ngd/a",`${server.origin}/echo`]);
  console.log(r.code, r.stderr, r.stdout.toString(), server.exchanges);
  r = await run("nghttp", ["-v","-t3","--no-rfc7540-pri",`${server.origin}/hello`]);
  console.log(r.code, r.stderr, r.stdout.toString().slice(0,1500), server.exchanges);
  r = await run("h2load", ["-n", "2000", "-m", "32", "-c8", "-d", "/dev/stdin",`${server.origin}/size`], {input:"x".repeat(5000)});
  console.log(r.code, r.stderr, r.stdout.toString().slice(0,1500), server.exchanges);
});
