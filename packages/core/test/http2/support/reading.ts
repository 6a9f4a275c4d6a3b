/**
 * A body that is read in the background, as soon as anything of it comes: its content, its trailers, and how it ended.
 * Reading gives credit back to the peer; a test about that asks the body for its frames one by one instead.
 */
import { type Body, isTrailers } from "@sluice/body";
import { HttpError } from "@sluice/core";
import { latin1 } from "../../support/wire.ts";
import type { Line } from "./hpack.ts";
import { errorCodes, nameOf } from "./names.ts";

export interface Reading {
  /** The frames of content, each as text of one char per octet. */
  readonly pieces: string[];
  trailers: readonly Line[] | undefined;
  /** `open`, `ended`, or the error (see `errorText`). */
  outcome: string;
}

export function read(body: Body): Reading {
  const reading: Reading = { pieces: [], trailers: undefined, outcome: "open" };
  readAll(body, reading).then(
    () => {
      reading.outcome = "ended";
    },
    (error: unknown) => {
      reading.outcome = HttpError.is(error) ? errorText(error) : String(error);
    },
  );
  return reading;
}

async function readAll(body: Body, reading: Reading): Promise<void> {
  for (let frame = await body.frame(); frame !== null; frame = await body.frame()) {
    if (isTrailers(frame)) reading.trailers = [...frame.fields];
    else reading.pieces.push(latin1(frame));
  }
}

/** An error in two words or three: kind, code and, if there is one, the HTTP/2 error code. */
export function errorText(error: HttpError): string {
  const reason = error.reason === undefined ? "" : ` ${nameOf(errorCodes, error.reason)}`;
  return `${error.kind} ${error.code}${reason}`;
}
