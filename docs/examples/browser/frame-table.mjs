// A table that shows rows of a frame log, the newest last.

/** Fills `body`, a `tbody`. */
export function frameTable(body) {
  const shown = new Map();
  return {
    show(row) {
      const made = lineOf(row);
      const before = shown.get(row.number);
      if (before === undefined) body.append(made);
      else before.replaceWith(made);
      shown.set(row.number, made);
    },
    clear() {
      shown.clear();
      body.replaceChildren();
    },
  };
}

function lineOf({ ms, sent, type, stream, length, flags, details }) {
  const line = element("tr", sent ? "sent" : "received");
  const name = element("td", "type");
  name.append(element("span", `pill ${type.toLowerCase()}`, type));
  const marks = element("td", "flags");
  marks.append(...flags.map((flag) => element("span", "flag", flag)));
  const fields = element("td", "details");
  fields.append(...details.map(fieldOf));
  line.append(
    element("td", "number time", ms.toFixed(0)),
    element("td", "direction", sent ? "→ sent" : "← received"),
    name,
    streamOf(stream),
    element("td", "number", String(length)),
    marks,
    fields,
  );
  return line;
}

/** Each stream in a colour of its own, so that one can be followed among the others. */
function streamOf(stream) {
  const cell = element("td", "number");
  const mark = element("span", stream === 0 ? "stream connection" : "stream", String(stream));
  mark.style.setProperty("--hue", String((stream * 67) % 360));
  cell.append(mark);
  return cell;
}

function fieldOf([name, value]) {
  const field = element("div", "field");
  field.append(element("span", "name", name), " ", element("span", "value", value));
  return field;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
