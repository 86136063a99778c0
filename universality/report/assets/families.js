// Families of latents over many runs: the table, and one family's members and texts side by side.
const COLUMNS = [["family", "family"], ["kind", "kind"], ["n_runs", "runs"], ["mean_similarity", "mean similarity"], ["lowest_similarity", "lowest"], ["frequency", "frequency"], ["runs", "found in"]]
  .filter(([id]) => report.families.some((family) => family[id] != null));
const ofRule = d3.group(report.families, (family) => family.view);
let listed = [], sorted = null;
const text = (value) => (value == null ? "" : typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(4) : spell(value));
const provider = { getLength: () => listed.length, getItem: (i) => listed[i] };
const slick = new Slick.Grid("#grid", provider, COLUMNS.map(([id, name]) => ({
  id, name, field: id, sortable: true, formatter: (_row, _cell, value) => element("span", {}, text(value)),
})), { enableColumnReorder: false, enableHtmlRendering: false, rowHeight: 26, forceFitColumns: true, enableCellNavigation: true });

function list() {
  const rule = chosenIn("rule"), wanted = document.getElementById("search").value.trim().toLowerCase(), all = ofRule.get(rule) ?? [];
  listed = all.filter((family) => ["runs", "kind"].some((name) => String(family[name] ?? "").toLowerCase().includes(wanted)));
  if (sorted) listed = d3.sort(listed, (one, two) => (sorted.sortAsc ? d3.ascending : d3.descending)(one[sorted.sortCol.id], two[sorted.sortCol.id]));
  slick.resetActiveCell();
  slick.invalidate();
  slick.updateRowCount();
  const total = report.n_families[rule] ?? 0, part = all.length < total ? `; the ${all.length.toLocaleString("en")} largest are listed` : "";
  document.getElementById("found").textContent = `${listed.length.toLocaleString("en")} of ${total.toLocaleString("en")} families${part}`;
}

function textOf({ tokens, centre, document: name }) {
  const line = element("td", { class: "text", dir: "auto", title: name });
  tokens.forEach((token, place) => line.append(element("span", place === centre ? { class: "hot centre", style: "--heat:.6" } : {}, token)));
  return line;
}

function textTable(members, texts) {
  const heads = members.map(([run, latent]) => element("th", {}, `${run} ${latent}`));
  const rows = texts.map((one) => element("tr", {}, textOf(one), ...one.codes.map((code) => element("td", {}, element("span", code > 0 ? { class: "hot", style: `--heat:${code}` } : {}, code.toFixed(2))))));
  return element("div", { class: "wide" }, element("table", { id: "texts" }, element("tr", {}, element("th", {}, "fires most on"), ...heads), ...rows));
}

function show(family) {
  const members = report.members[family.view]?.[family.family] ?? [], texts = report.contexts[family.view]?.[family.family];
  const facts = Object.entries(family).filter(([, value]) => value != null && value !== "").map(([name, value]) => element("tr", {}, element("th", {}, spell(name)), element("td", { class: "text" }, text(value))));
  const [runNames, latents] = [0, 1].map((i) => members.map((member) => element(i ? "td" : "th", {}, `${member[i]}`)));
  document.getElementById("pair").replaceChildren(
    element("h3", {}, `Family ${family.family}, by ${spell(family.view)}`),
    element("div", { class: "wide" }, element("table", { id: "members" }, element("tr", {}, element("th", {}, "run"), ...runNames), element("tr", {}, element("td", {}, "latent"), ...latents))),
    ...(texts ? [element("h4", {}, "Texts, and what each member does there as a share of its largest code"), textTable(members, texts)]
      : Object.keys(report.contexts).length ? [element("p", { class: "soft" }, `Texts are kept for families by ${Object.keys(report.contexts).map(spell).join(", ")}, evenly spaced over their order.`)] : []),
    element("h4", {}, "What is known of it"), element("table", {}, ...facts),
  );
}

slick.onSort.subscribe((_event, order) => { sorted = order; list(); });
slick.onActiveCellChanged.subscribe((_event, { row }) => { if (row != null) show(listed[row]); });
document.getElementById("search").addEventListener("input", list);
offer("rule", [...ofRule.keys()].map((rule) => [rule, spell(rule), rule === report.rule]), list);
list();
document.documentElement.dataset.ready = "yes";
