/**
 * Reads the URL of a proxy: `http://user:password@proxy.example:3128`.
 *
 * What may hold credentials is never shown: of a URL that is refused, messages name at most the scheme.
 */
import { quoted } from "../connect-errors.ts";
import { type ProxyAuth, type ProxyScheme, ProxyUse } from "./proxy-use.ts";

/** Schemes and their default ports. */
const defaultPorts: ReadonlyMap<string, number> = new Map<ProxyScheme, number>([
  ["http", 80],
  ["https", 443],
  ["socks4", 1080],
  ["socks4a", 1080],
  ["socks5", 1080],
  ["socks5h", 1080],
]);

/** RFC 1929 section 2: one octet for each length. SOCKS4 sets no limit, and gets the same. */
const maxCredentialBytes = 255;

/**
 * The proxy that `proxy` names, as text, as a `URL` or as one that was read before. A missing scheme means `http`, a missing
 * port 80, 443 or, with SOCKS, 1080; user information is percent-decoded; path, query and fragment are ignored.
 *
 * @param option names the option in messages.
 * @param auth used instead of the credentials in the URL.
 * @throws TypeError if it is no such URL, has another scheme than `http`, `https`, `socks4`, `socks4a`, `socks5` or
 *   `socks5h`, or has credentials its protocol cannot carry.
 */
export function parseProxy(proxy: string | URL | ProxyUse, option = "proxy", auth?: ProxyAuth): ProxyUse {
  if (proxy instanceof ProxyUse) {
    if (auth === undefined) return proxy;
    return new ProxyUse(proxy.scheme, proxy.host, proxy.port, checkAuth(proxy.scheme, auth, option));
  }
  const { scheme, rest } = splitScheme(proxy, option);
  const defaultPort = defaultPorts.get(scheme);
  if (defaultPort === undefined) {
    const known = [...defaultPorts.keys()].join(", ");
    throw new TypeError(`${option} must be a URL with one of the schemes ${known}, but has ${quoted(scheme)}`);
  }
  // All proxies are read by the rules for http, for the URL standard leaves hosts of unknown schemes unread; the second
  // reading is for a port 80, which the first drops.
  const url = readUrl(`http://${rest}`, option);
  const port = url.port || readUrl(`https://${rest}`, option).port;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (port === "0") throw new TypeError(`${option}: the port of a proxy must be 1 to 65535, but is 0`);
  const given = auth ?? authOf(url);
  const known = scheme as ProxyScheme;
  return new ProxyUse(known, host, port === "" ? defaultPort : Number(port), given && checkAuth(known, given, option));
}

function splitScheme(proxy: string | URL, option: string): { scheme: string; rest: string } {
  const text = typeof proxy === "string" ? proxy.trim() : proxy instanceof URL ? proxy.href : "";
  if (text === "") throw new TypeError(`${option} must be the URL of a proxy, as a string or a URL`);
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text);
  if (match !== null) return { scheme: (match[1] as string).toLowerCase(), rest: match[2] as string };
  return { scheme: "http", rest: text };
}

function readUrl(text: string, option: string): URL {
  // A slash, which would end the authority too early, is what an empty host looks like: `http:///path`.
  if (!/^https?:\/\/[/\\]/.test(text) && URL.canParse(text)) return new URL(text);
  // The URL is not shown, for whatever is wrong with it may be in the credentials.
  throw new TypeError(`${option} must be a URL such as http://proxy.example:3128, with credentials percent-encoded`);
}

function authOf(url: URL): ProxyAuth | undefined {
  if (url.username === "" && url.password === "") return undefined;
  return { username: percentDecoded(url.username), password: percentDecoded(url.password) };
}

/** What is not an escape, or not UTF-8, stays as it is. */
function percentDecoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

/** Refuses credentials that would arrive as others than were meant, or break out of their field. */
function checkAuth(scheme: ProxyScheme, auth: ProxyAuth, option: string): ProxyAuth {
  const { username, password } = auth;
  if (typeof username !== "string" || typeof password !== "string") {
    throw new TypeError(`${option}: user and password must be strings`);
  }
  if (scheme === "http" || scheme === "https") {
    // RFC 7617 section 2.
    if (username.includes(":")) throw new TypeError(`${option}: the user must not contain a colon (RFC 7617 2)`);
    if (hasControl(username) || hasControl(password)) {
      throw new TypeError(`${option}: user and password must not contain control characters (RFC 7617 2)`);
    }
  } else if (scheme === "socks5" || scheme === "socks5h") {
    checkLength(username, 1, `${option}: the user`);
    checkLength(password, 0, `${option}: the password`);
  } else {
    checkLength(username, 0, `${option}: the user`);
    if (username.includes("\0")) throw new TypeError(`${option}: the user must not contain NUL with SOCKS4`);
  }
  return auth;
}

function checkLength(text: string, min: number, what: string): void {
  const length = Buffer.byteLength(text, "utf8");
  if (length >= min && length <= maxCredentialBytes) return;
  throw new TypeError(`${what} must be ${min} to ${maxCredentialBytes} octets of UTF-8, but is ${length}`);
}

function hasControl(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return /[\x00-\x1f\x7f]/.test(text);
}
