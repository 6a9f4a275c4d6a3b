/**
 * What is shown of a query. The values of parameters that sign a URL open what it leads to, so the conventions have them
 * replaced.
 */

/** Names of further parameters, or what makes the text that is shown. */
export type RedactQuery = readonly string[] | ((query: string) => string | undefined);

/** The parameters whose values are never shown, unless a function decides. Names are compared without regard to case. */
export const defaultRedactedParameters: readonly string[] = [
  "AWSAccessKeyId",
  "Signature",
  "sig",
  "X-Amz-Credential",
  "X-Amz-Security-Token",
  "X-Amz-Signature",
  "X-Goog-Signature",
];

/** @throws TypeError for anything but names or a function. */
export function queryRedactor(face: string, redact: RedactQuery = []): (query: string) => string | undefined {
  if (typeof redact === "function") return redact;
  if (!Array.isArray(redact) || !redact.every((name) => typeof name === "string")) {
    throw new TypeError(`${face}: redactQuery must be a list of names or a function, got ${typeof redact}`);
  }
  const names = new Set([...defaultRedactedParameters, ...redact].map((name: string) => name.toLowerCase()));
  return (query) =>
    query
      .split("&")
      .map((parameter) => redacted(parameter, names))
      .join("&");
}

function redacted(parameter: string, names: ReadonlySet<string>): string {
  const equals = parameter.indexOf("=");
  if (equals < 0) return parameter;
  const name = parameter.slice(0, equals);
  return names.has(decoded(name).toLowerCase()) ? `${name}=REDACTED` : parameter;
}

/** A name may be spelt in percent-encoding, which must not hide it. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
