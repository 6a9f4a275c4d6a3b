// Writes docs/options.md, and the marked tables of docs/guides, from the tables of rules that check options: type, bounds
// and default from the rules, the text from the comments of the option interfaces, or from the rule of a defence. `--check`
// fails when a page is stale.
//
// A guide marks a table by the options that stand in it, and what is between the marks is replaced:
//
//   <!-- options: headTimeoutMs, idleTimeoutMs -->
//   <!-- end of options -->
//
// Needs a build, since it imports the rules.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./lib.mjs";

const core = join(root, "packages/core");
const h1 = await import(join(core, "dist/h1/options.js"));
const h2 = await import(join(core, "dist/h2/options.js"));
const { gaugeRules, rateRules } = await import(join(core, "dist/h2/defence/rules.js"));

/** Interface -> option -> its doc comment on one line. */
function commentsOf(...files) {
  const interfaces = new Map();
  for (const file of files) {
    const source = readFileSync(join(core, "src", file), "utf8");
    for (const section of source.split(/^export (?=interface|type)/m).slice(1)) {
      const [, name] = /^\w+ (\w+)/.exec(section);
      const docs = new Map();
      for (const [, comment, option] of section.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+readonly (\w+)\??:/g)) {
        const text = comment.replace(/^\s*\* ?/gm, "").replace(/\s+/g, " ");
        docs.set(option, text.trim());
      }
      interfaces.set(name, docs);
    }
  }
  return interfaces;
}

/** The options of the defences have no comments of their own: their rules say what is counted. */
function defences() {
  const docs = new Map();
  for (const { option, what } of rateRules) {
    docs.set(`${option}Burst`, `How often at once: ${what}.`);
    docs.set(`${option}PerSecond`, `How often per second over time: ${what}.`);
  }
  for (const { option, what } of gaugeRules) docs.set(option, `How many at a time: ${what}.`);
  return docs;
}

/** What the options of a role mean: an option may mean one thing on servers and another on clients. */
function docsOf(interfaces, role) {
  const others = ["Leniency", "RequestLeniency", "DefenceOptions", "CommonOptions"];
  const layers = [...others, role].map((name) => interfaces.get(name) ?? new Map());
  return new Map([...defences(), ...layers.flatMap((docs) => [...docs])]);
}

const h1Interfaces = commentsOf("h1/leniency.ts", "h1/options.ts");
const h2Interfaces = commentsOf("h2/defence/rules.ts", "h2/options.ts");

const faces = [
  { name: "HTTP/1 server", rules: h1.serverRules, docs: docsOf(h1Interfaces, "ServerOptions") },
  { name: "HTTP/1 client", rules: h1.clientRules, docs: docsOf(h1Interfaces, "ClientOptions") },
  { name: "HTTP/2 server", rules: h2.serverRules, docs: docsOf(h2Interfaces, "ServerOptions") },
  { name: "HTTP/2 client", rules: h2.clientRules, docs: docsOf(h2Interfaces, "ClientOptions") },
];

function bounds(rule) {
  if (rule.type === "flag") return "true, false";
  if (rule.type === "choice") return rule.of.join(", ");
  return `${rule.min} to ${rule.max === Number.POSITIVE_INFINITY ? "Infinity" : rule.max.toLocaleString("en")}`;
}

function value(rule) {
  return typeof rule.default === "number" && rule.default !== Number.POSITIVE_INFINITY
    ? rule.default.toLocaleString("en")
    : String(rule.default);
}

function meaning(name, docs) {
  const text = docs.get(name);
  if (text === undefined) throw new Error(`option ${name} has no doc comment`);
  return text.replaceAll("|", "\\|");
}

function table({ rules, docs }) {
  const rows = Object.entries(rules).map(
    ([name, rule]) => `| \`${name}\` | ${value(rule)} | ${bounds(rule)} | ${meaning(name, docs)} |`,
  );
  return ["| option | default | allowed | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

/** The table of a guide: the defaults of all faces beside each other. */
function guideTable(names) {
  const rows = names.map((name) => {
    const having = faces.filter(({ rules }) => Object.hasOwn(rules, name));
    if (having.length === 0) throw new Error(`there is no option ${name}`);
    const defaults = faces.map(({ rules }) => (Object.hasOwn(rules, name) ? value(rules[name]) : "-"));
    return [`\`${name}\``, ...defaults, commonMeaning(name, having)];
  });
  return aligned([["option", ...faces.map(({ name }) => name), "meaning"], ...rows]);
}

/** What an option means to all who have it, or to each. */
function commonMeaning(name, having) {
  const byText = new Map();
  for (const face of having) {
    const text = meaning(name, face.docs);
    byText.set(text, [...(byText.get(text) ?? []), face.name]);
  }
  if (byText.size === 1) return [...byText.keys()][0];
  return [...byText].map(([text, names]) => `${names.join(", ")}: ${text}`).join(" ");
}

/** As the formatter leaves it. */
function aligned(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`);
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

function filled(page) {
  return page.replace(
    /(<!-- options: ([^>]*?) -->\n)[\s\S]*?(<!-- end of options -->)/g,
    (_, begin, names, end) => `${begin}\n${guideTable(names.split(/,\s*/))}\n\n${end}`,
  );
}

const [h1Server, h1Client, h2Server, h2Client] = faces;

const text = `# Options

Generated by \`node scripts/option-tables.mjs\` from the code that checks them. Times are in milliseconds, and 0 means no limit;
sizes are in bytes. Every face also takes \`timer\` (default: the transport's; \`null\` for no time limits at all) and
\`observer\`. An unknown name, a wrong type or a value out of bounds throws at once.

## \`http1.serve\`

${table(h1Server)}

## \`http1.handshake\`

${table(h1Client)}

## \`http2.serve\` and \`http2.accept\`

${table(h2Server)}

## \`http2.handshake\` and \`http2.connect\`

Beside these, \`onPush\` takes a function that is told of pushes; without it pushes are switched off.

${table(h2Client)}
`;

const pages = new Map([[join(root, "docs", "options.md"), text]]);
const guides = join(root, "docs", "guides");
for (const file of readdirSync(guides).filter((name) => name.endsWith(".md"))) {
  const page = readFileSync(join(guides, file), "utf8");
  if (page.includes("<!-- options:")) pages.set(join(guides, file), filled(page));
}

const stale = [...pages].filter(([file, wanted]) => readFileSync(file, "utf8") !== wanted);
for (const [file, wanted] of stale) {
  const name = relative(root, file);
  if (process.argv.includes("--check")) {
    console.error(`${name} is stale: run node scripts/option-tables.mjs`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, wanted);
    console.log(`${name} written`);
  }
}
