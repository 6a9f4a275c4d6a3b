/**
 * Written by scripts/trace-page.mjs from trace-page/. Do not edit.
 *
 * The script and the style of the page, with the hashes by which its policy knows them.
 */

export const scriptHash = "sha256-edb6mKxrK/m4ZOihxaJZIw85L1Iuj2jDBbMJTHCzWOk=";
export const styleHash = "sha256-HTaug/3bzbwLT3p+7rqqKykac5TNfn2bJSZoB51rrmg=";

export const pageStyle: string = `:root {
color-scheme: light dark;
--sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
--mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
--ground: #f7f7f4;
--sheet: #ffffff;
--ink: #1d2126;
--muted: #66707a;
--rule: #ececea;
--rule-strong: #cfd2d4;
--line: #dcdedd;
--accent: #1c5fd0;
--select: #e9f0fd;
--group: #f3f4f1;
--life: #b4bac0;
--life-half: #dde0e3;
--send: #1c6dd0;
--receive: #0d8a5f;
--bad: #c4271b;
--bad-soft: #fbe9e6;
--stall: #b26a00;
--k-headers: #2563c9;
--k-response: #0c7fa3;
--k-data: #1f8f63;
--k-push: #8a3fc0;
--k-settings: #6b7683;
--k-window: #b58900;
--k-ping: #c0468a;
--k-priority: #8d7a63;
--k-reset: #d0342c;
--k-goaway: #9b1c12;
--k-stall: #d98200;
--k-defence: #b3208b;
--k-other: #8a9199;
}
@media (prefers-color-scheme: dark) {
:root {
--ground: #121417;
--sheet: #191c20;
--ink: #e5e8eb;
--muted: #95a0ab;
--rule: #24282d;
--rule-strong: #3d444c;
--line: #2e343a;
--accent: #7aabff;
--select: #1d2b44;
--group: #1f2328;
--life: #59626c;
--life-half: #363c43;
--send: #6aa7ff;
--receive: #43c592;
--bad: #ff7b6e;
--bad-soft: #3a1d1b;
--stall: #f0ad4e;
--k-headers: #74a7ff;
--k-response: #4cc3e6;
--k-data: #4ec994;
--k-push: #c493f5;
--k-settings: #9ba6b2;
--k-window: #e2bd3f;
--k-ping: #f08cc0;
--k-priority: #c0ab90;
--k-reset: #ff6b60;
--k-goaway: #ff8f6b;
--k-stall: #ffb347;
--k-defence: #f272cf;
--k-other: #98a1aa;
}
}
* {
box-sizing: border-box;
}
body {
margin: 0;
height: 100dvh;
display: flex;
flex-direction: column;
background: var(--ground);
color: var(--ink);
font: 14px / 1.45 var(--sans);
-webkit-text-size-adjust: 100%;
}
header {
padding: 14px 20px 4px;
display: flex;
flex-wrap: wrap;
align-items: baseline;
gap: 2px 18px;
}
h1 {
margin: 0;
font-size: 19px;
font-weight: 650;
letter-spacing: -0.01em;
overflow-wrap: anywhere;
}
.facts {
margin: 0;
color: var(--muted);
font-variant-numeric: tabular-nums;
}
.facts span {
white-space: nowrap;
}
.facts span + span::before {
content: "·";
margin: 0 9px;
}
.notes,
.problems {
flex-basis: 100%;
margin: 4px 0 0;
font-size: 13px;
}
.notes {
padding-left: 18px;
color: var(--stall);
}
.problems summary {
cursor: pointer;
color: var(--bad);
}
.problems dl {
max-height: 160px;
overflow: auto;
}
button,
input,
select {
font: inherit;
color: inherit;
}
button {
cursor: pointer;
}
:focus-visible {
outline: 2px solid var(--accent);
outline-offset: 1px;
}
.toolbar {
padding: 8px 20px;
display: flex;
flex-wrap: wrap;
gap: 8px 16px;
align-items: center;
}
.field {
display: inline-flex;
align-items: center;
gap: 7px;
}
.field > span {
color: var(--muted);
font-size: 12.5px;
}
.toolbar input[type="search"],
.toolbar select {
height: 30px;
padding: 0 9px;
border: 1px solid var(--line);
border-radius: 6px;
background: var(--sheet);
}
.toolbar input[name="text"] {
width: 190px;
}
.toolbar input[name="streams"] {
width: 92px;
}
.toolbar input[aria-invalid="true"] {
border-color: var(--bad);
background: var(--bad-soft);
}
.toolbar select {
max-width: 190px;
}
.switch {
display: inline-flex;
align-items: center;
gap: 6px;
font-size: 13px;
}
.switch input {
accent-color: var(--accent);
margin: 0;
}
.buttons {
margin-left: auto;
display: inline-flex;
}
.buttons button {
min-width: 32px;
height: 30px;
padding: 0 9px;
border: 1px solid var(--line);
border-left-width: 0;
background: var(--sheet);
}
.buttons button:first-child {
border-left-width: 1px;
border-radius: 6px 0 0 6px;
}
.buttons button:last-child {
border-radius: 0 6px 6px 0;
}
.buttons button:hover,
.chip:hover,
.all:hover {
background: var(--select);
}
.legend {
padding: 0 20px 10px;
display: flex;
flex-wrap: wrap;
gap: 5px 6px;
align-items: center;
}
.chip,
.all {
display: inline-flex;
align-items: center;
gap: 6px;
height: 24px;
padding: 0 9px 0 8px;
border: 1px solid var(--line);
border-radius: 12px;
background: var(--sheet);
font-size: 12px;
}
.chip .count {
color: var(--muted);
font-variant-numeric: tabular-nums;
}
.chip[aria-pressed="false"] {
opacity: 0.5;
text-decoration: line-through;
}
.swatch {
flex: none;
display: inline-block;
width: 9px;
height: 9px;
border-radius: 2px;
background: var(--k-other);
}
.swatch.k-headers {
background: var(--k-headers);
}
.swatch.k-response {
background: var(--k-response);
}
.swatch.k-data {
background: var(--k-data);
}
.swatch.k-push {
background: var(--k-push);
}
.swatch.k-settings {
background: var(--k-settings);
}
.swatch.k-window {
background: var(--k-window);
}
.swatch.k-ping {
background: var(--k-ping);
}
.swatch.k-priority {
background: var(--k-priority);
}
.swatch.k-reset {
background: var(--k-reset);
}
.swatch.k-goaway {
background: var(--k-goaway);
}
.swatch.k-stall {
background: var(--k-stall);
}
.swatch.k-defence {
background: var(--k-defence);
}
.keys {
margin-left: auto;
display: flex;
flex-wrap: wrap;
gap: 2px 14px;
color: var(--muted);
font-size: 12px;
}
.key {
display: inline-flex;
align-items: center;
gap: 5px;
}
.sign {
display: inline-block;
width: 10px;
height: 10px;
}
.sign.up,
.sign.down,
.sign.event {
background: var(--muted);
}
.sign.up {
clip-path: polygon(50% 5%, 95% 90%, 5% 90%);
}
.sign.down {
clip-path: polygon(5% 10%, 95% 10%, 50% 95%);
}
.sign.event {
clip-path: polygon(50% 0, 100% 50%, 50% 100%, 0 50%);
}
.sign.send-line,
.sign.receive-line {
width: 18px;
height: 0;
border-top: 2px solid var(--send);
}
.sign.receive-line {
border-top: 2px dashed var(--receive);
}
.sign.stall,
.span.stall {
background: repeating-linear-gradient(
135deg,
color-mix(in srgb, var(--k-stall) 38%, transparent) 0 3px,
color-mix(in srgb, var(--k-stall) 14%, transparent) 3px 7px
);
}
.sign.fired {
background: color-mix(in srgb, var(--bad) 30%, transparent);
border-left: 2px solid var(--bad);
}
main {
flex: 1;
min-height: 0;
display: flex;
border-top: 1px solid var(--line);
background: var(--sheet);
}
.timeline {
flex: 1;
min-width: 0;
display: flex;
flex-direction: column;
}
.overview {
position: relative;
flex: none;
height: 35px;
margin-left: 250px;
overflow: hidden;
cursor: grab;
touch-action: none;
border-bottom: 1px solid var(--rule);
}
.overview canvas {
display: block;
}
.overview .window {
position: absolute;
inset-block: 0;
border: solid var(--accent);
border-width: 0 2px;
background: color-mix(in srgb, var(--accent) 10%, transparent);
box-shadow: 0 0 0 9999px color-mix(in srgb, var(--ground) 45%, transparent);
}
.chart {
--label-width: 250px;
position: relative;
flex: 1;
min-height: 0;
overflow: hidden;
}
.chart > canvas {
position: absolute;
inset: 0;
pointer-events: none;
z-index: 1;
}
.lanes {
position: absolute;
inset: 30px 0 0;
overflow: hidden auto;
touch-action: pan-y;
cursor: default;
border-top: 1px solid var(--rule-strong);
}
.lanes:focus-visible {
outline: none;
}
.chart:has(.lanes:focus-visible)::after {
content: "";
position: absolute;
inset: 30px 0 0;
z-index: 5;
border: 2px solid var(--accent);
pointer-events: none;
}
.space {
position: relative;
min-height: 100%;
}
.row {
position: absolute;
left: 0;
right: 0;
display: flex;
}
.row[aria-selected="true"] {
background: var(--select);
}
.row-connection {
background: var(--group);
}
.label {
flex: none;
position: relative;
z-index: 3;
width: var(--label-width);
padding: 0 10px 0 28px;
display: flex;
align-items: center;
gap: 8px;
background: var(--sheet);
border-right: 1px solid var(--line);
border-bottom: 1px solid var(--rule);
overflow: hidden;
user-select: none;
font-size: 13px;
}
.row-connection .label {
background: var(--group);
padding-left: 6px;
}
.row:hover .label {
background: var(--select);
}
.row[aria-selected="true"] .label {
background: var(--select);
box-shadow: inset 3px 0 var(--accent);
}
.toggle {
border: 0;
background: none;
padding: 2px 5px;
color: var(--muted);
font-size: 12px;
}
.name {
flex: 1;
min-width: 0;
display: flex;
flex-direction: column;
line-height: 1.2;
}
.name b {
font-weight: 620;
overflow: hidden;
text-overflow: ellipsis;
white-space: nowrap;
}
.about {
font-size: 11px;
color: var(--muted);
}
.id {
flex: none;
min-width: 26px;
color: var(--muted);
font: 11.5px var(--mono);
text-align: right;
}
.title {
flex: 1;
min-width: 0;
overflow: hidden;
text-overflow: ellipsis;
white-space: nowrap;
}
.outcome {
flex: none;
max-width: 45%;
overflow: hidden;
text-overflow: ellipsis;
font: 11px var(--mono);
color: var(--muted);
}
.outcome.bad {
color: var(--bad);
font-weight: 600;
}
.badge {
flex: none;
padding: 1px 7px;
border-radius: 9px;
font-size: 11px;
font-weight: 600;
color: var(--bad);
background: var(--bad-soft);
}
.curves {
display: grid;
grid-template-columns: auto auto 1fr;
gap: 1px 7px;
font-size: 11.5px;
color: var(--muted);
line-height: 1.25;
width: 100%;
}
.curves .of {
grid-column: 1 / -1;
overflow: hidden;
text-overflow: ellipsis;
white-space: nowrap;
}
.curve {
display: contents;
}
.curve .line {
align-self: center;
width: 16px;
border-top: 2px solid var(--send);
}
.curve.receive .line {
border-top: 2px dashed var(--receive);
}
.curve b {
font: 600 11.5px var(--mono);
color: var(--ink);
text-align: right;
}
.spans {
position: relative;
flex: 1;
min-width: 0;
overflow: hidden;
pointer-events: none;
}
.span {
position: absolute;
inset-block: 2px;
border-radius: 2px;
}
.span.fired {
inset-block: 0;
border-radius: 0;
background: color-mix(in srgb, var(--bad) 12%, transparent);
border-left: 2px solid var(--bad);
}
.span em {
position: absolute;
top: 50%;
left: 6px;
z-index: 4;
translate: 0 -50%;
padding: 0 5px;
border-radius: 3px;
font: 600 10.5px / 1.5 var(--sans);
white-space: nowrap;
color: var(--stall);
background: color-mix(in srgb, var(--sheet) 82%, transparent);
}
.span.fired em {
color: var(--bad);
}
.span em.before {
left: auto;
right: calc(100% + 5px);
}
.span.stall em {
top: auto;
bottom: 0;
translate: none;
}
.cursor {
position: absolute;
z-index: 2;
width: 0;
border-left: 1.5px solid var(--accent);
pointer-events: none;
}
.empty {
position: absolute;
inset: 76px 0 auto;
margin: 0;
text-align: center;
color: var(--muted);
}
.panel {
position: relative;
flex: none;
width: 340px;
overflow: auto;
padding: 16px 18px 28px;
border-left: 1px solid var(--line);
background: var(--ground);
}
.panel .close {
position: absolute;
top: 10px;
right: 10px;
width: 28px;
height: 28px;
border: 0;
border-radius: 6px;
background: none;
color: var(--muted);
font-size: 19px;
line-height: 1;
}
.panel .close:hover {
background: var(--select);
}
.kicker {
margin: 0;
color: var(--muted);
font-size: 12px;
padding-right: 30px;
overflow-wrap: anywhere;
}
h2 {
margin: 2px 0 10px;
font-size: 16px;
font-weight: 640;
overflow-wrap: anywhere;
}
h3 {
margin: 20px 0 6px;
font-size: 12.5px;
font-weight: 640;
}
.hint {
margin: 4px 0;
color: var(--muted);
font-size: 12.5px;
}
.pairs {
margin: 0;
display: grid;
grid-template-columns: minmax(84px, auto) 1fr;
gap: 3px 12px;
font-size: 13px;
}
.pairs dt {
color: var(--muted);
overflow-wrap: anywhere;
}
.pairs dd {
margin: 0;
overflow-wrap: anywhere;
font-variant-numeric: tabular-nums;
unicode-bidi: isolate;
}
.fields {
font: 12px / 1.5 var(--mono);
margin-top: 4px;
}
.start-line {
font: 600 12.5px / 1.5 var(--mono);
overflow-wrap: anywhere;
}
.kinds {
border-collapse: collapse;
font-size: 12.5px;
width: 100%;
}
.kinds th,
.kinds td {
padding: 2px 0;
text-align: right;
font-weight: 400;
font-variant-numeric: tabular-nums;
}
.kinds th[scope="row"] {
text-align: left;
overflow-wrap: anywhere;
}
.kinds th[scope="row"] .swatch {
margin-right: 7px;
}
.kinds th[scope="col"] {
color: var(--muted);
font-size: 11.5px;
}
.tip {
position: fixed;
z-index: 10;
max-width: min(440px, calc(100vw - 16px));
max-height: calc(100vh - 16px);
overflow: hidden;
padding: 9px 12px 10px;
border: 1px solid var(--rule-strong);
border-radius: 8px;
background: var(--sheet);
box-shadow: 0 6px 22px rgb(0 0 0 / 18%);
pointer-events: none;
}
.tip-title {
display: flex;
align-items: baseline;
gap: 8px;
margin-bottom: 5px;
font-size: 13px;
}
.tip-title .place {
margin-left: auto;
padding-left: 14px;
color: var(--muted);
font-size: 12px;
font-variant-numeric: tabular-nums;
}
.tip .pairs {
font-size: 12.5px;
}
.tip .fields {
font-size: 11.5px;
}
.tip .fields dd {
display: -webkit-box;
-webkit-line-clamp: 3;
-webkit-box-orient: vertical;
overflow: hidden;
}
.tip .start-line {
margin-top: 8px;
padding-top: 7px;
border-top: 1px solid var(--rule);
}
.tip .more {
color: var(--muted);
font-size: 12px;
}
@media (max-width: 760px) {
body {
height: auto;
min-height: 100dvh;
}
header {
padding: 12px 14px 2px;
}
.toolbar {
padding: 8px 14px;
gap: 8px 12px;
}
.toolbar input[name="text"] {
width: 150px;
}
.toolbar input[name="streams"] {
width: 78px;
}
.buttons {
margin-left: 0;
}
.buttons button {
min-width: 40px;
height: 36px;
}
.legend {
padding: 0 14px 8px;
flex-wrap: nowrap;
overflow-x: auto;
}
.chip,
.all {
flex: none;
height: 28px;
border-radius: 14px;
}
.keys {
flex-wrap: nowrap;
margin-left: 4px;
}
.key {
white-space: nowrap;
}
main {
flex-direction: column;
}
.timeline {
flex: none;
height: 64dvh;
min-height: 320px;
}
.overview {
margin-left: 124px;
}
.chart {
--label-width: 124px;
}
.label {
padding: 0 6px 0 8px;
gap: 5px;
font-size: 12px;
}
.row-connection .label {
padding-left: 2px;
}
.row-connection .badge {
position: absolute;
right: 4px;
bottom: 2px;
padding: 0 5px;
font-size: 10px;
}
.id {
min-width: 18px;
font-size: 10.5px;
}
.row-lane .outcome {
font-size: 10px;
}
.curve .word {
display: none;
}
.curves {
grid-template-columns: auto 1fr;
font-size: 11px;
gap: 1px 5px;
}
.panel {
width: auto;
border-left: 0;
border-top: 1px solid var(--line);
}
}
@media (forced-colors: active) {
.swatch,
.sign {
forced-color-adjust: none;
}
}`;

export const pageScript: string = `(function() {
	// packages/util/trace-page/dom.ts
	function element(tag, attributes = {}, ...children) {
		const made = document.createElement(tag);
		for (const [name, value] of Object.entries(attributes)) {
			if (value === void 0) continue;
			if (name === "text") made.textContent = shown(value);
			else made.setAttribute(name, value);
		}
		made.append(...children);
		return made;
	}
	/** A button that does something. */
	function button(text, label, action) {
		const made = element("button", {
			type: "button",
			text,
			"aria-label": label,
			title: label
		});
		made.addEventListener("click", action);
		return made;
	}
	/** Rows of a name and a value. */
	function pairs(rows) {
		const list = element("dl", { class: "pairs" });
		for (const [name, value] of rows) {
			const cell = element("dd");
			if (typeof value === "string") cell.textContent = shown(value);
			else cell.append(value);
			list.append(element("dt", { text: name }), cell);
		}
		return list;
	}
	/** Without what hides in text: controls, and marks that turn its direction around. */
	function shown(text) {
		return text.replace(/[\\p{Cc}\\p{Cf}\\u2028\\u2029]/gu, (char) => \`\\\\u{\${(char.codePointAt(0) ?? 0).toString(16)}}\`);
	}
	// packages/util/trace-page/words.ts
	/** What is said of lanes and marks, in words. */
	/** A duration or a time, with three or four digits that matter. */
	function time(ms) {
		const size = Math.abs(ms) * 1.0005;
		if (size >= 12e4) return \`\${(ms / 6e4).toFixed(1)} min\`;
		if (size >= 1e4) return \`\${(ms / 1e3).toFixed(1)} s\`;
		if (size >= 1e3) return \`\${(ms / 1e3).toFixed(2)} s\`;
		if (size >= 100) return \`\${ms.toFixed(0)} ms\`;
		if (size >= 10) return \`\${ms.toFixed(1)} ms\`;
		if (size >= 1 || size === 0) return \`\${ms.toFixed(size === 0 ? 0 : 2)} ms\`;
		return \`\${(ms * 1e3).toFixed(0)} µs\`;
	}
	/** A time to the microsecond, as the log has it. */
	function exactTime(ms) {
		return \`\${ms.toFixed(3)} ms\`;
	}
	function octets(count) {
		if (Math.abs(count) < 1e4) return \`\${count.toLocaleString("en")} B\`;
		const units = [
			"KiB",
			"MiB",
			"GiB",
			"TiB"
		];
		let value = count / 1024;
		let unit = 0;
		while (Math.abs(value) >= 1024 && unit < units.length - 1) {
			value /= 1024;
			unit++;
		}
		return \`\${value.toFixed(1)} \${units[unit] ?? ""}\`;
	}
	function number(count) {
		return count.toLocaleString("en");
	}
	function counted(count, what) {
		return \`\${number(count)} \${what}\${count === 1 ? "" : "s"}\`;
	}
	function requestOf(lane) {
		return lane.heads.find(({ what }) => what === "request");
	}
	function responseOf(lane) {
		return lane.heads.find(({ what }) => what === "response");
	}
	/** What a lane is about: its request, as far as it is known. */
	function titleOf(lane, connection) {
		if (lane.kind === "connection") return connection.name;
		const request = requestOf(lane);
		if (request !== void 0) return \`\${request.method ?? "request"} \${request.path ?? ""}\`.trim();
		if (lane.promisedOn !== void 0) return \`pushed on \${lane.promisedOn}\`;
		return lane.kind === "stream" ? \`stream \${lane.id}\` : \`exchange \${lane.id}\`;
	}
	/** How it came out, in a word or two. */
	function outcomeOf(lane) {
		const status = responseOf(lane)?.status;
		const failure = lane.failed?.code ?? lane.failed?.kind;
		return lane.reset?.code ?? failure ?? (status === void 0 ? "" : String(status));
	}
	function isBad(lane) {
		return lane.reset !== void 0 && lane.reset.code !== "NO_ERROR" || lane.failed !== void 0;
	}
	/** What a mark is: \`HEADERS received on stream 1\`. */
	function markTitle(trace, lane, mark) {
		const kind = trace.kinds[lane.marks[mark * 4 + 1] ?? -1] ?? "event";
		const direction = lane.marks[mark * 4 + 2];
		return \`\${kind}\${direction === 0 ? " received" : direction === 1 ? " sent" : ""}\${lane.kind === "connection" ? "" : lane.kind === "stream" ? \` on stream \${lane.id}\` : \` of exchange \${lane.id}\`}\`;
	}
	// packages/util/trace-page/labels.ts
	/**
	* The rows as elements: a label for each, and over the time line what spans time. Only those in sight exist, which is why
	* each says its place among all.
	*/
	/** A row shows no more spans than these; those in sight come first. */
	var maxSpans = 200;
	/** Room for a text. */
	var readable = 90;
	/** The element of a row, without what depends on the part of time in sight. */
	function rowElement(row, index, total, actions) {
		const { lane, connection } = row;
		const made = element("div", {
			class: \`row row-\${row.kind}\`,
			id: \`row-\${index}\`,
			role: "option",
			"aria-posinset": String(index + 1),
			"aria-setsize": String(total),
			"data-row": row.kind,
			"data-kind": lane.kind,
			"data-connection": connection.name,
			"data-id": String(lane.id),
			"data-marks": String(lane.marks.length / 4)
		});
		made.style.top = \`\${row.top}px\`;
		made.style.height = \`\${row.height}px\`;
		const label = element("div", { class: "label" });
		if (row.kind === "windows") label.append(...windowsLabel(row));
		else if (row.kind === "connection") label.append(...connectionLabel(row, actions));
		else label.append(...laneLabel(row));
		made.append(label, element("div", { class: "spans" }));
		return made;
	}
	function connectionLabel(row, actions) {
		const { connection } = row;
		const isCollapsed = actions.isCollapsed(row);
		const toggle = element("button", {
			type: "button",
			class: "toggle",
			tabindex: "-1",
			text: isCollapsed ? "▸" : "▾",
			"aria-label": \`\${isCollapsed ? "Show" : "Hide"} the lanes of \${connection.name}\`
		});
		toggle.addEventListener("click", (event) => {
			event.stopPropagation();
			actions.toggle(row);
		});
		const about = [connection.version, connection.side].filter((part) => part !== void 0 && part !== "unknown");
		const name = element("div", { class: "name" }, element("b", { text: connection.name }));
		name.append(element("span", {
			class: "about",
			text: about.join(" · ")
		}));
		const made = [toggle, name];
		const { fired } = connection;
		if (fired !== void 0) made.push(element("span", {
			class: "badge bad",
			"data-defence": fired.name,
			text: fired.isDefence ? "defence" : "error"
		}));
		return made;
	}
	function laneLabel({ lane, connection }) {
		const made = [element("span", {
			class: "id",
			text: lane.kind === "stream" ? String(lane.id) : \`#\${lane.id}\`
		}), element("span", {
			class: "title",
			text: titleOf(lane, connection)
		})];
		const outcome = outcomeOf(lane);
		if (outcome !== "") made.push(element("span", {
			class: isBad(lane) ? "outcome bad" : "outcome",
			text: outcome
		}));
		return made;
	}
	function windowsLabel({ lane, kind }) {
		const end = (curve) => number(curve?.at(-1) ?? 0);
		const value = (name) => element("span", {
			class: \`curve \${name}\`,
			"data-window": name,
			"data-end": String(lane.windows?.[name].at(-1) ?? "")
		}, element("i", { class: "line" }), element("span", {
			class: "word",
			text: name
		}), element("b", { text: end(lane.windows?.[name]) }));
		const of = lane.kind === "connection" ? "Connection window" : \`Window of stream \${lane.id}\`;
		return [element("div", { class: \`curves \${kind}\` }, element("span", {
			class: "of",
			text: of
		}), value("send"), value("receive"))];
	}
	/** Puts what spans time where it belongs now. */
	function placeSpans(made, row, view) {
		const holder = made.lastElementChild;
		holder.replaceChildren();
		const { lane, connection } = row;
		const { fired } = connection;
		if (fired !== void 0) {
			const span = spanElement("fired", fired.at, connection.end, view, row.kind === "connection" ? fired.name : "");
			if (span !== void 0) {
				if (fired.isDefence) span.setAttribute("data-defence", fired.name);
				holder.append(span);
			}
		}
		let count = 0;
		for (const { from, to, by } of lane.stalls) {
			if (to < view.from || from > view.to || ++count > maxSpans) continue;
			const span = spanElement("stall", from, to, view, row.kind === "windows" ? "" : by);
			span?.setAttribute("data-by", by);
			if (span !== void 0) holder.append(span);
		}
	}
	function spanElement(name, from, to, view, text) {
		if (to < view.from || from > view.to) return void 0;
		const left = Math.max(-4, view.x(from) - view.left);
		const right = Math.min(view.width + 4, view.x(to) - view.left);
		const span = element("span", { class: \`span \${name}\` });
		span.style.left = \`\${left}px\`;
		span.style.width = \`\${Math.max(3, right - left)}px\`;
		if (text !== "") {
			const fits = right - left > readable;
			const isLate = !fits && left > view.width - 180;
			if (fits || name === "fired") span.append(element("em", {
				class: isLate ? "before" : "",
				text
			}));
		}
		return span;
	}
	// packages/util/trace-page/glyphs.ts
	/**
	* The shapes of marks. The side says the direction: what is sent lies above the lane's line and points up, what is received
	* below it and points down, events that only we know of lie on it. Bars are content, by size; triangles are other frames.
	*/
	var barKinds = /* @__PURE__ */ new Set([
		"DATA",
		"read",
		"write"
	]);
	var headKinds = /* @__PURE__ */ new Set([
		"HEADERS",
		"PUSH_PROMISE",
		"request",
		"response",
		"interim"
	]);
	var loudKinds = /* @__PURE__ */ new Set(["RST_STREAM", "GOAWAY"]);
	var diamond = 4;
	/** Draws one on the line at \`y\`, with \`reach\` above and below it. */
	function drawGlyph(to, glyph, x, y, reach) {
		const { kind, direction, octets } = glyph;
		if (direction !== 0 && direction !== 1) {
			drawDiamond(to, x, y, diamond);
			return;
		}
		const up = direction === 1 ? -1 : 1;
		if (barKinds.has(kind)) {
			const height = 2 + (reach - 3) * Math.min(1, Math.log2(octets + 1) / 14);
			to.fillRect(x - 1.25, up < 0 ? y - 1 - height : y + 1, 2.5, height);
			return;
		}
		const size = loudKinds.has(kind) || headKinds.has(kind) ? 1 : .72;
		const height = (reach - 1) * size;
		const half = 4.2 * size;
		to.beginPath();
		if (headKinds.has(kind)) {
			to.moveTo(x, y + up * (reach - 1));
			to.lineTo(x + half, y + up * (reach - 1 - half * 1.6));
			to.lineTo(x + 1, y + up * (reach - 1 - half * 1.6));
			to.lineTo(x + 1, y + up);
			to.lineTo(x - 1, y + up);
			to.lineTo(x - 1, y + up * (reach - 1 - half * 1.6));
			to.lineTo(x - half, y + up * (reach - 1 - half * 1.6));
		} else {
			to.moveTo(x, y + up * height);
			to.lineTo(x + half, y + up * 1.5);
			to.lineTo(x - half, y + up * 1.5);
		}
		to.closePath();
		to.fill();
	}
	function drawDiamond(to, x, y, size) {
		to.beginPath();
		to.moveTo(x, y - size);
		to.lineTo(x + size, y);
		to.lineTo(x, y + size);
		to.lineTo(x - size, y);
		to.closePath();
		to.fill();
	}
	// packages/util/trace-page/rows.ts
	/** Which rows there are, one below the other, after filters have taken out what is not looked for. */
	var heights = {
		connection: 40,
		lane: 30,
		windows: 58
	};
	var Rows = class {
		rows = [];
		height = 0;
		filter;
		collapsed = /* @__PURE__ */ new Set();
		/** Windows of all streams are shown, not those of the selected one only. */
		allWindows = false;
		#trace;
		#texts = /* @__PURE__ */ new WeakMap();
		constructor(trace) {
			this.#trace = trace;
			this.filter = {
				text: "",
				connection: -1,
				streams: void 0,
				hidden: trace.kinds.map(() => false)
			};
		}
		update(selected) {
			const rows = [];
			let top = 0;
			const push = (kind, connection, lane) => {
				rows.push({
					kind,
					connection,
					lane,
					top,
					height: heights[kind]
				});
				top += heights[kind];
			};
			for (const [index, connection] of this.#trace.connections.entries()) {
				if (this.filter.connection >= 0 && this.filter.connection !== index) continue;
				const [own, ...others] = connection.lanes;
				if (own === void 0) continue;
				const lanes = others.filter((lane) => this.#passes(connection, lane));
				if (lanes.length === 0 && !this.#passes(connection, own)) continue;
				push("connection", connection, own);
				if (this.collapsed.has(connection)) continue;
				if (own.windows !== void 0) push("windows", connection, own);
				for (const lane of lanes) {
					push("lane", connection, lane);
					if (lane.windows !== void 0 && (this.allWindows || lane === selected)) push("windows", connection, lane);
				}
			}
			this.rows = rows;
			this.height = top;
		}
		/** The time of the connection that is asked for; \`undefined\` if all are. */
		get times() {
			const connection = this.#trace.connections[this.filter.connection];
			return connection === void 0 ? void 0 : [connection.start, connection.end];
		}
		/** The index of the row at a height; of the last one below all. */
		indexAt(y) {
			let low = 0;
			let high = this.rows.length - 1;
			while (low < high) {
				const middle = low + high + 1 >> 1;
				if ((this.rows[middle]?.top ?? 0) <= y) low = middle;
				else high = middle - 1;
			}
			return low;
		}
		#passes(connection, lane) {
			const { text, streams, hidden } = this.filter;
			if (streams !== void 0 && !streams.some(([from, to]) => lane.id >= from && lane.id <= to)) return false;
			if (text !== "" && !this.#textOf(connection, lane).includes(text)) return false;
			return !hidden.includes(true) || hasShown(lane, hidden);
		}
		/** All that is said of a lane, in lower case. */
		#textOf(connection, lane) {
			let text = this.#texts.get(lane);
			if (text !== void 0) return text;
			const parts = [
				connection.name,
				titleOf(lane, connection),
				lane.reset?.code,
				lane.failed?.code
			];
			for (const head of lane.heads) {
				parts.push(head.method, head.scheme, head.authority, head.path, head.status);
				for (const [name, value] of head.fields ?? []) parts.push(\`\${name}: \${value}\`);
			}
			for (const details of Object.values(lane.details)) for (const [name, value] of Object.entries(details)) if (name !== "head") parts.push(\`\${name}=\${value}\`);
			for (const { by } of lane.stalls) parts.push(\`stalled by \${by}\`);
			if (lane.kind === "connection") parts.push(connection.fired?.name, connection.closed?.code);
			const kinds = /* @__PURE__ */ new Set();
			for (let at = 1; at < lane.marks.length; at += 4) kinds.add(lane.marks[at] ?? -1);
			for (const kind of kinds) parts.push(this.#trace.kinds[kind]);
			text = parts.filter((part) => part !== void 0).join("\\n").toLowerCase();
			this.#texts.set(lane, text);
			return text;
		}
	};
	function hasShown(lane, hidden) {
		for (let at = 1; at < lane.marks.length; at += 4) if (!hidden[lane.marks[at] ?? -1]) return true;
		return lane.marks.length === 0;
	}
	/** \`1, 5-9\` as ranges; \`undefined\` for an empty text, \`null\` for one that says nothing. */
	function rangesOf(text) {
		if (text.trim() === "") return void 0;
		const ranges = [];
		for (const part of text.split(/[\\s,]+/).filter((piece) => piece !== "")) {
			const match = /^(\\d{1,10})(?:-(\\d{1,10}))?$/.exec(part);
			if (match === null) return null;
			const from = Number(match[1]);
			ranges.push([from, match[2] === void 0 ? from : Number(match[2])]);
		}
		return ranges;
	}
	/** The first mark at or behind a time. */
	function markAt(lane, time) {
		let low = 0;
		let high = lane.marks.length / 4;
		while (low < high) {
			const middle = low + high >> 1;
			if ((lane.marks[middle * 4] ?? 0) < time) low = middle + 1;
			else high = middle;
		}
		return low;
	}
	var tickWidth = 96;
	/** Marks of a kind that are closer than this are one. */
	var closest = 1.5;
	function paint(to, scene) {
		const { view, theme } = scene;
		const right = view.left + view.width;
		to.clearRect(0, 0, right, scene.height);
		paintGrid(to, scene);
		to.save();
		to.beginPath();
		to.rect(view.left, 30, view.width, scene.height - 30);
		to.clip();
		for (let index = scene.first; index <= scene.last; index++) {
			const row = scene.rows[index];
			if (row === void 0) continue;
			const top = 30 + row.top - scene.scrollTop;
			to.fillStyle = theme.of("rule");
			to.fillRect(view.left, top + row.height - 1, view.width, 1);
			if (row.kind === "windows") paintWindows(to, scene, row, top);
			else paintLane(to, scene, row, top);
		}
		to.restore();
	}
	function paintGrid(to, { view, theme, height }) {
		to.font = \`11px \${theme.of("sans")}\`;
		to.textBaseline = "middle";
		for (const { at, step } of view.ticks(tickWidth)) {
			const x = Math.round(view.x(at));
			to.fillStyle = theme.of("rule");
			to.fillRect(x, 24, 1, height);
			if (x + 50 > view.left + view.width) continue;
			to.fillStyle = theme.of("muted");
			to.fillText(tickLabel(at, step), x + 5, 16);
		}
	}
	function tickLabel(at, step) {
		if (at === 0) return "0";
		if (step >= 1e3) return \`\${Number((at / 1e3).toFixed(1))} s\`;
		if (step >= 1) return at >= 1e4 ? \`\${(at / 1e3).toFixed(3)} s\` : \`\${Math.round(at)} ms\`;
		return step >= .001 ? \`\${Number(at.toFixed(3))} ms\` : time(at);
	}
	function paintLane(to, scene, row, top) {
		const { view, theme, trace, hidden } = scene;
		const { lane } = row;
		const middle = Math.round(top + row.height / 2);
		const reach = Math.floor(row.height / 2) - 2;
		paintLife(to, scene, row, middle);
		const { kinds } = trace;
		const latest = new Float64Array(kinds.length * 3).fill(Number.NEGATIVE_INFINITY);
		const slack = (view.to - view.from) / view.width * 8;
		const { marks } = lane;
		for (let at = markAt(lane, view.from - slack) * 4; at < marks.length; at += 4) {
			const when = marks[at] ?? 0;
			if (when > view.to + slack) break;
			const number = marks[at + 1] ?? 0;
			if (hidden[number]) continue;
			const x = view.x(when);
			const direction = marks[at + 2] ?? 2;
			const slot = number * 3 + direction;
			if (x - (latest[slot] ?? 0) < closest) continue;
			latest[slot] = x;
			const kind = kinds[number] ?? "";
			to.fillStyle = theme.kind(kind);
			drawGlyph(to, {
				kind,
				direction,
				octets: marks[at + 3] ?? 0
			}, x, middle, reach);
		}
	}
	/** The line of a lane, from its first event to its end, fainter once one side is closed. */
	function paintLife(to, { view, theme, trace }, row, middle) {
		const { lane, connection } = row;
		const end = lane.end ?? (lane.kind === "connection" ? connection.end : Math.min(connection.end, trace.end));
		const from = Math.max(view.left - 2, view.x(lane.start));
		const until = Math.min(view.left + view.width + 2, view.x(end));
		if (until < from) return;
		to.fillStyle = theme.of("life");
		to.fillRect(from, middle - 1, Math.max(2, until - from), 2);
		for (const [index, [at, state]] of lane.states.entries()) {
			if (!/^(half-)?closed/.test(state)) continue;
			const left = Math.max(from, view.x(at));
			const right = Math.min(until, view.x(lane.states[index + 1]?.[0] ?? end));
			if (right <= left) continue;
			to.fillStyle = theme.of("life-half");
			to.fillRect(left, middle - 1, right - left, 2);
		}
	}
	function scaleOf({ windows }) {
		let least = 0;
		const most = (curve = []) => {
			let found = 1;
			let lowest = 0;
			for (let at = 1; at < curve.length; at += 2) {
				const value = curve[at] ?? 0;
				if (value > found) found = value;
				if (value < lowest) lowest = value;
			}
			least = Math.min(least, lowest / found);
			return found;
		};
		return {
			send: most(windows?.send),
			receive: most(windows?.receive),
			least: Math.max(least, -1)
		};
	}
	var scales = /* @__PURE__ */ new WeakMap();
	function paintWindows(to, scene, row, top) {
		const { lane } = row;
		if (lane.windows === void 0) return;
		let scale = scales.get(lane);
		if (scale === void 0) {
			scale = scaleOf(lane);
			scales.set(lane, scale);
		}
		const { send, receive, least } = scale;
		const high = row.height - 14;
		const y = (part) => Math.round(top + 6 + high * (1 - (Math.max(part, least) - least) / (1 - least)));
		const end = lane.end ?? row.connection.end;
		to.fillStyle = scene.theme.of("rule-strong");
		to.fillRect(scene.view.left, y(0), scene.view.width, 1);
		paintCurve(to, scene, lane.windows.receive, end, (value) => y(value / receive), "receive");
		paintCurve(to, scene, lane.windows.send, end, (value) => y(value / send), "send");
	}
	function paintCurve(to, { view, theme }, curve, end, y, name) {
		if (curve.length === 0) return;
		to.strokeStyle = theme.of(name);
		to.lineWidth = 2;
		to.setLineDash(name === "receive" ? [4, 3] : []);
		to.beginPath();
		let x = view.x(curve[0] ?? 0);
		let level = y(curve[1] ?? 0);
		to.moveTo(Math.max(x, view.left - 5), level);
		for (let at = firstPoint(curve, view.from); at < curve.length; at += 2) {
			const when = curve[at] ?? 0;
			x = Math.max(view.x(when), view.left - 5);
			to.lineTo(x, level);
			level = y(curve[at + 1] ?? 0);
			to.lineTo(x, level);
			if (when > view.to) break;
		}
		to.lineTo(Math.max(x, Math.min(view.x(end), view.left + view.width + 5)), level);
		to.stroke();
		to.setLineDash([]);
	}
	/** The last point at or before a time. */
	function firstPoint(curve, at) {
		let low = 0;
		let high = curve.length / 2 - 1;
		while (low < high) {
			const middle = low + high + 1 >> 1;
			if ((curve[middle * 2] ?? 0) <= at) low = middle;
			else high = middle - 1;
		}
		return low * 2;
	}
	/** What a curve says at a time; \`undefined\` before it begins. */
	function valueAt(curve, at) {
		return (curve[0] ?? Number.POSITIVE_INFINITY) > at ? void 0 : curve[firstPoint(curve, at) + 1];
	}
	// packages/util/trace-page/chart.ts
	/**
	* The time line: rows that scroll, a canvas behind them, and a cursor that pointer and keyboard share. Rows exist while they
	* are in sight, so that a log of many thousand streams opens as fast as a short one.
	*/
	/** How far from a mark the pointer may be, in pixels. */
	var grasp = 7;
	/** Rows beyond the edges that exist all the same. */
	var spare = 3;
	var dragFrom = 4;
	var Chart = class {
		element = element("div", { class: "chart" });
		list = element("div", {
			class: "lanes",
			role: "listbox",
			tabindex: "0",
			"aria-label": "Connections and streams. Up and down choose a lane, left and right its marks, Enter folds a connection, plus and minus zoom."
		});
		#space = element("div", { class: "space" });
		#canvas = element("canvas", { "aria-hidden": "true" });
		#cursor = element("div", {
			class: "cursor",
			hidden: ""
		});
		#empty = element("p", {
			class: "empty",
			hidden: "",
			text: "Nothing passes the filter."
		});
		#trace;
		#view;
		#rows;
		#theme;
		#tip;
		#actions;
		#made = /* @__PURE__ */ new Map();
		#selected;
		/** The mark that the keyboard is at. */
		#mark = -1;
		constructor(trace, view, rows, theme, tip, actions) {
			this.#trace = trace;
			this.#view = view;
			this.#rows = rows;
			this.#theme = theme;
			this.#tip = tip;
			this.#actions = actions;
			this.list.append(this.#space);
			this.element.append(this.#canvas, this.list, this.#cursor, this.#empty);
			this.list.addEventListener("scroll", () => actions.moved());
			this.list.addEventListener("keydown", (event) => this.#key(event));
			this.list.addEventListener("blur", () => this.#leave());
			this.#listenToPointer();
		}
		get selectedLane() {
			return this.#selected?.lane;
		}
		/** The rows have changed. */
		reset() {
			this.#made.clear();
			this.#space.replaceChildren();
			this.#space.style.height = \`\${this.#rows.height}px\`;
			this.#empty.hidden = this.#rows.rows.length > 0;
			const lane = this.#selected?.lane;
			this.#selected = this.#rows.rows.find((row) => row.lane === lane && row.kind !== "windows");
			if (lane !== void 0 && this.#selected === void 0) this.#actions.selected(void 0);
			this.list.dataset["rows"] = String(this.#rows.rows.length);
		}
		/** Makes the sizes what the window gives. */
		measure() {
			const label = Number.parseFloat(getComputedStyle(this.element).getPropertyValue("--label-width"));
			this.#view.left = label;
			this.#view.width = Math.max(40, this.list.clientWidth - label);
			const ratio = window.devicePixelRatio;
			const { clientWidth, clientHeight } = this.element;
			this.#canvas.width = clientWidth * ratio;
			this.#canvas.height = clientHeight * ratio;
			this.#canvas.style.width = \`\${clientWidth}px\`;
			this.#canvas.style.height = \`\${clientHeight}px\`;
		}
		draw() {
			const { rows } = this.#rows;
			const { scrollTop, clientHeight } = this.list;
			const first = Math.max(0, this.#rows.indexAt(scrollTop) - spare);
			const last = Math.min(rows.length - 1, this.#rows.indexAt(scrollTop + clientHeight) + spare);
			this.#keepRows(first, last);
			const to = this.#canvas.getContext("2d");
			if (to === null) return;
			to.setTransform(window.devicePixelRatio, 0, 0, window.devicePixelRatio, 0, 0);
			paint(to, {
				trace: this.#trace,
				view: this.#view,
				theme: this.#theme,
				hidden: this.#rows.filter.hidden,
				rows,
				first,
				last,
				scrollTop,
				height: this.element.clientHeight,
				selected: this.#selected?.lane
			});
		}
		#keepRows(first, last) {
			const { rows } = this.#rows;
			const wanted = new Set(rows.slice(first, last + 1));
			for (const [row, made] of this.#made) {
				if (wanted.has(row)) continue;
				made.remove();
				this.#made.delete(row);
			}
			for (let index = first; index <= last; index++) {
				const row = rows[index];
				if (row === void 0) continue;
				let made = this.#made.get(row);
				if (made === void 0) {
					made = rowElement(row, index, rows.length, {
						toggle: (toggled) => this.#toggle(toggled),
						isCollapsed: ({ connection }) => this.#rows.collapsed.has(connection)
					});
					this.#made.set(row, made);
					this.#space.append(made);
				}
				placeSpans(made, row, this.#view);
				const isSelected = row === this.#selected;
				made.setAttribute("aria-selected", String(isSelected));
				if (isSelected) this.list.setAttribute("aria-activedescendant", made.id);
			}
			if (this.#selected === void 0) this.list.removeAttribute("aria-activedescendant");
		}
		/** Hides or shows the lanes of a connection. */
		#toggle({ connection }) {
			const { collapsed } = this.#rows;
			if (!collapsed.delete(connection)) collapsed.add(connection);
			this.#rows.update(this.selectedLane);
			this.reset();
			this.#actions.moved();
		}
		select(row) {
			const target = row?.kind === "windows" ? this.#rows.rows.find(({ lane, kind }) => lane === row.lane && kind !== "windows") : row;
			if (target?.lane === this.#selected?.lane) return;
			this.#selected = target;
			this.#mark = -1;
			this.#actions.selected(target);
		}
		#leave() {
			this.#tip.hide();
			this.#cursor.hidden = true;
		}
		#listenToPointer() {
			let last;
			let moved = 0;
			this.list.addEventListener("pointerdown", (event) => {
				if (event.button !== 0 || this.#x(event) < this.#view.left) return;
				last = event.clientX;
				moved = 0;
			});
			this.list.addEventListener("pointermove", (event) => {
				if (last === void 0) {
					this.#hover(event);
					return;
				}
				moved += Math.abs(event.clientX - last);
				if (moved < dragFrom) return;
				this.list.setPointerCapture(event.pointerId);
				this.#leave();
				this.#view.pan(last - event.clientX);
				last = event.clientX;
				this.#actions.moved();
			});
			const stop = () => {
				last = void 0;
			};
			this.list.addEventListener("pointerup", stop);
			this.list.addEventListener("pointercancel", stop);
			this.list.addEventListener("pointerleave", () => this.#leave());
			this.list.addEventListener("click", (event) => {
				if (moved < dragFrom) this.select(this.#rowAt(event));
				moved = 0;
			});
			this.list.addEventListener("dblclick", (event) => {
				if (this.#x(event) < this.#view.left) return;
				this.#view.zoom(3, this.#x(event));
				this.#actions.moved();
			});
			this.element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
		}
		#wheel(event) {
			const isOnAxis = event.clientY - this.element.getBoundingClientRect().top < 30;
			if (event.ctrlKey || event.metaKey || event.altKey || isOnAxis) {
				event.preventDefault();
				this.#view.zoom(Math.exp(-event.deltaY * .002), Math.max(this.#view.left, this.#x(event)));
			} else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
				event.preventDefault();
				this.#view.pan(event.deltaX === 0 ? event.deltaY : event.deltaX);
			} else return;
			this.#leave();
			this.#actions.moved();
		}
		#x(event) {
			return event.clientX - this.element.getBoundingClientRect().left;
		}
		#rowAt(event) {
			const y = event.clientY - this.list.getBoundingClientRect().top + this.list.scrollTop;
			const row = this.#rows.rows[this.#rows.indexAt(y)];
			return row !== void 0 && y < row.top + row.height ? row : void 0;
		}
		#hover(event) {
			const row = this.#rowAt(event);
			const x = this.#x(event);
			if (row === void 0 || x < this.#view.left) return this.#leave();
			if (row.kind === "windows") {
				const at = this.#view.at(x);
				this.#tip.windows(row.lane, at);
				this.#point(row, at);
				this.#tip.show(event.clientX, event.clientY);
				return;
			}
			const top = this.list.getBoundingClientRect().top - this.list.scrollTop + row.top;
			const mark = this.#nearest(row.lane, x, event.clientY - top - row.height / 2);
			if (mark < 0) return this.#leave();
			this.#tip.mark(this.#trace, row.lane, mark);
			this.#point(row, row.lane.marks[mark * 4] ?? 0);
			this.#tip.show(event.clientX, event.clientY);
		}
		/** The shown mark nearest to \`x\`; of several there, one on the side of the line where the pointer is. */
		#nearest(lane, x, below) {
			const { hidden } = this.#rows.filter;
			const side = below > 2 ? 0 : below < -2 ? 1 : -1;
			const until = this.#view.at(x + grasp);
			let best = -1;
			let least = Number.POSITIVE_INFINITY;
			const count = lane.marks.length / 4;
			for (let mark = markAt(lane, this.#view.at(x - grasp)); mark < count; mark++) {
				const at = mark * 4;
				const when = lane.marks[at] ?? 0;
				if (when > until) break;
				if (hidden[lane.marks[at + 1] ?? -1]) continue;
				const distance = Math.abs(this.#view.x(when) - x) + (side === -1 || lane.marks[at + 2] === side ? 0 : grasp);
				if (distance >= least) continue;
				least = distance;
				best = mark;
			}
			return best;
		}
		/** Puts the cursor at a time of a row. */
		#point(row, at) {
			this.#cursor.hidden = false;
			this.#cursor.style.left = \`\${this.#view.x(at)}px\`;
			this.#cursor.style.top = \`\${30 + row.top - this.list.scrollTop}px\`;
			this.#cursor.style.height = \`\${row.height}px\`;
		}
		#key(event) {
			if (event.ctrlKey || event.metaKey || event.altKey) return;
			const action = this.#actionOf(event);
			if (action === void 0) return;
			event.preventDefault();
			action();
			this.#actions.moved();
		}
		#actionOf({ key, shiftKey }) {
			switch (key) {
				case "ArrowDown": return () => this.#step(1);
				case "ArrowUp": return () => this.#step(-1);
				case "ArrowRight": return () => shiftKey ? this.#view.pan(this.#view.width / 4) : this.#stepMark(1);
				case "ArrowLeft": return () => shiftKey ? this.#view.pan(-this.#view.width / 4) : this.#stepMark(-1);
				case "Home": return () => this.#stepMark(-Infinity);
				case "End": return () => this.#stepMark(Infinity);
				case "+":
				case "=": return () => this.#view.zoom(1.8);
				case "-": return () => this.#view.zoom(1 / 1.8);
				case "0": return () => this.#view.fit();
				case "Enter": return () => this.#selected?.kind === "connection" && this.#toggle(this.#selected);
				case "Escape": return () => {
					this.#leave();
					this.select(void 0);
				};
				default: return;
			}
		}
		/** To the next lane up or down. */
		#step(by) {
			const lanes = this.#rows.rows.filter(({ kind }) => kind !== "windows");
			const now = this.#selected === void 0 ? by > 0 ? -1 : lanes.length : lanes.indexOf(this.#selected);
			const row = lanes[Math.max(0, Math.min(lanes.length - 1, now + by))];
			if (row === void 0) return;
			this.#leave();
			this.select(row);
			this.#reveal();
		}
		#reveal() {
			const row = this.#selected;
			if (row === void 0) return;
			const { scrollTop, clientHeight } = this.list;
			if (row.top < scrollTop) this.list.scrollTop = row.top;
			else if (row.top + row.height > scrollTop + clientHeight) this.list.scrollTop = row.top + row.height - clientHeight;
		}
		/** To another mark of the selected lane that is shown. */
		#stepMark(by) {
			const row = this.#selected;
			if (row === void 0) return;
			const { lane } = row;
			const { hidden } = this.#rows.filter;
			const count = lane.marks.length / 4;
			const isShown = (mark) => !hidden[lane.marks[mark * 4 + 1] ?? -1];
			const [start, direction] = by === Infinity ? [count - 1, -1] : by === -Infinity ? [0, 1] : [this.#mark + by, by];
			let mark = start;
			while (mark >= 0 && mark < count && !isShown(mark)) mark += direction;
			if (mark < 0 || mark >= count) return;
			this.#mark = mark;
			const at = lane.marks[mark * 4] ?? 0;
			this.#view.reveal(at);
			this.#reveal();
			this.#tip.mark(this.#trace, lane, mark);
			this.#point(row, at);
			const box = this.#cursor.getBoundingClientRect();
			this.#tip.show(box.left, box.bottom - 8);
		}
	};
	// packages/util/trace-page/overview.ts
	/** The whole of time in a strip: how much happens when, and which part is in sight. Dragging moves that part. */
	var height = 34;
	var Overview = class {
		element = element("div", {
			class: "overview",
			"aria-hidden": "true"
		});
		#canvas = element("canvas");
		#window = element("div", { class: "window" });
		#view;
		/** Marks per pixel: received and sent, or neither. */
		#counts = [
			/* @__PURE__ */ new Uint32Array(),
			/* @__PURE__ */ new Uint32Array(),
			/* @__PURE__ */ new Uint32Array()
		];
		constructor(view, changed) {
			this.#view = view;
			this.element.append(this.#canvas, this.#window);
			let isDragging = false;
			const follow = (event) => {
				const box = this.#canvas.getBoundingClientRect();
				const at = view.first + (event.clientX - box.left) / box.width * (view.last - view.first);
				const span = view.to - view.from;
				view.show(at - span / 2, at + span / 2);
				changed();
			};
			this.element.addEventListener("pointerdown", (event) => {
				isDragging = true;
				this.element.setPointerCapture(event.pointerId);
				follow(event);
			});
			this.element.addEventListener("pointermove", (event) => isDragging && follow(event));
			this.element.addEventListener("pointerup", () => isDragging = false);
		}
		/** Counts anew: the width or the rows have changed. */
		count(rows, width) {
			this.#counts = [
				new Uint32Array(width),
				new Uint32Array(width),
				new Uint32Array(width)
			];
			const { first, last } = this.#view;
			const perPixel = (last - first) / width;
			const { hidden } = rows.filter;
			const seen = /* @__PURE__ */ new Set();
			for (const { lane } of rows.rows) {
				if (seen.has(lane)) continue;
				seen.add(lane);
				const { marks } = lane;
				for (let at = 0; at < marks.length; at += 4) {
					if (hidden[marks[at + 1] ?? -1]) continue;
					const pixel = Math.min(width - 1, Math.floor(((marks[at] ?? 0) - first) / perPixel));
					const counts = this.#counts[marks[at + 2] ?? 2];
					counts[pixel] = (counts[pixel] ?? 0) + 1;
				}
			}
		}
		draw(theme, width) {
			const ratio = window.devicePixelRatio;
			this.#canvas.width = width * ratio;
			this.#canvas.height = height * ratio;
			this.#canvas.style.width = \`\${width}px\`;
			this.#canvas.style.height = \`\${height}px\`;
			const to = this.#canvas.getContext("2d");
			if (to === null) return;
			to.scale(ratio, ratio);
			const [received, sent, events] = this.#counts;
			let most = 1;
			for (const counts of this.#counts) for (const count of counts) if (count > most) most = count;
			const middle = height / 2;
			const size = (count) => count === 0 ? 0 : 2 + 13 * (Math.log(count + 1) / Math.log(most + 1));
			for (let x = 0; x < width; x++) {
				to.fillStyle = theme.of("send");
				to.fillRect(x, middle - size(sent[x] ?? 0), 1, size(sent[x] ?? 0));
				to.fillStyle = theme.of("receive");
				to.fillRect(x, middle, 1, size(received[x] ?? 0));
				if ((events[x] ?? 0) === 0) continue;
				to.fillStyle = theme.of("k-stall");
				to.fillRect(x, 15, 1, 4);
			}
			const whole = this.#view.last - this.#view.first;
			this.#window.style.left = \`\${(this.#view.from - this.#view.first) / whole * width}px\`;
			this.#window.style.width = \`\${Math.max(3, (this.#view.to - this.#view.from) / whole * width)}px\`;
		}
	};
	// packages/util/trace-page/theme.ts
	/** Colours, as the style sheet has them: they change with the reader's choice of light or dark. */
	/** Kinds that have a colour of their own; the others share one. */
	var families = {
		HEADERS: "headers",
		CONTINUATION: "headers",
		request: "headers",
		response: "response",
		interim: "response",
		DATA: "data",
		read: "data",
		write: "data",
		PUSH_PROMISE: "push",
		SETTINGS: "settings",
		WINDOW_UPDATE: "window",
		PING: "ping",
		ping: "ping",
		PRIORITY: "priority",
		PRIORITY_UPDATE: "priority",
		RST_STREAM: "reset",
		GOAWAY: "goaway",
		stall: "stall",
		defence: "defence"
	};
	var familyOf = (kind) => families[kind] ?? "other";
	var Theme = class {
		#cache = /* @__PURE__ */ new Map();
		/** Forgets what it knew, for the colours have changed. */
		refresh() {
			this.#cache.clear();
		}
		/** The colour \`--name\`. */
		of(name) {
			let colour = this.#cache.get(name);
			if (colour === void 0) {
				colour = getComputedStyle(document.documentElement).getPropertyValue(\`--\${name}\`).trim();
				this.#cache.set(name, colour);
			}
			return colour;
		}
		/** The colour of a kind of marks. */
		kind(kind) {
			return this.of(\`k-\${familyOf(kind)}\`);
		}
	};
	// packages/util/trace-page/tip.ts
	var maxFields = 18;
	var Tip = class {
		element = element("div", {
			class: "tip",
			role: "status",
			"aria-live": "polite",
			hidden: ""
		});
		mark(trace, lane, mark) {
			const at = mark * 4;
			const kind = trace.kinds[lane.marks[at + 1] ?? -1] ?? "";
			const octets = lane.marks[at + 3] ?? 0;
			const { head, ...details } = lane.details[mark] ?? {};
			const rows = [["time", exactTime(lane.marks[at] ?? 0)]];
			if (lane.marks[at + 2] !== 2) rows.push(["length", counted(octets, "octet")]);
			for (const [name, value] of Object.entries(details)) rows.push([name, typeof value === "number" ? number(value) : String(value)]);
			const title = element("div", { class: "tip-title" }, element("i", { class: \`swatch k-\${familyOf(kind)}\` }));
			title.append(element("b", { text: markTitle(trace, lane, mark) }));
			title.append(element("span", {
				class: "place",
				text: \`\${mark + 1} / \${lane.marks.length / 4}\`
			}));
			this.element.replaceChildren(title, pairs(rows));
			const shown = head === void 0 ? void 0 : lane.heads[head];
			if (shown !== void 0) this.element.append(...headElements(shown, maxFields));
		}
		windows(lane, at) {
			const rows = [["time", exactTime(at)]];
			for (const [name, what] of [["send", "may be sent"], ["receive", "may be received"]]) {
				const value = lane.windows === void 0 ? void 0 : valueAt(lane.windows[name], at);
				if (value !== void 0) rows.push([what, counted(value, "octet")]);
			}
			const text = lane.kind === "connection" ? "Connection window" : \`Window of stream \${lane.id}\`;
			this.element.replaceChildren(element("div", { class: "tip-title" }, element("b", { text })), pairs(rows));
		}
		/** Shows it beside a point, in sight. */
		show(x, y) {
			this.element.hidden = false;
			const { width, height } = this.element.getBoundingClientRect();
			const left = x + 14 + width > window.innerWidth ? x - 14 - width : x + 14;
			const top = y + 14 + height > window.innerHeight ? window.innerHeight - height - 8 : y + 14;
			this.element.style.left = \`\${Math.max(8, left)}px\`;
			this.element.style.top = \`\${Math.max(8, top)}px\`;
		}
		hide() {
			this.element.hidden = true;
		}
	};
	/** The start line of a head and its fields. */
	function headElements(head, most) {
		const made = [element("div", {
			class: "start-line",
			text: head.what === "request" ? [
				head.method,
				head.path,
				head.authority
			].filter((part) => part !== void 0).join(" ") : String(head.status ?? "")
		})];
		const fields = head.fields ?? [];
		if (fields.length > 0) made.push(fieldTable(fields.slice(0, most)));
		if (fields.length > most) made.push(element("div", {
			class: "more",
			text: \`\${fields.length - most} more\`
		}));
		return made;
	}
	function fieldTable(fields) {
		const list = pairs(fields.map(([name, value]) => [name, value]));
		list.classList.add("fields");
		return list;
	}
	// packages/util/trace-page/panel.ts
	var maxShown = 50;
	function panelContent(trace, connection, lane) {
		const made = [element("p", {
			class: "kicker",
			text: lane.kind === "connection" ? connection.version : \`\${lane.kind} \${lane.id} · \${connection.name}\`
		}), element("h2", { text: titleOf(lane, connection) })];
		made.push(pairs(lane.kind === "connection" ? connectionFacts(connection, lane) : laneFacts(connection, lane)));
		if (lane.kind === "connection" && connection.defences.length > 0) {
			made.push(element("h3", { text: "Counted by defences" }));
			made.push(pairs(connection.defences.map(([name, count]) => [name, number(count)])));
		}
		if (lane.stalls.length > 0) made.push(...stalls(lane));
		if (lane.windows !== void 0) made.push(...windows(lane.windows));
		made.push(element("h3", { text: "What was exchanged" }), kindTable(trace, lane));
		for (const head of lane.heads.slice(0, maxShown)) made.push(...headSection(head));
		return made;
	}
	function laneFacts(connection, lane) {
		const request = requestOf(lane);
		const response = responseOf(lane);
		const { end } = lane;
		const rows = [];
		if (request?.authority !== void 0) rows.push(["authority", request.authority]);
		if (response?.status !== void 0) rows.push(["status", String(response.status)]);
		else if (outcomeOf(lane) !== "") rows.push(["outcome", outcomeOf(lane)]);
		rows.push(["started", exactTime(lane.start)]);
		if (request !== void 0 && response !== void 0) rows.push(["to the response", time(response.at - request.at)]);
		rows.push(["duration", end === void 0 ? \`\${time(connection.end - lane.start)}, not over\` : time(end - lane.start)]);
		rows.push(["received", octets(lane.received)], ["sent", octets(lane.sent)]);
		if (lane.reset !== void 0) rows.push(["reset", \`\${lane.reset.code} by \${lane.reset.by} at \${exactTime(lane.reset.at)}\`]);
		if (lane.failed !== void 0) rows.push(["failed", failureText(lane.failed)]);
		const state = lane.states.at(-1)?.[1];
		if (state !== void 0) rows.push(["last state", state]);
		if (lane.promisedOn !== void 0) rows.push(["promised on stream", String(lane.promisedOn)]);
		return rows;
	}
	function connectionFacts(connection, lane) {
		const rows = [];
		if (connection.side !== void 0) rows.push(["log of the", connection.side]);
		rows.push(["first event", exactTime(connection.start)], ["duration", time(connection.end - connection.start)]);
		rows.push(["lanes", number(connection.lanes.length - 1)]);
		rows.push(["received", octets(lane.received)], ["sent", octets(lane.sent)]);
		const { fired, closed } = connection;
		if (fired !== void 0) rows.push([fired.isDefence ? "defence" : "error", \`\${fired.name} at \${exactTime(fired.at)}\`]);
		rows.push(["closed", closed === void 0 ? "not in this log" : closed.kind === void 0 ? "cleanly" : failureText(closed)]);
		return rows;
	}
	function failureText({ kind, code }) {
		return [code, kind === void 0 ? void 0 : \`(\${kind})\`].filter((part) => part !== void 0).join(" ");
	}
	function stalls(lane) {
		const total = lane.stalls.reduce((sum, { from, to }) => sum + to - from, 0);
		const rows = lane.stalls.slice(0, maxShown).map(({ from, to, by, isOpen }) => [by, \`\${time(to - from)} from \${exactTime(from)}\${isOpen ? ", not over" : ""}\`]);
		return [element("h3", { text: \`Stalled for \${time(total)}\` }), pairs(rows)];
	}
	function windows({ send, receive }) {
		const facts = (curve) => {
			let least = Number.POSITIVE_INFINITY;
			for (let at = 1; at < curve.length; at += 2) least = Math.min(least, curve[at] ?? 0);
			return \`\${number(curve.at(-1) ?? 0)} at the end, lowest \${number(least)}\`;
		};
		const rows = [["may be sent", facts(send)], ["may be received", facts(receive)]];
		return [element("h3", { text: "Flow-control windows" }), pairs(rows)];
	}
	function kindTable(trace, lane) {
		const counts = /* @__PURE__ */ new Map();
		for (let at = 0; at < lane.marks.length; at += 4) {
			const kind = lane.marks[at + 1] ?? -1;
			const direction = lane.marks[at + 2] ?? 2;
			const found = counts.get(kind) ?? [
				0,
				0,
				0
			];
			found[direction === 0 ? 0 : direction === 1 ? 1 : 2]++;
			counts.set(kind, found);
		}
		const table = element("table", { class: "kinds" });
		const cells = (...texts) => texts.map((text) => element("th", {
			scope: "col",
			text
		}));
		table.append(element("tr", {}, ...cells("", "in", "out", "event")));
		for (const [kind, numbers] of counts) {
			const name = trace.kinds[kind] ?? "";
			const label = element("th", { scope: "row" }, element("i", { class: \`swatch k-\${familyOf(name)}\` }));
			label.append(element("span", { text: name }));
			table.append(element("tr", {}, label, ...numbers.map((count) => element("td", { text: count === 0 ? "" : number(count) }))));
		}
		return table;
	}
	function headSection(head) {
		const title = {
			request: "Request",
			interim: "Interim response",
			response: "Response"
		}[head.what];
		const [line, ...rest] = headElements(head, Number.POSITIVE_INFINITY);
		const made = [element("h3", { text: title })];
		if (line !== void 0) made.push(line, ...rest);
		if (head.fields === void 0) made.push(element("p", {
			class: "hint",
			text: "The log holds no fields: it was recorded without heads."
		}));
		return made;
	}
	// packages/util/trace-page/toolbar.ts
	/** What a reader can ask for: filters, the legend, which switches types of marks, and the buttons of the time line. */
	function toolbar(trace, rows, actions) {
		const made = element("div", {
			class: "toolbar",
			role: "search"
		});
		const { filter } = rows;
		made.append(field("Find", textInput("text", "path, field, code…", (text) => {
			filter.text = text.trim().toLowerCase();
			actions.filtered();
			return true;
		})));
		made.append(field("Streams", textInput("streams", "1, 5-9", (text) => {
			const ranges = rangesOf(text);
			if (ranges === null) return false;
			filter.streams = ranges;
			actions.filtered();
			return true;
		})));
		if (trace.connections.length > 1) made.append(field("Connection", connectionSelect(trace, rows, actions)));
		if (trace.connections.some(({ lanes }) => lanes.some(({ windows }) => windows !== void 0))) made.append(windowsSwitch(rows, actions));
		const group = element("div", {
			class: "buttons",
			role: "group",
			"aria-label": "Time line"
		});
		group.append(button("←", "Earlier", () => actions.pan(-.4)), button("→", "Later", () => actions.pan(.4)), button("−", "Zoom out", () => actions.zoom(1 / 1.8)), button("+", "Zoom in", () => actions.zoom(1.8)), button("Fit", "Show all of the time", () => actions.fit()));
		made.append(group);
		return made;
	}
	function field(name, control) {
		return element("label", { class: "field" }, element("span", { text: name }), control);
	}
	function textInput(name, placeholder, changed) {
		const input = element("input", {
			type: "search",
			name,
			placeholder,
			autocomplete: "off",
			spellcheck: "false"
		});
		input.addEventListener("input", () => input.setAttribute("aria-invalid", String(!changed(input.value))));
		return input;
	}
	function connectionSelect(trace, rows, actions) {
		const select = element("select", { name: "connection" }, element("option", {
			value: "-1",
			text: "all"
		}));
		for (const [index, { name }] of trace.connections.entries()) select.append(element("option", {
			value: String(index),
			text: name
		}));
		select.addEventListener("change", () => {
			rows.filter.connection = Number(select.value);
			actions.filtered();
			actions.fit();
		});
		return select;
	}
	function windowsSwitch(rows, actions) {
		const box = element("input", {
			type: "checkbox",
			name: "windows"
		});
		box.addEventListener("change", () => {
			rows.allWindows = box.checked;
			actions.filtered();
		});
		return element("label", { class: "switch" }, box, element("span", { text: "Windows of all streams" }));
	}
	/** The types of marks that there are, with their counts; each can be switched off. */
	function legend(trace, rows, actions) {
		const made = element("div", {
			class: "legend",
			role: "group",
			"aria-label": "Types of marks"
		});
		const counts = countKinds(trace);
		const { hidden } = rows.filter;
		const chips = [];
		const show = () => {
			for (const chip of chips) chip.setAttribute("aria-pressed", String(!hidden[Number(chip.dataset["number"])]));
			actions.filtered();
		};
		const ordered = trace.kinds.map((_kind, index) => index).filter((index) => (counts[index] ?? 0) > 0);
		for (const index of ordered) {
			const kind = trace.kinds[index] ?? "";
			const chip = element("button", {
				type: "button",
				class: "chip",
				"aria-pressed": "true",
				"data-type": kind
			});
			chip.dataset["number"] = String(index);
			chip.append(element("i", { class: \`swatch k-\${familyOf(kind)}\` }), element("span", { text: kind }));
			chip.append(element("span", {
				class: "count",
				text: number(counts[index] ?? 0)
			}));
			chip.title = "Click to hide or show, double click for this type alone";
			chip.addEventListener("click", () => {
				hidden[index] = !hidden[index];
				show();
			});
			chip.addEventListener("dblclick", () => {
				for (const other of hidden.keys()) hidden[other] = other !== index;
				show();
			});
			chips.push(chip);
			made.append(chip);
		}
		const all = button("All", "Show all types of marks", () => {
			hidden.fill(false);
			show();
		});
		all.classList.add("all");
		made.append(all, key());
		return made;
	}
	/** How direction, stalls and windows are drawn. */
	function key() {
		const entry = (name, text) => element("span", { class: "key" }, element("i", {
			class: \`sign \${name}\`,
			"aria-hidden": "true"
		}), element("span", { text }));
		return element("div", { class: "keys" }, entry("up", "sent"), entry("down", "received"), entry("event", "event"), entry("stall", "stalled"), entry("fired", "defence or error"), entry("send-line", "window to send"), entry("receive-line", "window to receive"));
	}
	function countKinds(trace) {
		const counts = trace.kinds.map(() => 0);
		for (const { lanes } of trace.connections) for (const { marks } of lanes) for (let at = 1; at < marks.length; at += 4) {
			const kind = marks[at] ?? -1;
			counts[kind] = (counts[kind] ?? 0) + 1;
		}
		return counts;
	}
	// packages/util/trace-page/view.ts
	/** The part of time that is in sight, and where a time is on the screen. */
	/** No closer than this, in milliseconds for the whole width. */
	var least = .005;
	/** Free space at both ends, as a part of the whole. */
	var margin = .015;
	var View = class {
		first;
		last;
		from;
		to;
		/** Where the time line begins, and how wide it is. */
		left = 0;
		width = 1;
		constructor(start, end) {
			const span = Math.max(end - start, least * 10);
			this.first = start - span * margin;
			this.last = start + span * 1.015;
			this.from = this.first;
			this.to = this.last;
		}
		x(at) {
			return this.left + (at - this.from) / (this.to - this.from) * this.width;
		}
		at(x) {
			return this.from + (x - this.left) / this.width * (this.to - this.from);
		}
		/** Shows all from \`start\` to \`end\`, with free space at both ends; without them the whole. */
		fit(start = this.first, end = this.last) {
			const space = (end - start) * margin;
			this.show(start - space, end + space);
		}
		/** Makes what is around \`x\` larger, or smaller for a factor below 1. */
		zoom(factor, x = this.left + this.width / 2) {
			const fixed = this.at(x);
			const span = Math.max(least, (this.to - this.from) / factor);
			const before = (fixed - this.from) / (this.to - this.from);
			this.show(fixed - span * before, fixed + span * (1 - before));
		}
		pan(pixels) {
			const by = pixels / this.width * (this.to - this.from);
			this.show(this.from + by, this.to + by);
		}
		/** Brings a time into sight. */
		reveal(at) {
			if (at >= this.from && at <= this.to) return;
			const span = this.to - this.from;
			this.show(at - span / 2, at + span / 2);
		}
		show(from, to) {
			const span = Math.min(Math.max(to - from, least), this.last - this.first);
			this.from = Math.max(this.first, Math.min(from, this.last - span));
			this.to = this.from + span;
		}
		/** Round times in sight, about \`apart\` pixels from one another. */
		ticks(apart) {
			const rough = (this.to - this.from) / this.width * apart;
			const power = 10 ** Math.floor(Math.log10(rough));
			const step = power * ([
				1,
				2,
				5
			].find((times) => times * power >= rough) ?? 10);
			const ticks = [];
			for (let n = Math.ceil(this.from / step); n * step <= this.to; n++) ticks.push({
				at: n * step,
				step
			});
			return ticks;
		}
	};
	// packages/util/trace-page/main.ts
	function start(trace) {
		const view = new View(trace.start, trace.end);
		const rows = new Rows(trace);
		const theme = new Theme();
		const tip = new Tip();
		const panel = element("aside", {
			class: "panel",
			"aria-label": "Details",
			hidden: ""
		});
		let needsCount = true;
		let isWaiting = false;
		function draw() {
			isWaiting = false;
			chart.measure();
			if (needsCount) overview.count(rows, Math.round(view.width));
			needsCount = false;
			chart.draw();
			overview.draw(theme, Math.round(view.width));
		}
		function later() {
			if (isWaiting) return;
			isWaiting = true;
			requestAnimationFrame(draw);
		}
		function filtered() {
			rows.update(chart.selectedLane);
			chart.reset();
			needsCount = true;
			later();
		}
		const overview = new Overview(view, later);
		const chart = new Chart(trace, view, rows, theme, tip, {
			moved: later,
			selected(row) {
				panel.hidden = row === void 0;
				if (row === void 0) panel.replaceChildren();
				else {
					const close = element("button", {
						type: "button",
						class: "close",
						"aria-label": "Close details",
						text: "×"
					});
					close.addEventListener("click", () => chart.select(void 0));
					panel.replaceChildren(close, ...panelContent(trace, row.connection, row.lane));
					panel.scrollTop = 0;
				}
				filtered();
			}
		});
		const actions = {
			filtered,
			zoom(factor) {
				view.zoom(factor);
				later();
			},
			pan(part) {
				view.pan(part * view.width);
				later();
			},
			fit() {
				view.fit(...rows.times ?? []);
				later();
			}
		};
		const main = element("main", {}, element("section", {
			class: "timeline",
			"aria-label": "Time line"
		}, overview.element, chart.element), panel);
		document.body.append(header(trace), toolbar(trace, rows, actions), legend(trace, rows, actions), main, tip.element);
		rows.update(void 0);
		chart.reset();
		draw();
		document.documentElement.dataset["ready"] = "true";
		new ResizeObserver(() => {
			needsCount = true;
			later();
		}).observe(chart.element);
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
			theme.refresh();
			later();
		});
	}
	function header(trace) {
		const streams = trace.connections.reduce((sum, { lanes }) => sum + lanes.length - 1, 0);
		const facts = [
			counted(trace.connections.length, "connection"),
			counted(streams, "stream"),
			counted(trace.events, "event"),
			time(trace.end - trace.start)
		];
		const made = element("header", {}, element("h1", { text: trace.title }));
		made.append(element("p", { class: "facts" }, ...facts.map((text) => element("span", { text }))));
		const { problems, notes } = trace;
		if (notes.length > 0) made.append(element("ul", { class: "notes" }, ...notes.map((text) => element("li", { text }))));
		if (problems.count > 0) {
			const list = pairs(problems.first.map(({ line, why, text }) => [\`line \${line}\`, \`\${why}: \${text}\`]));
			const more = problems.count - problems.first.length;
			const details = element("details", { class: "problems" });
			details.append(element("summary", { text: \`\${counted(problems.count, "line")} of the log could not be read\` }), list);
			if (more > 0) details.append(element("p", { text: \`and \${counted(more, "line")} more\` }));
			made.append(details);
		}
		return made;
	}
	start(JSON.parse(document.getElementById("trace")?.textContent ?? ""));
})();`;
