/**
 * The command `sluice-wire`: prints a wire log as a timeline, while it is being written if need be.
 */
import { once } from "node:events";
import { open } from "node:fs/promises";
import { parseArgs } from "node:util";
import { wireLineFormatter } from "./format-wire-log.ts";

const usage = `Usage: sluice-wire [--stream N] [FILE]

Prints a wire log, the JSON lines that wireLog of @sluice/util/observe writes,
as a timeline. Reads standard input if FILE is missing or "-".

  --stream N   only what concerns HTTP/2 stream N; 0 for the connection
  -h, --help   print this and exit

Lines that cannot be read are printed as they are behind "? ".
Exits with 0, with 1 if FILE cannot be read, with 2 for wrong arguments.
`;

const maxStreamId = 0x7fff_ffff;

interface Command {
  readonly help: boolean;
  readonly file: string | undefined;
  readonly stream: number | undefined;
}

/** @throws Error for wrong arguments. */
function parseCommand(args: string[]): Command {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { stream: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (positionals.length > 1) throw new Error(`one FILE at most, got ${positionals.length}`);
  const { stream } = values;
  if (stream !== undefined && !(/^[0-9]{1,10}$/.test(stream) && Number(stream) <= maxStreamId)) {
    throw new Error(`--stream: must be from 0 to ${maxStreamId}, got ${JSON.stringify(stream)}`);
  }
  const [file] = positionals;
  return {
    help: values.help === true,
    file: file === "-" ? undefined : file,
    stream: stream === undefined ? undefined : Number(stream),
  };
}

/** The text of a file or of standard input, in chunks. Rejects if it cannot be read. */
async function textOf(file: string | undefined): Promise<AsyncIterable<string>> {
  if (file === undefined) return process.stdin.setEncoding("utf8");
  return (await open(file)).createReadStream({ encoding: "utf8" });
}

/** The lines that chunks of text hold, as they come; the last one need not end. */
async function* linesOf(chunks: AsyncIterable<string>): AsyncIterable<string> {
  let unfinished = "";
  for await (const chunk of chunks) {
    const lines = chunk.split("\n");
    const last = lines.pop() as string;
    for (const line of lines) {
      yield unfinished + line;
      unfinished = "";
    }
    unfinished += last;
  }
  yield unfinished;
}

/** Runs the command and returns its exit code. */
async function main(args: string[]): Promise<number> {
  let command: Command;
  try {
    command = parseCommand(args);
  } catch (error) {
    process.stderr.write(`sluice-wire: ${(error as Error).message}\nTry sluice-wire --help\n`);
    return 2;
  }
  if (command.help) {
    process.stdout.write(usage);
    return 0;
  }
  const format = wireLineFormatter({ stream: command.stream });
  try {
    for await (const line of linesOf(await textOf(command.file))) {
      const formatted = format(line);
      if (formatted !== undefined && !process.stdout.write(`${formatted}\n`)) await once(process.stdout, "drain");
    }
  } catch (error) {
    process.stderr.write(`sluice-wire: ${(error as Error).message}\n`);
    return 1;
  }
  return 0;
}

// Whoever reads the timeline has seen enough: as with `sluice-wire FILE | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exitCode = await main(process.argv.slice(2));
