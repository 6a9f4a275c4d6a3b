// The proxy as a service: each request is made anew for its upstream, and the response for the client.

import { HttpResponse, reasonPhraseKey, sendInformational, serviceFn, setTimeouts, upgradeOn } from "@sluice/core";
import { Client } from "@sluice/util/client";
import { httpsConnector } from "@sluice/util/connect";
import { passedOn, setFraming } from "./bodies.mjs";
import { failureLine, isClientsFault, statusOf } from "./failures.mjs";
import { endToEnd } from "./fields.mjs";
import { policies, setVia } from "./forwarded.mjs";
import { outgoingRequest } from "./outgoing.mjs";
import { rewriteLocation } from "./redirects.mjs";
import { hasOtherCodings, methods, plainAnswer, refusal } from "./refusals.mjs";
import { routesOf } from "./routes.mjs";
import { splice } from "./splice.mjs";
import { askedProtocol, bothEnds, granted, isGranted } from "./upgrades.mjs";
import { hostAndPort } from "./upstream.mjs";

const defaults = {
  /** As `routesOf` takes them. */
  routes: [],
  /** What is said of the client and of this proxy: `append`, `replace` or `off`. */
  forwarded: "replace",
  via: "append",
  /** What this proxy calls itself. */
  name: "sluice",
  /** Protocols that may be changed to. */
  upgrades: ["websocket"],
  /** What CONNECT may lead to, as `host:port`: nothing. */
  tunnels: [],
  /** How long an upgraded connection or a tunnel may be silent. */
  tunnelIdleMs: 600_000,
  /** Makes the connections. Proxies of the environment are not for us. */
  connector: undefined,
  /** Options of the client for the upstreams, such as `maxConnectionsPerHost` and `maxQueuedPerHost`. */
  client: {},
  /** Is given a line for each failure. */
  log: () => {},
};

/**
 * Makes a proxy. `serve` makes the service of one connection, as `serveAll` takes it; `close` ends what is left behind.
 * @throws TypeError for options that make no sense.
 */
export function reverseProxy(options) {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(defaults, name)) throw new TypeError(`reverseProxy: ${name} is not an option`);
  }
  const settings = { ...defaults, ...options };
  for (const name of ["forwarded", "via"]) {
    if (!policies.includes(settings[name])) throw new TypeError(`${name}: must be one of ${policies.join(", ")}`);
  }
  return new ReverseProxy(settings);
}

class ReverseProxy {
  #settings;
  #routeOf;
  #tunnelTargets;
  #connector;
  #client;
  #end = new AbortController();

  constructor(settings) {
    this.#settings = settings;
    this.#routeOf = routesOf(settings.routes);
    this.#tunnelTargets = new Map(settings.tunnels.map((text) => [text.toLowerCase(), hostAndPort(text)]));
    this.#connector = settings.connector ?? httpsConnector();
    const { client } = settings;
    // Events may come seldom: what counts is how long nothing comes.
    const http1 = { minBodyRate: 0, ...client.http1 };
    this.#client = new Client({ connector: this.#connector, ...client, http1 });
  }

  /** The service for what comes in on `io`. */
  serve = (io) => serviceFn((request) => this.#call(request, io.info));

  /** Ends upgraded connections and tunnels, which no server looks after, and the connections to upstreams. */
  async close() {
    this.#end.abort(new Error("the proxy is closed"));
    await this.#client.close();
  }

  #call(request, info) {
    const refused = refusal(request);
    if (refused !== undefined) return refused;
    const protocol = askedProtocol(request, this.#settings.upgrades);
    if (request.method === "CONNECT" && protocol === undefined) return this.#connect(request);
    const route = this.#routeOf(request);
    return route === undefined ? plainAnswer(404) : this.#forward({ request, info, route, protocol });
  }

  async #forward(exchange) {
    const { request, route, protocol } = exchange;
    const { origin, version, headMs, idleMs } = route.upstream;
    const { outgoing, accept } = outgoingRequest(exchange, this.#settings);
    setTimeouts(request, { requestTimeoutMs: 0, bodyTimeoutMs: idleMs });
    try {
      const response = await this.#client.request(outgoing, {
        origin,
        version: protocol === undefined ? version : "http1",
        signal: request.signal,
        timeouts: { headTimeoutMs: headMs, bodyTimeoutMs: idleMs, requestTimeoutMs: 0 },
        // RFC 9110 15.2: a proxy passes them on, 100 too.
        onInformational: (status, headers) => void sendInformational(request, status, endToEnd(headers)),
      });
      return this.#answer(exchange, response, accept);
    } catch (error) {
      // Nobody waits for this answer.
      if (isClientsFault(error, request)) throw error;
      this.#settings.log(failureLine(request, route, error));
      const status = statusOf(error);
      return plainAnswer(status, status === 503 ? { "retry-after": "1" } : {});
    }
  }

  /** The response as the client is to see it. */
  #answer({ request, info, route, protocol }, response, accept) {
    const { via, name, log } = this.#settings;
    const fields = endToEnd(response.headers);
    setVia(fields, response, via, name);
    rewriteLocation(fields, request, route, info);
    if (protocol !== undefined && isGranted(response, protocol, accept)) {
      this.#join(request, upgradeOn(response));
      return granted(request, protocol, fields);
    }
    // To a client of HTTP/2 any 2xx would be a grant.
    const isFalseGrant = request.method === "CONNECT" && response.status < 300;
    if (response.status === 101 || isFalseGrant || hasOtherCodings(response.headers)) {
      response.body.cancel();
      if (response.status === 101) upgradeOn(response).then((io) => io.abort());
      log(`${request.method} ${request.target.path}: an answer that cannot be passed on, ${response.status}`);
      return plainAnswer(502);
    }
    if (request.method !== "HEAD" && response.status !== 304) setFraming(fields, response);
    const answer = new HttpResponse(response.status, fields);
    const reason = response.extensionsIfAny?.get(reasonPhraseKey);
    if (reason !== undefined) answer.withReason(reason);
    return answer.withBody(
      passedOn(response, {
        mustAnnounce: request.version !== "HTTP/2",
        lost: (names) => log(`${request.method} ${request.target.path}: lost trailers ${names.join()}`),
        failed: (error) => {
          if (!request.signal.aborted) log(failureLine(request, route, error));
        },
      }),
    );
  }

  /** CONNECT: through to the few places it may lead to, past all upstreams. */
  async #connect(request) {
    // RFC 9220 3: a protocol that is not for us.
    if (request.target.form !== "authority") return plainAnswer(501);
    const to = this.#tunnelTargets.get(request.target.authority.toLowerCase());
    if (to === undefined) return plainAnswer(405, { allow: methods });
    try {
      const { io } = await this.#connector({ scheme: "http", ...to }, request.signal);
      this.#join(request, Promise.resolve(io));
      return new HttpResponse(200);
    } catch (error) {
      this.#settings.log(`CONNECT: ${error.kind} ${error.code}`);
      return plainAnswer(statusOf(error));
    }
  }

  /** Joins the client's transport, once the answer was sent, with another one. */
  #join(request, upstream) {
    const limits = { idleMs: this.#settings.tunnelIdleMs, signal: this.#end.signal };
    bothEnds(request, upstream)
      .then(([client, server]) => splice(client, server, limits))
      // However a tunnel ends, both of its ends are told, and nobody else asks.
      .catch(() => {});
  }
}
