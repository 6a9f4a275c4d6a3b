/**
 * The errors that Node's own messages give, by their codes, for the methods that are replaced here. Programs look at
 * `code`; the classes behind Node's are not to be had.
 */

type Base = new (message: string) => Error;

export interface CodedError extends Error {
  code: string;
}

function coded(make: Base, code: string, message: string): CodedError {
  return Object.assign(new make(message), { code });
}

export function writeAfterEnd(): CodedError {
  return coded(Error, "ERR_STREAM_WRITE_AFTER_END", "write after end");
}

export function alreadyFinished(method: string): CodedError {
  return coded(Error, "ERR_STREAM_ALREADY_FINISHED", `Cannot call ${method} after a stream was finished`);
}

export function streamDestroyed(method: string): CodedError {
  return coded(Error, "ERR_STREAM_DESTROYED", `Cannot call ${method} after a stream was destroyed`);
}

export function nullValues(): CodedError {
  return coded(TypeError, "ERR_STREAM_NULL_VALUES", "May not write null values to stream");
}

export function invalidChunk(chunk: unknown): CodedError {
  const message = `The "chunk" argument must be of type string or an instance of Buffer or Uint8Array, got ${typeof chunk}`;
  return coded(TypeError, "ERR_INVALID_ARG_TYPE", message);
}

export function invalidHeaders(): CodedError {
  return coded(TypeError, "ERR_INVALID_ARG_VALUE", "The argument 'headers' must hold a value for each name");
}

export function lengthMismatch(written: number, declared: number): CodedError {
  const message = `Response body's content-length of ${written} byte(s) does not match the content-length of ${declared} byte(s) set in header`;
  return coded(Error, "ERR_HTTP_CONTENT_LENGTH_MISMATCH", message);
}

/** What a request is destroyed with when the client has gone. */
export function clientAborted(cause: unknown): CodedError {
  return Object.assign(new Error("aborted", cause === undefined ? undefined : { cause }), { code: "ECONNRESET" });
}

export function serverNotRunning(): CodedError {
  return coded(Error, "ERR_SERVER_NOT_RUNNING", "Server is not running.");
}
