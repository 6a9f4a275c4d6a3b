/**
 * The proxies that the environment names: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, in upper or lower case.
 */

/** What `process.env` is. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What was found, as it stands there. */
export interface ProxyEnvironment {
  readonly http: string | undefined;
  readonly https: string | undefined;
  readonly all: string | undefined;
  readonly noProxy: string | undefined;
}

/** Upper case comes first; a variable that is set to nothing counts as not set. */
export function readProxyEnvironment(env: Environment): ProxyEnvironment {
  // In a CGI program a request's field `Proxy: ...` arrives as HTTP_PROXY (CVE-2016-5385): nothing can be believed there.
  if (env["REQUEST_METHOD"] !== undefined) {
    return { http: undefined, https: undefined, all: undefined, noProxy: undefined };
  }
  const read = (name: string): string | undefined => env[name] || env[name.toLowerCase()] || undefined;
  return { http: read("HTTP_PROXY"), https: read("HTTPS_PROXY"), all: read("ALL_PROXY"), noProxy: read("NO_PROXY") };
}
