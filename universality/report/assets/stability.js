// Many runs: the matrix of pairs, the spectrum, stability, and the flow between widths.
const chosenIn = (id) => document.getElementById(id)?.value;
const MARGIN = { top: 12, right: 14, bottom: 38, left: 52 };

function offer(id, choices, changed) {
  const select = document.getElementById(id);
  if (!select) return;
  select.append(...choices.map(([value, text, chosen]) => { const one = element("option", { value }, text); one.selected = Boolean(chosen); return one; }));
  select.addEventListener("change", changed);
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
  const [view, name] = measures[chosenIn("measure")] ?? [];
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
  const series = Object.entries(report.spectrum).map(([view, rows]) => [view, rows.filter((row) => `${row.threshold}` === (chosenIn("threshold") ?? "null"))]);
  const x = d3.scaleBand(d3.range(1, report.n_runs + 1), [0, 1]).padding(0.2);
  const most = d3.max(series, ([, rows]) => d3.max(rows, (row) => Math.max(row.fraction, row.null ?? 0)));
  const y = d3.scaleLinear([0, most || 1], [0, 1]).nice(), svg = frame("spectrum", x, y, { xLabel: "number of runs k", yLabel: "fraction of latents" });
  const inner = d3.scaleBand(series.map(([view]) => view), [0, x.bandwidth()]).padding(0.08);
  for (const [view, rows] of series) {
    const left = (row) => x(row.k) + inner(view);
    svg.append("g").selectAll("rect").data(rows).join("rect").attr("x", left).attr("width", inner.bandwidth()).attr("y", (row) => y(row.fraction)).attr("height", (row) => y(0) - y(row.fraction)).attr("fill", colour(COLOURS[view])).append("title").text((row) => `${spell(view)}: ${row.fraction.toFixed(4)}`);
    svg.append("g").selectAll("line").data(rows.filter((row) => row.null != null)).join("line").attr("x1", left).attr("x2", (row) => left(row) + inner.bandwidth()).attr("y1", (row) => y(row.null)).attr("y2", (row) => y(row.null)).attr("stroke", colour("--text")).attr("stroke-width", 2);
  }
}

function drawOnlyInOne() {
  const series = Object.entries(report.only_in_one);
  const x = d3.scaleLinear([2, Math.max(3, report.n_runs)], [0, 1]), y = d3.scaleLinear([0, 1], [0, 1]);
  const svg = frame("only", x, y, { xLabel: "runs compared", yLabel: "only in one", xAxis: d3.axisBottom(x).tickValues(x.ticks(Math.min(8, report.n_runs - 1)).filter(Number.isInteger)).tickFormat(d3.format("d")) });
  const lines = new Map(), placed = [];
  for (const [view, rows] of series) {
    lines.set(view, d3.pairs(rows).flatMap(([one, two]) => d3.range(0, 1, 0.05).map((t) => [x(one.n_runs + t * (two.n_runs - one.n_runs)), y(one.fraction + t * (two.fraction - one.fraction))])));
    const line = (key) => d3.line().defined((row) => row[key] != null).x((row) => x(row.n_runs)).y((row) => y(row[key]))(rows);
    svg.append("path").attr("class", "observed").attr("stroke", colour(COLOURS[view])).attr("stroke-width", 2).attr("d", line("fraction"));
    svg.append("path").attr("class", "null").attr("stroke", colour(COLOURS[view])).attr("d", line("null"));
  }
  for (const [view, points] of lines) if (points.length) labelLine(svg, spell(view), colour(COLOURS[view]), points, [...lines.values()].filter((other) => other !== points && other.length === points.length), placed, x.range());
}

function drawAgainst() {
  const covariates = Object.keys(report.stability_by), name = chosenIn("covariate") ?? covariates[0];
  document.getElementById("against").hidden = !covariates.length;
  if (!covariates.length) return;
  const series = Object.entries(report.stability_by[name]), all = series.flatMap(([, found]) => found.classes.map((one) => one.median));
  const scale = name === "frequency" && d3.min(all) > 0 ? d3.scaleLog : d3.scaleLinear;
  const x = scale(d3.extent(all), [0, 1]).nice(), y = d3.scaleLinear([0, 1], [0, 1]);
  const svg = frame("against", x, y, { xLabel: name === "frequency" ? "firing frequency" : spell(name), yLabel: "mean stability", xAxis: d3.axisBottom(x).ticks(4, "~g") });
  for (const [view, found] of series) {
    svg.append("path").attr("class", "observed").attr("stroke", colour(COLOURS[view])).attr("stroke-width", 2).attr("d", d3.line().x((one) => x(one.median)).y((one) => y(one.mean_stability))(found.classes));
    svg.append("g").selectAll("circle").data(found.classes).join("circle").attr("r", 3).attr("cx", (one) => x(one.median)).attr("cy", (one) => y(one.mean_stability)).attr("fill", colour(COLOURS[view])).append("title").text((one) => `${spell(view)}, ${one.low.toPrecision(3)} to ${one.high.toPrecision(3)}: mean ${one.mean_stability.toFixed(3)}, in all runs ${(100 * one.in_all_runs).toFixed(1)} % of ${one.n}`);
    if (found.null != null) svg.append("line").attr("class", "null").attr("stroke", colour(COLOURS[view])).attr("x1", x.range()[0]).attr("x2", x.range()[1]).attr("y1", y(found.null)).attr("y2", y(found.null));
  }
}

const SOURCES = ["same", "split", "none", "nothing"], TARGETS = ["same", "refined", "merged", "novel", "none", "nothing"];
const INKS = { same: "#2fb890", split: "#56b4e9", refined: "#56b4e9", merged: "#d695bb", novel: "#e69f00", none: "#9a9a9a", nothing: "#c8c8c8" };
const steps = [...d3.group(report.flow, (link) => link.narrow, (link) => link.wide)].flatMap(([narrow, wides]) => [...wides].map(([wide, links]) => ({ name: `${narrow} to ${wide}`, links })));

function drawFlow() {
  document.getElementById("flow").hidden = !steps.length;
  if (!steps.length) return;
  const rank = (link) => 10 * SOURCES.indexOf(link.source) + TARGETS.indexOf(link.target);
  const links = d3.sort(steps[chosenIn("step") ?? 0].links.filter((link) => link.n_latents > 0 && link.target !== "nothing"), rank), svg = d3.select("#flow svg");
  svg.selectAll("*").remove();
  const column = (side, x) => {
    const order = side === "source" ? SOURCES : TARGETS;
    const totals = d3.sort(d3.rollups(links, (some) => d3.sum(some, (link) => link.n_latents), (link) => link[side]), ([name]) => order.indexOf(name));
    const scale = 270 / d3.sum(totals, ([, n]) => n), gap = 30 / Math.max(1, totals.length - 1);
    let top = 10;
    const places = new Map();
    for (const [name, n] of totals) {
      places.set(name, { top, used: 0, scale });
      svg.append("rect").attr("x", x).attr("width", 12).attr("y", top).attr("height", n * scale).attr("fill", INKS[name]);
      svg.append("text").attr("class", "label").attr("x", side === "source" ? x + 16 : x - 4).attr("y", top + Math.max(10, (n * scale) / 2)).attr("text-anchor", side === "source" ? "start" : "end").text(`${side === "source" ? "of " : ""}${name} ${n.toLocaleString("en")}`);
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
    svg.insert("path", "rect").attr("d", `M22,${y0} C260,${y0} 260,${y1} 498,${y1} V${y1 + thick[1]} C260,${y1 + thick[1]} 260,${y0 + thick[0]} 22,${y0 + thick[0]} Z`).attr("fill", INKS[link.target]).attr("opacity", 0.45).append("title").text(`${link.source} to ${link.target}: ${link.n_latents}`);
  }
}

const thresholds = [...new Set(Object.values(report.spectrum).flatMap((rows) => rows.map((row) => row.threshold)))];
offer("measure", measures.map(([view, name], i) => [i, `${spell(view)}: ${spell(name)}`]), drawMatrix);
offer("threshold", thresholds.map((one) => [`${one}`, one ?? "none: every assigned pair", one === report.threshold]), drawSpectrum);
offer("covariate", Object.keys(report.stability_by).map((name) => [name, spell(name)]), drawAgainst);
offer("step", steps.map(({ name }, i) => [i, name]), drawFlow);
function draw() { drawMatrix(); drawSpectrum(); drawOnlyInOne(); drawAgainst(); drawFlow(); }
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
