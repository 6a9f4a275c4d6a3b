/**
 * The page around a trace. Style and script are the same in all pages, so that the policy names them by their hashes: nothing
 * else can run, whatever a log holds, and nothing is loaded. The trace is a data block, which is never executed; its text
 * holds no character that could end it.
 */
import type { Trace } from "./model.ts";
import { pageScript, pageStyle, scriptHash, styleHash } from "./page-assets.ts";

const policy = [
  "default-src 'none'",
  `script-src '${scriptHash}'`,
  `style-src '${styleHash}'`,
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The page as one text. */
export function pageOf(trace: Trace): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${asText(trace.title)}</title>
<link rel="icon" href="data:,">
<style>${pageStyle}</style>
</head>
<body>
<noscript><p>This page draws a trace, for which it needs JavaScript.</p></noscript>
<script type="application/json" id="trace">${embedded(trace)}</script>
<script>${pageScript}</script>
</body>
</html>
`;
}

/** JSON that means nothing to a parser of HTML: no tag, comment or entity begins in it, and no line of JavaScript ends. */
export function embedded(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function asText(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
