// Charts: drawn from the curves and columns of the saved result.
const MARGIN = { top: 12, right: 20, bottom: 38, left: 52 };

function frame(svg, x, y, { xLabel, yLabel, xTicks, yTicks }) {
  svg.selectAll("*").remove();
  const { width, height } = svg.node().viewBox.baseVal;
  x.range([MARGIN.left, width - MARGIN.right]);
  y.range([height - MARGIN.bottom, MARGIN.top]);
  svg.append("g").attr("class", "axis").attr("transform", `translate(0,${y.range()[0]})`).call(d3.axisBottom(x).ticks(...(xTicks ?? [6])));
  svg.append("g").attr("class", "axis").attr("transform", `translate(${MARGIN.left},0)`).call(d3.axisLeft(y).ticks(...(yTicks ?? [5])));
  svg.append("text").attr("class", "label").attr("x", (MARGIN.left + width - MARGIN.right) / 2).attr("y", height - 4).attr("text-anchor", "middle").text(xLabel);
  svg.append("text").attr("class", "label").attr("transform", `translate(13,${(MARGIN.top + height - MARGIN.bottom) / 2}) rotate(-90)`).attr("text-anchor", "middle").text(yLabel);
  return svg;
}

const chart = (id) => d3.select(`#${id} svg`);
const curveOf = (view) => report.curves[view];
const steps = report.curves[report.view].threshold;
const nearestStep = (t) => d3.least(d3.range(steps.length), (i) => Math.abs(steps[i] - t));

function drawCurve() {
  const x = d3.scaleLinear([0, 1], [0, 1]), y = d3.scaleLinear([0, 1], [0, 1]);
  const svg = frame(chart("curve"), x, y, { xLabel: `threshold (${report.similarity})`, yLabel: "share of pairs", yTicks: [4, "%"] }), lines = new Map();
  for (const [view, curve] of Object.entries(report.curves)) {
    const all = d3.range(curve.threshold.length), at = (i) => x(curve.threshold[i]), ink = colour(COLOURS[view]);
    const band = d3.area().x(at).y0((i) => y(Math.max(0, curve.null[i] - 2 * curve.sd[i]))).y1((i) => y(Math.min(1, curve.null[i] + 2 * curve.sd[i])));
    svg.append("path").attr("d", band(all)).attr("fill", ink).attr("opacity", 0.25);
    svg.append("path").attr("d", d3.line().x(at).y((i) => y(curve.null[i]))(all)).attr("class", "null").attr("stroke", ink);
    for (const own of Object.values(curve.own)) svg.append("path").attr("d", d3.line().x(at).y((i) => y(own[i]))(all)).attr("class", "own").attr("stroke", ink);
    svg.append("path").attr("d", d3.line().x(at).y((i) => y(curve.fraction[i]))(all)).attr("class", "observed").attr("stroke", ink).attr("stroke-width", view === state.view ? 2.6 : 1.3);
    lines.set(view, all.map((i) => [at(i), y(curve.fraction[i])]));
  }
  const placed = [];
  for (const [view, points] of lines) labelLine(svg, spell(view), colour(COLOURS[view]), points, [...lines.values()].filter((line) => line !== points), placed, x.range());
  const [low, high] = y.range();
  const handle = svg.append("g").attr("id", "handle").attr("transform", `translate(${x(state.threshold)},0)`);
  handle.append("line").attr("y1", low).attr("y2", high).attr("class", "threshold");
  handle.append("rect").attr("x", -12).attr("width", 24).attr("y", high).attr("height", low - high).attr("fill", "transparent");
  handle.append("circle").attr("cy", high + 4).attr("r", 6).attr("class", "knob");
  const drag = d3.drag().container(svg.node()).on("drag", ({ x: place }) => change({ threshold: steps[nearestStep(x.invert(place))] }));
  handle.call(drag);
}

const BINS = d3.range(0, 51).map((i) => i / 50);

function drawHistogram() {
  const { similarity } = viewOf("a", state.view);
  const matched = similarity.filter((s) => !Number.isNaN(s));
  const counts = d3.bin().domain([0, 1]).thresholds(BINS.slice(1, -1))(matched.map((s) => Math.min(1, Math.max(0, s))));
  const curve = curveOf(state.view), n = curve.denominator;
  const reaching = d3.scaleLinear(curve.threshold, curve.null);
  const chance = BINS.slice(1).map((edge, i) => ((i === 0 ? 1 : reaching(BINS[i])) - (edge === 1 ? 0 : reaching(edge))) * n);
  if (state.view === "decoder_and_encoder") chance[0] = 0;
  const x = d3.scaleLinear([0, 1], [0, 1]), y = d3.scaleLinear([0, d3.max([...counts.map((bin) => bin.length), ...chance, 1])], [0, 1]).nice();
  const svg = frame(chart("histogram"), x, y, { xLabel: `${spell(state.view)} ${report.similarity} of matched pairs`, yLabel: "pairs per bin", yTicks: [5, ",d"] });
  const ink = colour(COLOURS[state.view]);
  svg.append("g").selectAll("rect").data(counts).join("rect").attr("x", (bin) => x(bin.x0) + 0.5).attr("width", (bin) => Math.max(0, x(bin.x1) - x(bin.x0) - 1))
    .attr("y", (bin) => y(bin.length)).attr("height", (bin) => y(0) - y(bin.length)).attr("fill", ink).attr("opacity", (bin) => (bin.x0 >= state.threshold - ROUNDING ? 0.9 : 0.45));
  const outline = d3.line().x((i) => x(BINS[i])).y((i) => y(chance[Math.min(i, 49)])).curve(d3.curveStepAfter);
  svg.append("path").attr("d", outline(d3.range(51))).attr("class", "null").attr("stroke", colour("--text"));
  svg.append("line").attr("class", "threshold").attr("x1", x(state.threshold)).attr("x2", x(state.threshold)).attr("y1", y.range()[0]).attr("y2", y.range()[1]);
}

function scatterChoices() {
  const { views } = report;
  return [views[0], views.length > 1 ? document.getElementById("against").value : null];
}

function drawScatter() {
  const [across, up] = scatterChoices();
  if (!up) { document.getElementById("scatter").hidden = true; return; }
  const { a: first, [across]: left, [up]: high } = report.pairs[across];
  const domain = d3.nice(Math.min(0, d3.min(left), d3.min(high)), 1, 5);
  const x = d3.scaleLinear(domain, [0, 1]), y = d3.scaleLinear(domain, [0, 1]);
  const svg = frame(chart("scatter"), x, y, { xLabel: `${spell(across)} similarity of the pair`, yLabel: `${spell(up)} similarity` });
  const canvas = document.querySelector("#scatter canvas"), ink = canvas.getContext("2d");
  const scale = canvas.width / svg.node().viewBox.baseVal.width;
  ink.clearRect(0, 0, canvas.width, canvas.height);
  ink.fillStyle = colour(COLOURS[across]);
  ink.globalAlpha = left.length > 5000 ? 0.25 : 0.5;
  const size = left.length > 5000 ? 1.6 : 2.6;
  for (let i = 0; i < left.length; i++) ink.fillRect(scale * (x(left[i]) - size / 2), scale * (y(high[i]) - size / 2), scale * size, scale * size);
  const brush = d3.brush().extent([[x.range()[0], y.range()[1]], [x.range()[1], y.range()[0]]]).on("end", ({ selection }) => {
    if (!selection) return change({ brushed: null });
    const [[x0, y0], [x1, y1]] = selection, inside = new Set();
    for (let i = 0; i < left.length; i++) {
      const [px, py] = [x(left[i]), y(high[i])];
      if (px >= x0 && px <= x1 && py >= y0 && py <= y1) inside.add(first[i]);
    }
    change({ brushed: inside, side: "a" });
  });
  svg.append("g").attr("class", "brush").call(brush);
}

function drawFrequency() {
  const { frequency, alive } = report.a;
  if (!frequency) { document.getElementById("frequency").hidden = true; return; }
  const { similarity } = viewOf("a", state.view), bins = new Map();
  for (let i = 0; i < frequency.length; i++) {
    if (!alive[i] || !(frequency[i] > 0)) continue;
    const bin = Math.floor(2 * Math.log10(frequency[i])), found = bins.get(bin) ?? [0, 0];
    found[0]++;
    if (similarity[i] >= state.threshold - ROUNDING) found[1]++;
    bins.set(bin, found);
  }
  const rows = [...bins].map(([bin, [n, kept]]) => ({ low: 10 ** (bin / 2), high: 10 ** ((bin + 1) / 2), n, kept }));
  const x = d3.scaleLog([d3.min(rows, (row) => row.low) ?? 1e-3, d3.max(rows, (row) => row.high) ?? 1], [0, 1]), y = d3.scaleLinear([0, 1.08], [0, 1]);
  const svg = frame(chart("frequency"), x, y, { xLabel: "firing frequency of latents of a (share of tokens)", yLabel: "share found in b", xTicks: [5, "~p"], yTicks: [5, "%"] });
  const bars = svg.append("g").selectAll("g").data(rows).join("g");
  bars.append("rect").attr("x", (row) => x(row.low) + 1).attr("width", (row) => Math.max(1, x(row.high) - x(row.low) - 2)).attr("y", (row) => y(row.kept / row.n))
    .attr("height", (row) => y(0) - y(row.kept / row.n)).attr("fill", colour(COLOURS[state.view])).append("title").text((row) => `${count(row.kept)} of ${count(row.n)}`);
  bars.append("text").attr("class", "count").attr("x", (row) => (x(row.low) + x(row.high)) / 2).attr("y", (row) => Math.max(MARGIN.top + 8, y(row.kept / row.n) - 3)).attr("text-anchor", "middle").text((row) => count(row.n));
}

function drawGrades() {
  for (const side of ["a", "b"]) {
    const counts = new Array(5).fill(0);
    for (const grade of gradesOf(side, state.view, state.threshold)) counts[grade]++;
    const total = d3.sum(counts);
    const parts = GRADES.map((grade, i) => {
      const part = element("span", { class: `grade ${grade}`, role: "img", "aria-label": `${grade}: ${count(counts[i])}`, style: `flex-grow:${counts[i]}`, title: `${grade}: ${count(counts[i])}`, "data-count": counts[i] });
      if (counts[i] > 0.12 * total) part.textContent = `${grade} ${count(counts[i])}`;
      else if (counts[i] > 0.05 * total) part.textContent = count(counts[i]);
      return part;
    });
    document.getElementById(`grades-${side}`).replaceChildren(...parts);
  }
}

function showCounts() {
  const curve = curveOf(state.view), i = nearestStep(state.threshold);
  document.getElementById("count").textContent = count(curve.count[i]);
  document.getElementById("counts").dataset.count = curve.count[i];
  document.getElementById("possible").textContent = count(curve.denominator);
  document.getElementById("share").textContent = percent(curve.fraction[i]);
  document.getElementById("chance").textContent = percent(curve.null[i]);
  const floors = Object.entries(curve.own).map(([run, own]) => `${run} ${percent(own[i])}`);
  document.getElementById("floors").textContent = floors.length ? `; latents of one run: ${floors.join(", ")}` : "";
  document.getElementById("null").textContent = report.nulls[state.view];
  document.getElementById("at").textContent = state.threshold.toFixed(2);
  document.getElementById("threshold").value = state.threshold;
  document.getElementById("threshold").setAttribute("aria-valuetext", `${state.threshold.toFixed(2)}: ${percent(curve.fraction[i])} of pairs`);
}

listeners.push((changed) => {
  const both = changed.has("view") || changed.has("threshold") || changed.has("theme");
  if (changed.has("view")) control("view").value = state.view;
  if (both) { drawCurve(); drawHistogram(); drawFrequency(); drawGrades(); showCounts(); }
  if (changed.has("theme") || changed.has("against")) drawScatter();
});
