// Many runs: the matrix of pairs, the spectrum, and families with their members side by side.
const report = JSON.parse(document.getElementById("data").textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const spell = (text) => String(text).replaceAll("_", " ");
const INK = { decoder: "--decoder", encoder: "--encoder", decoder_and_encoder: "--both", activations: "--activations" };
const MARGIN = { top: 12, right: 14, bottom: 38, left: 52 };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function frame(id, x, y, { xLabel, yLabel, xAxis = d3.axisBottom(x) }) {
  const svg = d3.select(`#${id} svg`);
  svg.selectAll("*").remove();
  const { width, height } = svg.node().viewBox.baseVal;
  x.range([MARGIN.left, width - MARGIN.right]);
  y.range([height - MARGIN.bottom, MARGIN.top]);
  svg.append("g").attr("class", "axis").attr("transform", `translate(0,${y.range()[0]})`).call(xAxis);
  svg.append("g").attr("class", "axis").attr("transform", `translate(${MARGIN.left},0)`).call(d3.axisLeft(y).ticks(5, "%"));
  svg.append("text").attr("class", "label").attr("x", width / 2).attr("y", height - 4).attr("text-anchor", "middle").text(xLabel);
  svg.append("text").attr("class", "label").attr("transform", `translate(13,${height / 2}) rotate(-90)`).attr("text-anchor", "middle").text(yLabel);
  return svg;
}

const runs = report.runs;
const measures = [];
for (const view of new Set(report.pairs.map((pair) => pair.view))) {
  for (const name of ["mean", "shared", "agreement"]) {
    if (report.pairs.some((pair) => pair.view === view && pair[name] != null)) measures.push([view, name]);
  }
}

function drawMatrix() {
  const [view, name] = measures[document.getElementById("measure").value] ?? [];
  const svg = d3.select("#matrix svg"), pairs = report.pairs.filter((pair) => pair.view === view && pair[name] != null);
  svg.selectAll("*").remove();
  const x = d3.scaleBand(runs, [90, 510]).padding(0.04), y = d3.scaleBand(runs, [10, 350]).padding(0.04);
  const [low, high] = d3.extent(pairs, (pair) => pair[name]);
  const ink = d3.scaleSequential([low, high === low ? low + 1e-9 : high], d3.interpolateCividis);
  const cells = pairs.flatMap((pair) => [[pair.a, pair.b, pair[name]], [pair.b, pair.a, pair[name]]]);
  const group = svg.selectAll("g").data(cells).join("g");
  group.append("rect").attr("x", ([a]) => x(a)).attr("y", ([, b]) => y(b)).attr("width", x.bandwidth()).attr("height", y.bandwidth()).attr("fill", ([, , value]) => ink(value)).append("title").text(([a, b, value]) => `${a} and ${b}: ${value.toFixed(4)}`);
  if (runs.length <= 12) group.append("text").attr("x", ([a]) => x(a) + x.bandwidth() / 2).attr("y", ([, b]) => y(b) + y.bandwidth() / 2 + 4).attr("text-anchor", "middle").attr("font-size", 11).attr("fill", ([, , value]) => (value < (low + high) / 2 ? "#fff" : "#000")).text(([, , value]) => value.toFixed(2));
  const short = (name) => (name.length > 12 ? `${name.slice(0, 11)}…` : name);
  svg.append("g").attr("class", "axis").attr("transform", "translate(88,0)").call(d3.axisLeft(y).tickSize(0).tickFormat(short)).select(".domain").remove();
  const across = svg.append("g").attr("class", "axis").attr("transform", "translate(0,352)").call(d3.axisBottom(x).tickSize(0).tickFormat(short));
  across.select(".domain").remove();
  across.selectAll("text").attr("transform", "rotate(-35)").attr("text-anchor", "end");
}

function drawSpectrum() {
  const series = Object.entries(report.spectrum).map(([view, rows]) => [view, atThreshold(rows)]);
  const x = d3.scaleBand(d3.range(1, runs.length + 1), [0, 1]).padding(0.2);
  const most = d3.max(series, ([, rows]) => d3.max(rows, (row) => Math.max(row.fraction, row.null ?? 0)));
  const y = d3.scaleLinear([0, most || 1], [0, 1]).nice(), svg = frame("spectrum", x, y, { xLabel: "number of runs k", yLabel: "fraction of latents" });
  const inner = d3.scaleBand(series.map(([view]) => view), [0, x.bandwidth()]).padding(0.08);
  for (const [view, rows] of series) {
    const left = (row) => x(row.k) + inner(view);
    svg.append("g").selectAll("rect").data(rows).join("rect").attr("x", left).attr("width", inner.bandwidth()).attr("y", (row) => y(row.fraction)).attr("height", (row) => y(0) - y(row.fraction)).attr("fill", colour(INK[view])).append("title").text((row) => `${spell(view)}: ${row.fraction.toFixed(4)}`);
    svg.append("g").selectAll("line").data(rows.filter((row) => row.null != null)).join("line").attr("x1", left).attr("x2", (row) => left(row) + inner.bandwidth()).attr("y1", (row) => y(row.null)).attr("y2", (row) => y(row.null)).attr("stroke", colour("--text")).attr("stroke-width", 2);
  }
}

function atThreshold(rows) {
  const nearest = d3.least(rows, (row) => Math.abs((row.threshold ?? 0.7) - 0.7))?.threshold;
  return rows.filter((row) => row.threshold === nearest);
}

function drawOnlyInOne() {
  const series = Object.entries(report.only_in_one);
  const x = d3.scaleLinear([2, Math.max(3, runs.length)], [0, 1]), y = d3.scaleLinear([0, 1], [0, 1]);
  const svg = frame("only", x, y, { xLabel: "runs compared", yLabel: "only in one", xAxis: d3.axisBottom(x).ticks(Math.min(8, runs.length - 1), "d") });
  for (const [view, rows] of series) {
    const line = (key) => d3.line().defined((row) => row[key] != null).x((row) => x(row.n_runs)).y((row) => y(row[key]))(rows);
    svg.append("path").attr("class", "observed").attr("stroke", colour(INK[view])).attr("stroke-width", 2).attr("d", line("fraction"));
    svg.append("path").attr("class", "null").attr("stroke", colour(INK[view])).attr("d", line("null"));
  }
}

function drawFlow() {
  if (!report.flow.length) { document.getElementById("flow").hidden = true; return; }
  const links = report.flow.filter((link) => link.n_latents > 0), svg = d3.select("#flow svg");
  svg.selectAll("*").remove();
  const column = (side, x) => {
    const totals = d3.rollups(links, (some) => d3.sum(some, (link) => link.n_latents), (link) => link[side]);
    const scale = 270 / d3.sum(totals, ([, n]) => n), gap = 30 / Math.max(1, totals.length - 1);
    let top = 10;
    const places = new Map();
    for (const [name, n] of totals) {
      places.set(name, { top, used: 0, scale });
      svg.append("rect").attr("x", x).attr("width", 12).attr("y", top).attr("height", n * scale).attr("fill", colour("--both"));
      svg.append("text").attr("class", "label").attr("x", side === "source" ? x + 16 : x - 4).attr("y", top + Math.max(10, (n * scale) / 2)).attr("text-anchor", side === "source" ? "start" : "end").text(`${spell(name)} ${n.toLocaleString("en")}`);
      top += n * scale + gap;
    }
    return places;
  };
  const left = column("source", 10), right = column("target", 498);
  for (const link of links) {
    const [from, to] = [left.get(link.source), right.get(link.target)], thick = [link.n_latents * from.scale, link.n_latents * to.scale];
    const [y0, y1] = [from.top + from.used, to.top + to.used];
    from.used += thick[0];
    to.used += thick[1];
    svg.insert("path", "rect").attr("d", `M22,${y0} C260,${y0} 260,${y1} 498,${y1} V${y1 + thick[1]} C260,${y1 + thick[1]} 260,${y0 + thick[0]} 22,${y0 + thick[0]} Z`).attr("fill", colour("--both")).attr("opacity", 0.3);
  }
}

const shown = [["view", "by"], ["family", "family"], ["kind", "kind"], ["n_runs", "runs"], ["mean_similarity", "mean similarity"], ["lowest_similarity", "lowest"], ["frequency", "frequency"], ["runs", "found in"]]
  .filter(([id]) => report.families.length && id in report.families[0]);
let chosen = report.families.slice();
const text = (value) => (value == null ? "" : typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(4) : spell(value));
const provider = { getLength: () => chosen.length, getItem: (i) => chosen[i] };
const slick = new Slick.Grid("#grid", provider, shown.map(([id, name]) => ({
  id, name, field: id, sortable: true, formatter: (_row, _cell, value) => element("span", {}, text(value)),
})), { enableColumnReorder: false, enableHtmlRendering: false, rowHeight: 26, forceFitColumns: true, enableCellNavigation: true });

function refresh() {
  slick.resetActiveCell();
  slick.invalidate();
  slick.updateRowCount();
  document.getElementById("found").textContent = `${chosen.length.toLocaleString("en")} of ${report.families.length.toLocaleString("en")} families`;
}

slick.onSort.subscribe((_event, { sortCol, sortAsc }) => {
  chosen = d3.sort(chosen, (one, two) => (sortAsc ? d3.ascending : d3.descending)(one[sortCol.id], two[sortCol.id]));
  refresh();
});
slick.onActiveCellChanged.subscribe((_event, { row }) => {
  if (row == null) return;
  const family = chosen[row], members = report.members[family.view]?.[family.family] ?? [];
  const facts = Object.entries(family).filter(([, value]) => value != null && value !== "").map(([name, value]) => element("tr", {}, element("th", {}, spell(name)), element("td", { class: "text" }, text(value))));
  document.getElementById("pair").replaceChildren(
    element("h3", {}, `Family ${family.family}, by ${spell(family.view)}`),
    element("table", {}, element("tr", {}, element("th", {}, "run"), element("th", {}, "latent")), ...members.map(([run, latent]) => element("tr", {}, element("td", {}, run), element("td", {}, `${latent}`)))),
    element("h4", {}, "What is known of it"), element("table", {}, ...facts),
  );
});
document.getElementById("search").addEventListener("input", ({ target }) => {
  const wanted = target.value.trim().toLowerCase();
  chosen = report.families.filter((family) => ["runs", "kind", "view"].some((name) => String(family[name] ?? "").toLowerCase().includes(wanted)));
  refresh();
});
document.getElementById("measure").append(...measures.map(([view, name], i) => element("option", { value: i }, `${spell(view)}: ${spell(name)}`)));
document.getElementById("measure").addEventListener("change", drawMatrix);
function draw() { drawMatrix(); drawSpectrum(); drawOnlyInOne(); drawFlow(); }
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
refresh();
document.documentElement.dataset.ready = "yes";
