/** One request to an example, in either version, and all that came back. */
import { empty, full } from "@sluice/body";
import { HttpRequest } from "@sluice/core";
import { Client, type HttpVersionChoice } from "@sluice/util/client";
import { received } from "./support.ts";

export type Version = Exclude<HttpVersionChoice, "auto">;

export const versions: readonly Version[] = ["http1", "http2"];

export interface Ask {
  readonly method?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly content?: string | Uint8Array;
  readonly version?: Version;
}

export interface Answer {
  readonly status: number;
  /** Without `date`, and what says how HTTP/1 frames content of no known length. */
  readonly fields: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface AnswerWithTrailers extends Answer {
  readonly trailers: Readonly<Record<string, string>>;
}

/** Asks over a connection of its own, which is closed when the answer is there. */
export async function ask(port: number, path: string, options: Ask = {}): Promise<Answer> {
  const { trailers: _, ...answer } = await askForTrailers(port, path, options);
  return answer;
}

/** As `ask`, with what came behind the content. */
export async function askForTrailers(port: number, path: string, options: Ask = {}): Promise<AnswerWithTrailers> {
  const { method = "GET", fields = {}, content, version = "http1" } = options;
  const client = new Client({ version });
  try {
    const body = content === undefined ? empty() : full(content);
    const request = new HttpRequest(method, `http://127.0.0.1:${port}${path}`, { ...fields }, body);
    const { status, text, trailers, ...answer } = await received(await client.request(request));
    const others = answer.fields.filter(([name]) => name !== "date" && name !== "transfer-encoding");
    return { status, fields: Object.fromEntries(others), text, trailers: Object.fromEntries(trailers ?? []) };
  } finally {
    await client.destroy();
  }
}
