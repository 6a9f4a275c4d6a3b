/**
 * `Host` values and authorities: `uri-host [ ":" port ]` (RFC 9110 7.2, RFC 3986 3.2.2).
 */
import { all, HOST } from "../bytes/ascii.ts";

const ipLiteral = /^\[(?:[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\](?::[0-9]*)?$/;
const regName = /^(?:[^%:[\]]|%[0-9A-Fa-f]{2})*(?::[0-9]*)?$/;

/**
 * Whether `value` is a host with an optional port. An empty value is one too when `nonEmpty` is false: it stands for a
 * target URI without an authority (RFC 9112 3.2).
 */
export function isHostField(value: string, nonEmpty: boolean): boolean {
  if (value === "") return !nonEmpty;
  if (!all(value, 0, value.length, HOST)) return false;
  if (!portInRange(value)) return false;
  return value.charCodeAt(0) === 0x5b ? ipLiteral.test(value) : regName.test(value);
}

function portInRange(value: string): boolean {
  const colon = value.lastIndexOf(":");
  if (colon < 0 || value.length - colon <= 5 || value.endsWith("]")) return true;
  return Number(value.slice(colon + 1)) <= 65_535;
}
