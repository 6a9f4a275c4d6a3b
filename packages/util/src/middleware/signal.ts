/**
 * How an exchange is given up from above: a signal that travels with the request.
 *
 * `HttpRequest.signal` is the connection's, and says that the peer has gone. A middleware that gives up for reasons of its
 * own, as a timeout does, puts a signal into the extensions that aborts for either reason; who works below looks there.
 */
import {
  type ExtensionKey,
  extensionKey,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  type Service,
} from "@sluice/core";

/** The signal that gives an exchange up, if it is another than the request's own. */
export const signalKey: ExtensionKey<AbortSignal> = extensionKey("signal");

/** Aborts when nobody wants the response any more: the signal under `signalKey`, else the request's own. */
export function signalOf(request: HttpRequest): AbortSignal {
  return request.extensionsIfAny?.get(signalKey) ?? request.signal;
}

/** What a call rejects with whose signal has aborted: the reason if it is an `HttpError`, else one of kind `canceled`. */
export function givenUp(reason: unknown): HttpError {
  if (HttpError.is(reason)) return reason;
  return new HttpError("canceled", "CANCELED", "the request was canceled by its signal", { cause: reason });
}

/**
 * Calls `inner`, but waits for it no longer than until `signal` aborts. Then the body of the request is cancelled, and so is
 * that of a response that comes all the same.
 */
export function callUntil(
  inner: Service,
  request: HttpRequest,
  signal: AbortSignal,
): HttpResponse | Promise<HttpResponse> {
  if (signal.aborted) {
    const error = givenUp(signal.reason);
    cancelBody(request, error);
    throw error;
  }
  const answer = inner.call(request);
  if (!isPromise(answer)) return answer;
  return new Promise((resolve, reject) => {
    let error: HttpError | undefined;
    const abort = (): void => {
      error = givenUp(signal.reason);
      cancelBody(request, error);
      reject(error);
    };
    signal.addEventListener("abort", abort, { once: true });
    answer.then(
      (response) => {
        signal.removeEventListener("abort", abort);
        if (error === undefined) resolve(response);
        else cancelBody(response, error);
      },
      (cause: unknown) => {
        signal.removeEventListener("abort", abort);
        reject(cause);
      },
    );
  });
}

/** Cancels the body of a message that nobody wants; what a body of the program's throws meanwhile is dropped. */
export function cancelBody(message: HttpRequest | HttpResponse, reason?: unknown): void {
  try {
    message.body.cancel(reason);
  } catch {
    // Nothing is left to be freed.
  }
}

/** Whether a service has to be waited for. */
export function isPromise<T extends object>(answer: T | Promise<T>): answer is Promise<T> {
  return typeof (answer as { then?: unknown }).then === "function";
}

/** A function among the options threw. */
export function callbackFailed(name: string, cause: unknown): HttpError {
  return new HttpError("user", "CALLBACK_FAILED", `${name} threw`, { cause });
}
