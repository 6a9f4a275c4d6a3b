/**
 * A proxy, and what it takes to use it. Whatever prints it shows that there are credentials and not what they are.
 */
import { authorityOf } from "../authority.ts";
import { conceal, printAs } from "./conceal.ts";

/** How a proxy is spoken to. */
export type ProxyScheme = "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h";

/** What the proxy asks for; not percent-encoded. */
export interface ProxyAuth {
  readonly username: string;
  /** Empty where there is none. */
  readonly password: string;
}

/** One proxy; made by `parseProxy`. */
export class ProxyUse {
  readonly scheme: ProxyScheme;
  /** A host name, lower-case, or an IP address; an IPv6 address without brackets. */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
  readonly #auth: ProxyAuth | undefined;

  /** @internal Use `parseProxy`, which checks the parts. */
  constructor(scheme: ProxyScheme, host: string, port: number, auth: ProxyAuth | undefined) {
    this.scheme = scheme;
    this.host = host;
    this.port = port;
    this.#auth = auth && conceal({ username: auth.username, password: auth.password }, "[credentials]");
  }

  /** Whether it speaks HTTP; otherwise it speaks SOCKS. */
  get isHttp(): boolean {
    return this.scheme === "http" || this.scheme === "https";
  }

  /** User and password for the proxy; undefined if it is to be used without. */
  get auth(): ProxyAuth | undefined {
    return this.#auth;
  }

  /** What a `Proxy-Authorization` field says (RFC 7617, in UTF-8); undefined without credentials. It is a secret. */
  get basicAuth(): string | undefined {
    if (this.#auth === undefined) return undefined;
    const { username, password } = this.#auth;
    return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
  }

  /** Host and port, an IPv6 address in brackets. */
  get authority(): string {
    return authorityOf(this.host, this.port);
  }

  /** The URL, with `***` for the credentials. */
  toString(): string {
    return `${this.scheme}://${this.#auth === undefined ? "" : "***@"}${this.authority}`;
  }

  /** As `toString`: without credentials. */
  toJSON(): string {
    return this.toString();
  }

  static {
    printAs(ProxyUse, (proxy) => `ProxyUse <${proxy}>`);
  }
}
