// The table of latents: any column sorts, a number, a partner, a token or an explanation finds.
const COLUMNS = [
  { id: "latent", name: "latent", width: 68 }, { id: "grade", name: "grade", width: 70, words: true }, { id: "partner", name: "partner", width: 72 },
  { id: "similarity", name: "similarity", width: 96 }, { id: "nearest", name: "nearest", width: 70, spare: true }, { id: "nearestSimilarity", name: "to nearest", width: 84, spare: true },
  { id: "margin", name: "margin", width: 70, spare: true }, { id: "frequency", name: "frequency", width: 92 }, { id: "q", name: "q-value", width: 104 },
  { id: "comesBack", name: "comes back", width: 88 },
  { id: "text", name: "strongest token", width: 130, words: true }, { id: "explanation", name: "explanation", width: 150, words: true },
].filter(({ id }) => (id !== "text" || report.contexts) && (id !== "frequency" || report.a.frequency) && (id !== "q" || viewOf("a", report.view).q) && (id !== "explanation" || report.explanations) && (id !== "comesBack" || report.a.p_reappears || report.b.p_reappears));

let columnsNow = {};
const cell = (name, i) => columnsNow[name]?.[i];
const latentCell = (name, i) => { const found = cell(name, i); return found === undefined || found < 0 ? "" : `${found}`; };
const texts = {
  latent: (i) => `${i}${stars.has(starName(state.side, i)) ? " ★" : ""}`, grade: (i) => GRADES[cell("grade", i)],
  partner: (i) => latentCell("partner", i), nearest: (i) => latentCell("nearest", i),
  similarity: (i) => number(cell("similarity", i)), nearestSimilarity: (i) => number(cell("nearestSimilarity", i)),
  margin: (i) => number(cell("margin", i)), text: (i) => strongest(i), explanation: (i) => explanationOf(state.side, i),
  frequency: (i) => share(cell("frequency", i)), q: (i) => (missing(cell("q", i)) ? "" : qText(cell("q", i))), comesBack: (i) => share(cell("comesBack", i)),
};

function strongest(latent) {
  const [first] = ownContexts(state.side, latent);
  return first === undefined ? "" : tokensOf(first)[report.contexts.columns.centre[first]].slice(0, 60);
}
const explanationOf = (side, latent) => report.explanations?.[side]?.[latent] ?? "";

// Columns that can be held between two numbers, and the controls that say which.
const RANGES = ["similarity", "nearestSimilarity", "frequency", "q"];
const withinRanges = (i) => RANGES.every((name) => {
  const [from, to] = state.ranges[name] ?? [null, null], value = cell(name, i);
  return (from === null || value >= from) && (to === null || value <= to);
});

function fillColumns() {
  const { latent, frequency, p_reappears: comesBack } = report[state.side];
  columnsNow = { ...viewOf(state.side, state.view), latent, frequency, comesBack, grade: gradesOf(state.side, state.view, state.threshold) };
}

// What a search asks for: who fits, and where words were searched, how well.
function searched() {
  const wanted = state.search.trim().toLowerCase();
  if (!wanted) return { fits: () => true };
  if (/^\d+$/.test(wanted)) return { fits: (i) => i === Number(wanted) };
  const named = /^([ab])[\s:/]*(\d+)$/.exec(wanted);
  if (named) {
    const wantedNumber = Number(named[2]);
    if (named[1] === state.side) return { fits: (i) => i === wantedNumber };
    const columns = report.views.flatMap((view) => { const { partner, nearest } = viewOf(state.side, view); return [partner, nearest]; });
    return { fits: (i) => columns.some((column) => column[i] === wantedNumber) };
  }
  const strengths = firingOn(state.side, wanted), explained = (i) => explanationOf(state.side, i).toLowerCase().includes(wanted);
  return { fits: (i) => strengths.has(i) || explained(i), strength: (i) => strengths.get(i) ?? -1 };
}

function chooseRows() {
  const grade = GRADES.indexOf(state.grade), { fits, strength } = searched(), kept = [];
  for (let i = 0; i < columnsNow.latent.length; i++) {
    if (grade >= 0 && cell("grade", i) !== grade) continue;
    if (state.grade === "starred" && !stars.has(starName(state.side, i))) continue;
    if (state.brushed && state.side === "a" && !state.brushed.has(i)) continue;
    if (fits(i) && withinRanges(i)) kept.push(i);
  }
  const [name, ascending] = sorting(), sign = ascending ? 1 : -1;
  const key = !state.sort && strength ? strength : name === "text" ? strongest : name === "explanation" ? (i) => explanationOf(state.side, i) : (i) => cell(name, i);
  const value = [], absent = (v) => missing(v) || v === "";
  for (const i of kept) value[i] = key(i);
  kept.sort((i, j) => {
    const v = value[i], w = value[j];
    if (absent(v) || absent(w)) return absent(v) - absent(w) || i - j;
    return v < w ? -sign : v > w ? sign : i - j;
  });
  control("found").textContent = `${count(kept.length)} of ${count(columnsNow.latent.length)} latents${!state.sort && strength ? ", those that fire most on it first" : ""}`;
  return kept;
}

// The column the rows are in order of, and the way: "-similarity" falls.
const sorting = () => (state.sort ? [state.sort.replace(/^-/, ""), !state.sort.startsWith("-")] : ["similarity", false]);

const grid = new RowGrid(control("grid"), {
  label: "latents", columns: COLUMNS, text: (id, i) => texts[id](i),
  choose: (latent, opened) => { change({ latent, beside: null }); if (opened) showPanel(); },
  open: () => { showPanel(); control("pair-title")?.focus(); },
  sort: (id, ascending) => change({ sort: `${ascending ? "" : "-"}${id}` }),
});

function refresh() {
  grid.show(chooseRows());
  const [name, ascending] = sorting();
  grid.mark(!state.sort && searched().strength ? null : name, ascending);
  control("sort").value = state.sort;
}

// To one latent, whatever is filtered away now.
function goTo(side, latent, beside = null, looks = {}) {
  change({ side, search: "", grade: "", ranges: {}, brushed: null, ...looks });
  if (!grid.order.includes(latent)) change({ search: "", grade: "", ranges: {} });
  change({ latent, beside });
}

function takeAway() {
  const heads = ["side", "latent", "view", "threshold", "starred", ...COLUMNS.slice(1).map(({ id }) => id)];
  const value = (id, i) => (["grade", "text", "explanation"].includes(id) ? texts[id](i) : ["partner", "nearest"].includes(id) ? latentCell(id, i) : cell(id, i));
  const rows = grid.order.map((i) => [state.side, i, state.view, state.threshold, stars.has(starName(state.side, i)), ...COLUMNS.slice(1).map(({ id }) => value(id, i))]);
  download(`latents_${state.side}.csv`, [heads, ...rows]);
}

listeners.push((changed) => {
  if (["view", "threshold", "side"].some((name) => changed.has(name))) fillColumns();
  if (["view", "threshold", "side", "search", "grade", "ranges", "brushed", "sort", "stars"].some((name) => changed.has(name))) refresh();
  if (changed.has("latent") || changed.has("side")) grid.point(state.latent);
});
