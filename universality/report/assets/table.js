// The table of latents: any column sorts, any word of a context or a number finds.
const COLUMNS = [
  ["latent", "latent", 70], ["grade", "grade", 70], ["partner", "partner", 75], ["similarity", "similarity", 92],
  ["nearest", "nearest", 75], ["nearestSimilarity", "similarity", 92], ["margin", "margin", 75],
  ["frequency", "frequency", 95], ["q", "q-value", 85], ["text", "strongest token", 160],
];
const rows = { columns: {}, order: [], getLength: () => rows.order.length, getItem: (i) => ({ latent: rows.order[i] }) };
const cell = (name, i) => rows.columns[name]?.[i];
const texts = {
  latent: (i) => `${i}`, partner: (i) => (cell("partner", i) < 0 ? "" : `${cell("partner", i)}`),
  grade: (i) => GRADES[cell("grade", i)], nearest: (i) => (cell("nearest", i) < 0 ? "" : `${cell("nearest", i)}`),
  similarity: (i) => number(cell("similarity", i)), nearestSimilarity: (i) => number(cell("nearestSimilarity", i)),
  margin: (i) => number(cell("margin", i)), text: (i) => strongest(i),
  frequency: (i) => (cell("frequency", i) === undefined ? "" : cell("frequency", i).toExponential(1)),
  q: (i) => { const q = cell("q", i); return q === undefined || Number.isNaN(q) ? "" : q.toPrecision(2); },
};

function strongest(latent) {
  const [first] = ownContexts(state.side, latent);
  return first === undefined ? "" : tokensOf(first)[report.contexts.columns.centre[first]].slice(0, 60);
}

// Columns that can be held between two numbers, and the controls that say which.
const RANGES = ["similarity", "nearestSimilarity", "frequency", "q"];
const withinRanges = (i) => RANGES.every((name) => {
  const [from, to] = state.ranges[name] ?? [null, null], value = cell(name, i);
  return (from === null || value >= from) && (to === null || value <= to);
});

function fillColumns() {
  const own = viewOf(state.side, state.view), { latent, frequency } = report[state.side];
  rows.columns = { ...own, latent, frequency, grade: gradesOf(state.side, state.view, state.threshold) };
}

let sorting = { name: "similarity", ascending: false };

function chooseRows() {
  const wanted = state.search.trim().toLowerCase(), grade = GRADES.indexOf(state.grade), known = wanted ? wordsOf(state.side) : null;
  const kept = [];
  for (let i = 0; i < rows.columns.latent.length; i++) {
    if (grade >= 0 && cell("grade", i) !== grade) continue;
    if (state.brushed && state.side === "a" && !state.brushed.has(i)) continue;
    if (wanted && !(/^\d+$/.test(wanted) ? i === Number(wanted) : known.get(i)?.includes(wanted))) continue;
    if (!withinRanges(i)) continue;
    kept.push(i);
  }
  const { name, ascending } = sorting, sign = ascending ? 1 : -1;
  const key = name === "text" ? strongest : (i) => cell(name, i);
  const value = [];
  for (const i of kept) value[i] = key(i);
  const missing = (v) => v === undefined || v === "" || Number.isNaN(v);
  kept.sort((i, j) => {
    const v = value[i], w = value[j];
    if (missing(v) || missing(w)) return missing(v) - missing(w) || i - j;
    return v < w ? -sign : v > w ? sign : i - j;
  });
  rows.order = kept;
  document.getElementById("found").textContent = `${count(kept.length)} of ${count(rows.columns.latent.length)} latents`;
}

const shown = COLUMNS.filter(([id]) => (id !== "text" || report.contexts) && (id !== "frequency" || report.a.frequency) && (id !== "q" || viewOf("a", report.view).q));
const slick = new Slick.Grid("#grid", rows, shown.map(([id, name, width]) => ({
  id, name, width, field: id, sortable: true, cssClass: id === "text" || id === "grade" ? "words" : "figure",
  formatter: (_row, _cell, _value, _column, { latent }) => element("span", {}, texts[id](latent)),
})), { enableColumnReorder: false, enableHtmlRendering: false, rowHeight: 26, forceFitColumns: true, enableCellNavigation: true, multiColumnSort: false });
slick.setSortColumn("similarity", false);
slick.onSort.subscribe((_event, { sortCol, sortAsc }) => { sorting = { name: sortCol.id, ascending: sortAsc }; refresh(); });
slick.onActiveCellChanged.subscribe((_event, { row }) => { if (row !== null && row !== undefined) change({ latent: rows.order[row], beside: null }); });

function refresh() {
  chooseRows();
  slick.resetActiveCell();
  slick.invalidate();
  slick.updateRowCount();
}

function goTo(side, latent, beside = null) {
  change({ side, search: "", grade: "", ranges: {}, brushed: null });
  const row = rows.order.indexOf(latent);
  if (row >= 0) { slick.scrollRowIntoView(row); slick.setActiveCell(row, 0); }
  change({ latent, beside });
}

listeners.push((changed) => {
  if (["view", "threshold", "side"].some((name) => changed.has(name))) fillColumns();
  if (["view", "threshold", "side", "search", "grade", "ranges", "brushed", "theme"].some((name) => changed.has(name))) refresh();
});
