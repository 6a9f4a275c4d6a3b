// What the API reference is made from: every entry point that packages/*/package.json exports, read from its source. A
// subpath that is exported is a module of the reference, so none can be forgotten. Whatever typedoc warns of is an error:
// a {@link} that leads nowhere, a type in a public signature that nobody can import, something public without a docstring.
//
// `npm run docs` writes docs/api/html; with `--check`, as in npm test, nothing is written.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application, Converter, ReflectionKind } from "typedoc";

const out = fileURLToPath(new URL("html", import.meta.url));
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** source file -> the name it is imported by. */
const modules = new Map();
const packages = [];
for (const folder of readdirSync(join(root, "packages")).map((name) => join(root, "packages", name))) {
  const { name, exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  packages.push(name);
  for (const [subpath, target] of Object.entries(exports)) {
    if (target.types === undefined) continue;
    const source = target.types.replace("./dist/", "src/").replace(/\.d\.ts$/, ".ts");
    modules.set(join(folder, source), name + subpath.slice(1));
  }
}

/** What public signatures mention and no program needs a name for, by package. */
const unnamed = {
  "@sluice/core": [
    // What classes implement for the engine alone.
    "frame/settings.ts:SettingsSink",
    "stream/stream.ts:StreamReader",
    "server/pushes.ts:SlotWaiter",
    // Where the keys of a record of counts come from.
    "defence/rules.ts:rateRules",
    "defence/defences.ts:GlitchName",
    // A function in few words.
    "handles/respond.ts:ResetListener",
    "handles/send-stream.ts:ResetListener",
  ],
  "@sluice/util": [
    "pool/linked-list.ts:Linked",
    "memory/scripted-io.ts:Done",
    "node/socket-io.ts:Done",
    // The platform's, which not all libraries of types name.
    "fetch/platform.ts:HeadersInit",
  ],
};

/** Modules are called what they are imported by, not by the paths of their files. */
function importNames(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
    const name = modules.get(file);
    if (name === undefined) throw new Error(`${file} is a module of the reference, but nobody can import it`);
    reflection.name = name;
  });
}

/** Methods of interfaces such as `WebSocketLike`: of what a platform has, and explains. */
function platformMethods(project, name) {
  const methods = project.getReflectionsByKind(ReflectionKind.CallSignature).filter(({ parent }) => {
    return parent.kindOf(ReflectionKind.Method) && parent.parent.name.endsWith("Like");
  });
  const bare = methods.filter((method) => !method.hasComment() && !method.parent.hasComment());
  const names = new Set(bare.map((method) => method.getFriendlyFullName()));
  return [...names].filter((full) => full.startsWith(`${name}/`) || full.startsWith(`${name}.`));
}

const app = await Application.bootstrap({
  name: "Sluice",
  entryPoints: [...modules.keys()],
  tsconfig: join(root, "docs/api/tsconfig.json"),
  readme: join(root, "docs/api/README.md"),
  out,
  // Where the sources will be read is not known here.
  disableSources: true,
  excludeInternal: true,
  // What a property is, its name and type mostly say; all else needs words.
  requiredToBeDocumented: ["Variable", "Function", "Class", "Interface", "Method", "TypeAlias"],
  validation: { invalidLink: true, invalidPath: true, notExported: true, notDocumented: true, rewrittenLink: true },
});
importNames(app);

const project = await app.convert();
if (project !== undefined) {
  // typedoc asks of one package only that its types are exported and documented: so it is asked for each.
  for (const name of packages) {
    project.packageName = name;
    app.options.setValue("intentionallyNotExported", unnamed[name] ?? []);
    app.options.setValue("intentionallyNotDocumented", platformMethods(project, name));
    app.validate(project);
  }
  project.packageName = undefined;
}
if (project === undefined || app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
if (process.argv.includes("--check")) process.exit(0);
await app.generateDocs(project, out);
process.exit(app.logger.hasErrors() || app.logger.hasWarnings() ? 1 : 0);
