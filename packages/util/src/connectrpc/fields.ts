/**
 * Fields between `Headers`, which connect-es reads and writes, and the maps of messages.
 */
import { HeaderMap } from "@sluice/body";

export function headersOf(fields: HeaderMap): Headers {
  const headers = new Headers();
  appendFields(headers, fields);
  return headers;
}

export function appendFields(headers: Headers, fields: HeaderMap): void {
  for (let i = 0; i < fields.size; i++) headers.append(fields.nameAt(i), fields.valueAt(i));
}

/** @throws TypeError for a value that cannot be sent. */
export function fieldsOf(headers: Headers): HeaderMap {
  const fields = new HeaderMap();
  headers.forEach((value, name) => {
    fields.append(name, value);
  });
  return fields;
}
