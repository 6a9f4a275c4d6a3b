/** The order of middleware. */
import { HttpRequest, HttpResponse, serviceFn } from "@sluice/core";
import { compose, type Middleware } from "@sluice/util/middleware";
import { expect, test } from "vitest";

function noting(log: string[], name: string): Middleware {
  return (inner) =>
    serviceFn((request) => {
      log.push(`${name} in`);
      const response = inner.call(request);
      log.push(`${name} out`);
      return response;
    });
}

test("the first is outermost, and a synchronous answer stays one", () => {
  const log: string[] = [];
  const answer = new HttpResponse(204);
  const service = compose(noting(log, "a"), compose(noting(log, "b"), noting(log, "c")))(serviceFn(() => answer));
  expect(service.call(HttpRequest.get("/"))).toBe(answer);
  expect(log).toEqual(["a in", "b in", "c in", "c out", "b out", "a out"]);
});

test("of nothing it is the service itself", () => {
  const service = serviceFn(() => new HttpResponse());
  expect(compose()(service)).toBe(service);
});

test("anything but a function is refused at once", () => {
  expect(() => compose((inner) => inner, undefined as never)).toThrow(
    new TypeError("compose: argument 2 must be a function, got undefined"),
  );
});
