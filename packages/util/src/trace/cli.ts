/**
 * The command `sluice-trace`: a wire log, or traffic of its own, as a page.
 */
import { once } from "node:events";
import { open, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { demo } from "./demo.ts";
import type { Problems } from "./model.ts";
import { pageOf } from "./page.ts";
import type { TraceReader } from "./read-trace.ts";
import { traceReader } from "./trace-options.ts";

const usage = `Usage: sluice-trace [-o PAGE] [--title TEXT] LOG
       sluice-trace [-o PAGE] [--title TEXT] --demo

Draws a wire log, the JSON lines that wireLog of @sluice/util/observe writes,
as one HTML page that needs nothing beside itself. Reads standard input if LOG
is "-". The page goes to standard output, unless that is a terminal; then it
goes to the name of the log with ".html" behind it, or to sluice-trace.html.

  -o, --out PAGE      where the page goes; "-" for standard output
  --title TEXT        the heading of the page; by default the name of the log
  --max-events N      most events that are shown, 200000 by default
  --demo              no log: a server and clients on this machine, for a second
  -h, --help          print this and exit

Lines that cannot be read are counted and named, in the page and on standard
error. Exits with 0, with 1 if LOG cannot be read or PAGE not written, with 2
for wrong arguments.
`;

/** Lines of the log that are named on standard error. */
const namedProblems = 10;
/** What is kept of a line that does not end; nothing longer is looked at. */
const maxLine = 2 << 20;

interface Command {
  readonly help: boolean;
  readonly demo: boolean;
  readonly log: string | undefined;
  readonly out: string | undefined;
  readonly reader: TraceReader;
}

/** @throws Error for wrong arguments. */
function parseCommand(args: string[]): Command {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      out: { type: "string", short: "o" },
      title: { type: "string" },
      "max-events": { type: "string" },
      demo: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const [log] = positionals;
  const isDemo = values.demo === true;
  if (values.help !== true) {
    if (isDemo && log !== undefined) throw new Error("--demo takes no LOG");
    if (!isDemo && positionals.length !== 1) throw new Error(`one LOG is needed, got ${positionals.length}`);
    if (values.out === "") throw new Error("--out: a name is needed");
  }
  return {
    help: values.help === true,
    demo: isDemo,
    log,
    out: values.out,
    reader: traceReader({
      title: values.title ?? (log === undefined || log === "-" ? "Sluice trace" : basename(log)),
      ...(values["max-events"] !== undefined && { maxEvents: wholeNumber("--max-events", values["max-events"]) }),
    }),
  };
}

function wholeNumber(option: string, text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new Error(`${option}: must be a whole number, got ${JSON.stringify(text)}`);
}

/** Hands the lines of a file or of standard input to the reader. Rejects if it cannot be read. */
async function readLog(log: string, reader: TraceReader): Promise<void> {
  const chunks =
    log === "-" ? process.stdin.setEncoding("utf8") : (await open(log)).createReadStream({ encoding: "utf8" });
  let unfinished = "";
  for await (const chunk of chunks as AsyncIterable<string>) {
    let start = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", start)) {
      reader.add(unfinished + chunk.slice(start, end));
      unfinished = "";
      start = end + 1;
    }
    if (unfinished.length < maxLine) unfinished += chunk.slice(start);
  }
  if (unfinished !== "") reader.add(unfinished);
}

/** Where the page goes; `undefined` for standard output. */
function target({ out, log }: Command): string | undefined {
  if (out !== undefined) return out === "-" ? undefined : out;
  if (!process.stdout.isTTY) return undefined;
  return log === undefined || log === "-" ? "sluice-trace.html" : `${log}.html`;
}

function report(problems: Problems): void {
  if (problems.count === 0) return;
  for (const { line, why } of problems.first.slice(0, namedProblems)) {
    process.stderr.write(`sluice-trace: line ${line} ${why}\n`);
  }
  const more = problems.count - namedProblems;
  if (more > 0) process.stderr.write(`sluice-trace: and ${more} more that could not be read\n`);
}

/** Runs the command and returns its exit code. */
async function main(args: string[]): Promise<number> {
  let command: Command;
  try {
    command = parseCommand(args);
  } catch (error) {
    process.stderr.write(`sluice-trace: ${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (command.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { reader } = command;
  try {
    if (command.demo) await demo((line) => reader.add(line));
    else await readLog(command.log ?? "-", reader);
    const trace = reader.done();
    report(trace.problems);
    for (const note of trace.notes) process.stderr.write(`sluice-trace: ${note}\n`);
    const page = pageOf(trace);
    const path = target(command);
    if (path !== undefined) {
      await writeFile(path, page);
      process.stderr.write(`sluice-trace: wrote ${path}\n`);
    } else if (!process.stdout.write(page)) {
      await once(process.stdout, "drain");
    }
  } catch (error) {
    process.stderr.write(`sluice-trace: ${(error as Error).message}\n`);
    return 1;
  }
  return 0;
}

// Whoever reads the page has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 0 : 1);
});

process.exitCode = await main(process.argv.slice(2));
