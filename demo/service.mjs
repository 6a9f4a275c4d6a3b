// What the server of the demo answers, the same over either version of HTTP.

import { fromIterable, full, HeaderMap, Trailers } from "@sluice/body";
import { HttpRequest, HttpResponse, sendInformational, serviceFn, upgradeOn } from "@sluice/core";
import { pusherKey } from "@sluice/core/http2";
import { greeting } from "./outcome.mjs";

export const service = serviceFn((request) => {
  switch (request.target.path) {
    case "/":
      return new HttpResponse(200, { "content-type": "text/plain" }, full(greeting));
    case "/echo":
      // The content goes out as it comes in; a client that waits to be asked for it has to be asked first.
      if (request.headers.has("expect")) sendInformational(request, 100);
      return new HttpResponse(200, {}, request.body);
    case "/trailers": {
      const trailers = new Trailers(new HeaderMap({ "x-checksum": "11e60398" }));
      const chunks = ["so ", "far ", "so ", "good\n", trailers];
      return new HttpResponse(200, { trailer: "x-checksum" }, fromIterable(chunks));
    }
    case "/early":
      sendInformational(request, 103, { link: "</style.css>; rel=preload" });
      return new HttpResponse(200, {}, full("late\n"));
    case "/later":
      return new Promise((resolve) => {
        setTimeout(() => resolve(new HttpResponse(200, {}, full("later\n"))), 20);
      });
    case "/page":
      push(request, "/style.css", "text/css", "p { color: green }\n");
      return new HttpResponse(200, { "content-type": "text/html" }, full("<link rel=stylesheet href=/style.css>\n"));
    case "/upgrade":
      if (request.headers.get("upgrade") !== "echo") return new HttpResponse(426, { upgrade: "echo" });
      upgradeOn(request).then(echo, () => {});
      return new HttpResponse(101, { upgrade: "echo" });
    default:
      return new HttpResponse(404, {}, full("not found\n"));
  }
});

/** Promises what the client will ask for next, if it takes pushes at all: only over HTTP/2, and most switch them off. */
function push(request, path, type, text) {
  const { scheme, authority } = request.target;
  request.extensions
    .get(pusherKey)
    ?.push(HttpRequest.get(`${scheme}://${authority}${path}`))
    .respond(new HttpResponse(200, { "content-type": type }, full(text)));
}

/** Sends back what comes, until the other side ends. */
function echo(io) {
  io.read((chunk, error) => {
    if (error !== undefined) io.abort(error);
    else if (chunk === null) io.shutdown(() => {});
    else if (io.write([chunk])) echo(io);
    else io.drained((failure) => (failure === undefined ? echo(io) : io.abort(failure)));
  });
}
