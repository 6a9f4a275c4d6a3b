import { HttpError } from "@sluice/core";
import { expect, test } from "vitest";
import { abortReason, transportError } from "./transport-error.ts";

test("keeps the errno name as the code and the original as the cause", () => {
  const cause = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
  expect(transportError(cause)).toMatchObject({
    kind: "io",
    code: "EPIPE",
    cause,
    message: "the transport failed: write EPIPE",
  });
});

test("anything may be thrown", () => {
  for (const cause of [undefined, null, "text", 7, {}, { code: 7 }, { code: "" }, new Error("")]) {
    expect(transportError(cause, "FALLBACK")).toMatchObject({ kind: "io", code: "FALLBACK", cause });
  }
});

test("an HttpError passes through", () => {
  const error = new HttpError("timeout", "HEADER_TIMEOUT", "too slow");
  expect(transportError(error)).toBe(error);
});

test("an abort without a reason has an error", () => {
  expect(abortReason("because")).toBe("because");
  expect(abortReason(undefined)).toMatchObject({ kind: "canceled", code: "TRANSPORT_ABORTED" });
});
