/**
 * Decides which proxy, if any, leads to a target.
 */

import { flagOption, knownOptions } from "../../options.ts";
import { printAs } from "./conceal.ts";
import { isThisMachine, NoProxy } from "./no-proxy.ts";
import { type Environment, readProxyEnvironment } from "./proxy-from-env.ts";
import { parseProxy } from "./proxy-url.ts";
import type { ProxyUse } from "./proxy-use.ts";

/** What the choice depends on; a `ConnectTarget` is one. */
export interface ProxyTarget {
  /** Lower-case. */
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

/** Anything that chooses proxies. */
export interface ProxyRules {
  /** The proxy for `target`; undefined if it is reached without one. */
  intercept(target: ProxyTarget): ProxyUse | undefined;
}

/** Which proxies there are. Each is a URL; without a scheme it is one of `http`. Credentials go before an `@`. */
export interface ProxyMatcherOptions {
  /** For targets of `http`. Default: `all`. */
  readonly http?: string | URL | ProxyUse | undefined;
  /** For targets of `https`. Default: `all`. */
  readonly https?: string | URL | ProxyUse | undefined;
  /** For targets without a proxy of their own. Default: none. */
  readonly all?: string | URL | ProxyUse | undefined;
  /** Hosts reached without a proxy, in the words of `NO_PROXY`, as one text or one by one. Default: none. */
  readonly noProxy?: string | readonly string[] | undefined;
  /** Whether targets on this machine (`localhost`, `*.localhost`, 127.0.0.0/8, ::1) get a proxy. Default true. */
  readonly loopback?: boolean | undefined;
}

const face = "ProxyMatcher";

export class ProxyMatcher implements ProxyRules {
  readonly #http: ProxyUse | undefined;
  readonly #https: ProxyUse | undefined;
  readonly #all: ProxyUse | undefined;
  readonly #noProxy: NoProxy;
  readonly #loopback: boolean;

  /** @throws TypeError for options that make no sense; credentials are not shown. */
  constructor(options: ProxyMatcherOptions = {}) {
    knownOptions(face, options, ["http", "https", "all", "noProxy", "loopback"]);
    const { http, https, all, noProxy = "" } = options;
    this.#http = http === undefined ? undefined : parseProxy(http, `${face}: http`);
    this.#https = https === undefined ? undefined : parseProxy(https, `${face}: https`);
    this.#all = all === undefined ? undefined : parseProxy(all, `${face}: all`);
    if (
      typeof noProxy !== "string" &&
      !(Array.isArray(noProxy) && noProxy.every((entry) => typeof entry === "string"))
    ) {
      throw new TypeError("ProxyMatcher: noProxy must be a string, or an array of strings");
    }
    this.#noProxy = new NoProxy(typeof noProxy === "string" ? noProxy : noProxy.join(","));
    this.#loopback = flagOption(face, "loopback", options.loopback, true);
  }

  /**
   * What the environment says: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, each in upper case or else in lower
   * case; set to nothing is not set. All are ignored where `REQUEST_METHOD` is set, for in a CGI program the client can
   * choose `HTTP_PROXY`. A proxy that cannot be read, or has an unknown scheme, is ignored.
   *
   * Targets on this machine never get a proxy from the environment (as in Go): it was written with others in mind, and what
   * a proxy calls localhost is another machine. Only the environment is read, not the settings of an operating system.
   *
   * @param env default: `process.env`, as it is now.
   */
  static fromEnv(env: Environment = process.env): ProxyMatcher {
    const { http, https, all, noProxy } = readProxyEnvironment(env);
    return new ProxyMatcher({
      http: tryParse(http),
      https: tryParse(https),
      all: tryParse(all),
      noProxy,
      loopback: false,
    });
  }

  /** The proxy for `target`; undefined if it is reached without one. */
  intercept(target: ProxyTarget): ProxyUse | undefined {
    const proxy = this.#chosen(target.scheme);
    if (proxy === undefined) return undefined;
    if (!this.#loopback && isThisMachine(target.host)) return undefined;
    return this.#noProxy.matches(target.host, target.port) ? undefined : proxy;
  }

  /** The rules, with `***` for credentials. */
  toString(): string {
    const parts = [
      this.#http && `http: ${this.#http}`,
      this.#https && `https: ${this.#https}`,
      this.#all && `all: ${this.#all}`,
      `${this.#noProxy}` && `noProxy: ${this.#noProxy}`,
    ];
    return `ProxyMatcher <${parts.filter(Boolean).join("; ")}>`;
  }

  static {
    printAs(ProxyMatcher, String);
  }

  #chosen(scheme: string): ProxyUse | undefined {
    if (scheme === "http") return this.#http ?? this.#all;
    return scheme === "https" ? (this.#https ?? this.#all) : this.#all;
  }
}

/** Short for `ProxyMatcher.fromEnv(env)`. */
export function proxyFromEnv(env: Environment = process.env): ProxyMatcher {
  return ProxyMatcher.fromEnv(env);
}

function tryParse(text: string | undefined): ProxyUse | undefined {
  if (text === undefined) return undefined;
  try {
    return parseProxy(text);
  } catch {
    return undefined;
  }
}
