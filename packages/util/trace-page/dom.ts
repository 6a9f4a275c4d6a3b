/** Elements with text. Nothing of a trace ever becomes markup: text goes in as text, and attributes are the page's own. */

export interface Attributes {
  readonly class?: string;
  readonly text?: string;
  readonly [name: string]: string | undefined;
}

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Node[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    if (name === "text") made.textContent = shown(value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** A button that does something. */
export function button(text: string, label: string, action: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", text, "aria-label": label, title: label });
  made.addEventListener("click", action);
  return made;
}

/** Rows of a name and a value. */
export function pairs(rows: readonly (readonly [string, string | Node])[]): HTMLElement {
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
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}
