// One row of the map: its inputs, what becomes of it without each, and the texts behind them.
const WORDS = { copy: "copy", or: "weighted OR", and_not: "AND-NOT", mixed: "mixed" };
const labelChoice = document.getElementById("label"), rowChoice = document.getElementById("row"), panel = document.getElementById("pair");

function part(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function fillRows() {
  const kept = report.rows.filter((row) => !labelChoice.value || row.label === labelChoice.value);
  rowChoice.replaceChildren(...kept.map((row) => {
    const option = part("option", `${row.of ? `${row.of}, ` : ""}latent ${row.target}: ${WORDS[row.label]}, ${row.evidence.toLocaleString("en")} tokens${row.texts.length ? "" : " (no texts)"}`);
    option.value = String(report.rows.indexOf(row));
    return option;
  }));
  showRow();
}

function table(head, rows) {
  const wide = part("div", "", "wide"), made = document.createElement("table"), first = document.createElement("tr");
  first.append(...head.map((name) => part("th", name)));
  made.append(first, ...rows.map((cells) => {
    const line = document.createElement("tr");
    line.append(...cells.map((cell) => part("td", cell)));
    return line;
  }));
  wide.append(made);
  return wide;
}

function context(text) {
  const made = part("p", "", "context"), largest = Math.max(...text.codes.map((code) => Math.abs(code ?? 0)), 1e-9);
  text.tokens.forEach((token, i) => {
    const code = text.codes[i], span = part("span", token, code === null ? "unknown" : code ? "hot" : "");
    if (code) { span.style.setProperty("--heat-a", String(Math.abs(code) / largest)); span.style.setProperty("--heat-b", "0"); span.title = String(code); }
    if (i === text.centre) span.classList.add("centre");
    made.append(span);
  });
  made.append(part("small", `  ${text.document}`));
  return made;
}

const shortened = (value) => (Number.isInteger(value) ? count(value) : value.toFixed(3));

function facts(one) {
  if (one.weight > 0) return `alone on ${count(one.n_alone)} tokens, the target on in ${count(one.n_alone_on)}`;
  return `with a positive input on ${count(one.n_both)} tokens (by chance ${one.n_both_expected.toFixed(1)}); the target truly off on ${count(one.n_both_off)}, without this input predicted on ${count(one.n_released)} of them`;
}

function textsOf(row, kind, source) {
  return row.texts.filter((text) => text.kind === kind && text.source === source).map(context);
}

function showRow() {
  const row = report.rows[rowChoice.value];
  panel.replaceChildren();
  if (!row) { panel.append(part("p", "There is no such row.", "soft")); return; }
  const sum = row.inputs.map((one, i) => `${one.weight < 0 ? "- " : i ? "+ " : ""}${Math.abs(one.weight).toFixed(3)} [${one.source}]`).join(" ");
  panel.append(part("h3", `${row.of ? `${row.of}: target` : "Target"} latent ${row.target}: ${WORDS[row.label]}`), part("p", `${row.target} = ReLU(${sum} + …); unexplained ${row.fvu.toFixed(3)}`, "facts"));
  panel.append(table(["input", "weight", "standardised", "fires on", "unexplained without it", "turned on or off without it"], row.inputs.map((one) => [String(one.source), one.weight.toFixed(3), one.standardised.toFixed(3), count(one.n_fires), shortened(one.fvu_without), count(one.n_changed)])));
  const own = textsOf(row, "target", -1);
  if (own.length) panel.append(part("h4", `Where target ${row.target} fires most`), ...own);
  for (const one of row.inputs) {
    const texts = textsOf(row, "input", one.source), both = textsOf(row, "both", one.source);
    panel.append(part("h4", `Input ${one.source}, weight ${one.weight.toFixed(3)}: ${facts(one)}`), ...texts);
    if (both.length) panel.append(part("h4", `Input ${one.source} together with a positive input`), ...both);
  }
}

labelChoice.addEventListener("change", fillRows);
rowChoice.addEventListener("change", showRow);
fillRows();
document.documentElement.dataset.ready = "yes";
