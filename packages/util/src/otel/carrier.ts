/** Header sections as propagators see them. */
import type { TextMapGetter, TextMapSetter } from "@opentelemetry/api";
import type { HeaderMap } from "@sluice/body";

/** Several lines of one name are given one by one: a propagator knows whether they may be joined. */
export const headerGetter: TextMapGetter<HeaderMap> = {
  keys: (headers) => [...headers.keys()],
  get(headers, name) {
    const values = headers.getAll(name);
    return values.length < 2 ? values[0] : [...values];
  },
};

export const headerSetter: TextMapSetter<HeaderMap> = {
  set(headers, name, value) {
    headers.insert(name, value);
  },
};
