// The tables of the saved result, as typed arrays; numbers are what the parquet files hold.
for (const name of ["a", "b", "pairs", "contexts", "histograms", "together", "logits", "logits_together"]) unpackAll(report[name]);
const other = (side) => (side === "a" ? "b" : "a");

// Last bits of a cosine are noise: the tables count a similarity this far below as reaching.
const ROUNDING = report.rounding;

// What one view says of the latents of a side. "decoder and encoder": what both agree on.
function viewOf(side, view) {
  const columns = report[side];
  const take = (name, which = view) => columns[`${name}_${which}`];
  if (view !== "decoder_and_encoder") {
    return {
      partner: take("partner"), similarity: take("partner_similarity"),
      nearest: take("nearest"), nearestSimilarity: take("nearest_similarity"),
      margin: take("margin"), runnerUp: take("runner_up"), q: take("q_value"), own: take("own_nearest"), ownSimilarity: take("own_nearest_similarity"),
    };
  }
  const both = (first, second) => {
    const n = columns.latent.length, partner = new Int32Array(n).fill(-1), similarity = new Float64Array(n).fill(NaN);
    const [p, q] = [take(first, "decoder"), take(first, "encoder")];
    const [s, t] = [take(second, "decoder"), take(second, "encoder")];
    for (let i = 0; i < n; i++) {
      if (p[i] < 0 || p[i] !== q[i]) continue;
      partner[i] = p[i];
      similarity[i] = Math.min(s[i], t[i]);
    }
    return [partner, similarity];
  };
  const [partner, similarity] = both("partner", "partner_similarity");
  const [nearest, nearestSimilarity] = both("nearest", "nearest_similarity");
  return { partner, similarity, nearest, nearestSimilarity, margin: take("margin", "decoder"), q: take("q_value", "decoder") };
}

const GRADES = report.grades;
const partsOf = (view) => (view === "all" ? report.views : view === "decoder_and_encoder" ? ["decoder", "encoder"] : [view]);

// The saved grades of a side's latents; under another threshold than the one they were given by, given anew.
function gradesOf(side, view, threshold) {
  const saved = report[side][`grade_${view}`];
  return saved && threshold === report.threshold ? saved : gradedAt(side, view, threshold);
}

// As `results.grades` gives them. Latents that take no part keep their grade.
function gradedAt(side, view, threshold) {
  const columns = report[side], parts = partsOf(view), reach = threshold - ROUNDING;
  const [same, similar, none, rare, dead] = GRADES.keys();
  const fires = columns.frequency ?? [], saved = columns[`grade_${view}`];
  const one = (part, i) => {
    if (columns[`partner_similarity_${part}`][i] >= reach) return same;
    return columns[`above_chance_${part}`]?.[i] ? similar : none;
  };
  return Uint8Array.from(columns.alive, (lives, i) => {
    if (!lives) return saved ? saved[i] : fires[i] > 0 ? rare : dead;
    const grades = parts.map((part) => one(part, i)), partner = columns[`partner_${parts[0]}`][i];
    if (grades.every((grade) => grade === same) && parts.every((part) => columns[`partner_${part}`][i] === partner)) return same;
    return grades.some((grade) => grade !== none) ? similar : none;
  });
}

// Everything on the page follows from this; `change` redraws what depends on it.
const START = { view: report.view, threshold: report.threshold, side: "a", latent: null, beside: null, search: "", grade: "", sort: "", ranges: {}, brushed: null };
const state = { ...START };
const listeners = [];
function change(what) {
  Object.assign(state, what);
  for (const listener of listeners) listener(new Set(Object.keys(what)));
}
