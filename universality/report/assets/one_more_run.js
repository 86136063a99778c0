// One run more: were the chances right on the runs left out, and how much do so many runs hold?
function drawReliability() {
  const figure = document.getElementById("reliability"), rows = report.left_out.filter((row) => row.view === report.rule);
  if (!figure) return;
  figure.hidden = !rows.length;
  if (!rows.length) return;
  const x = d3.scaleLinear([0, 1], [0, 1]), y = d3.scaleLinear([0, 1], [0, 1]);
  const svg = frame("reliability", x, y, { xLabel: "predicted by the other runs", yLabel: "seen in the run left out", xAxis: d3.axisBottom(x).ticks(5, "%") });
  const size = d3.scaleSqrt([0, d3.max(rows, (row) => row.n)], [2, 9]);
  svg.append("line").attr("class", "null").attr("stroke", colour("--text")).attr("x1", x(0)).attr("y1", y(0)).attr("x2", x(1)).attr("y2", y(1));
  svg.append("g").selectAll("circle").data(rows).join("circle").attr("r", (row) => size(row.n)).attr("cx", (row) => x(row.predicted)).attr("cy", (row) => y(row.observed)).attr("fill", colour(COLOURS[report.rule])).attr("fill-opacity", 0.55).append("title").text((row) => `${row.held_out_run}, found in ${row.k} others: predicted ${row.predicted.toFixed(3)}, seen ${row.observed.toFixed(3)} of ${row.n}`);
}

function drawCoverage() {
  const figure = document.getElementById("coverage");
  if (!figure) return;
  figure.hidden = !report.census.length;
  if (!report.census.length) return;
  const x = d3.scaleLinear([1, d3.max(report.census, (row) => row.n_runs)], [0, 1]), y = d3.scaleLinear([0, 1], [0, 1]);
  const svg = frame("coverage", x, y, { xLabel: "runs", yLabel: "of one further run", xAxis: d3.axisBottom(x).ticks(8, "d") });
  const placed = [], lines = new Map();
  const line = (rows, key) => d3.line().defined((row) => row[key] != null).x((row) => x(row.n_runs)).y((row) => y(row[key]))(rows);
  for (const [view, rows] of d3.group(report.census, (row) => row.view)) {
    const ink = colour(COLOURS[view]), counted = rows.filter((row) => !row.coverage_estimated), beyond = rows.slice(Math.max(0, counted.length - 1));
    const band = d3.area().defined((row) => row.coverage_low != null).x((row) => x(row.n_runs)).y0((row) => y(row.coverage_low)).y1((row) => y(row.coverage_high));
    svg.append("path").attr("d", band(rows)).attr("fill", ink).attr("opacity", 0.15);
    svg.append("path").attr("class", "observed").attr("stroke", ink).attr("stroke-width", 2).attr("d", line(counted, "coverage"));
    svg.append("path").attr("class", "null estimated").attr("stroke", ink).attr("stroke-width", 2).attr("d", line(beyond, "coverage"));
    svg.append("path").attr("class", "null").attr("stroke", ink).style("stroke-dasharray", "1 4").attr("d", line(rows, "null_coverage"));
    lines.set(view, rows.map((row) => [x(row.n_runs), y(row.coverage)]));
  }
  for (const [view, points] of lines) labelLine(svg, spell(view), colour(COLOURS[view]), points, [...lines.values()].filter((other) => other !== points && other.length === points.length), placed, x.range());
}

function drawOneMoreRun() { drawReliability(); drawCoverage(); }
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawOneMoreRun);
drawOneMoreRun();
