/** routing.mjs: every kind of answer, in both versions. */
import { expect, test } from "vitest";
import { ask, versions } from "./exchange.ts";
import { startExample } from "./program.ts";

const type = "text/plain; charset=utf-8";

test("routing.mjs", async () => {
  await using program = await startExample("routing.mjs");
  for (const version of versions) {
    const text = async (path: string, method = "GET"): Promise<unknown[]> => {
      const answer = await ask(program.port, path, { method, version });
      return [answer.status, answer.text];
    };
    expect(await text("/")).toEqual([200, "home\n"]);
    expect(await text("/users/7")).toEqual([200, "user 7\n"]);
    expect(await text("/users/7?a=b")).toEqual([200, "user 7\n"]);
    expect(await text("/users/a%2Fb/posts/hello%20world")).toEqual([200, 'post "hello world" of user a/b\n']);
    expect(await text("/search?q=a&q=b%26c")).toEqual([200, "a+b&c\n"]);
    expect(await text("/users/7", "DELETE")).toEqual([204, ""]);
    for (const path of ["/users", "/users/", "/users/7/", "/users//posts/1", "/none"]) {
      expect(await text(path)).toEqual([404, "there is nothing here\n"]);
    }
    expect(await text("/users/%zz")).toEqual([400, "malformed path\n"]);
    expect(await ask(program.port, "/users/7", { method: "HEAD", version })).toEqual({
      status: 200,
      fields: { "content-type": type, "content-length": "7" },
      text: "",
    });
    expect(await ask(program.port, "/users/7", { method: "OPTIONS", version })).toEqual({
      status: 204,
      fields: { allow: "GET, HEAD, DELETE, OPTIONS" },
      text: "",
    });
    expect(await ask(program.port, "/", { method: "PUT", version })).toEqual({
      status: 405,
      fields: { "content-type": type, allow: "GET, HEAD, OPTIONS", "content-length": "49" },
      text: "there is something here, but not for that method\n",
    });
  }
  expect(await program.stop()).toBe(0);
});
