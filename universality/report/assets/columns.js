// The tables of the saved result, as typed arrays; numbers are what the parquet files hold.
const report = JSON.parse(document.getElementById("data").textContent);
const kinds = { f8: Float64Array, f4: Float32Array, i4: Int32Array, i1: Int8Array, u1: Uint8Array };

function decode(base64) {
  const letters = atob(base64), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

function unpack({ kind, base64 }) {
  const bytes = Uint8Array.fromBase64?.(base64) ?? decode(base64);
  return new kinds[kind](bytes.buffer);
}

// Packed columns of a table, or of tables within it, in place.
function unpackAll(table) {
  for (const [name, packed] of Object.entries(table ?? {})) {
    if (packed?.base64 !== undefined) table[name] = unpack(packed);
    else if (packed && typeof packed === "object" && !Array.isArray(packed)) unpackAll(packed);
  }
}
for (const name of ["a", "b", "pairs", "contexts", "histograms", "together", "logits", "logits_together"]) unpackAll(report[name]);

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
      margin: take("margin"), runnerUp: take("runner_up"), q: take("q_value"),
    };
  }
  const both = (first, second, lower) => {
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

// The saved grades of a side's latents; under another threshold than the one they were given by, given anew.
function gradesOf(side, view, threshold) {
  const saved = report[side][`grade_${view}`];
  return saved && threshold === report.threshold ? saved : gradedAt(side, view, threshold);
}

// Latents that take no part keep their grade; the meanings stand under the bar.
function gradedAt(side, view, threshold) {
  const { similarity } = viewOf(side, view), columns = report[side], saved = columns[`grade_${view}`];
  const parts = view === "decoder_and_encoder" ? ["decoder", "encoder"] : [view], reach = threshold - ROUNDING;
  const counts = (part, i) => columns[`partner_similarity_${part}`][i] >= reach || columns[`above_chance_${part}`]?.[i];
  const [same, similar, none, , dead] = GRADES.keys();
  return Uint8Array.from(columns.alive, (lives, i) => {
    if (!lives) return saved ? saved[i] : dead;
    if (similarity[i] >= reach) return same;
    return parts.some((part) => counts(part, i)) ? similar : none;
  });
}

const COLOURS = { decoder: "--decoder", encoder: "--encoder", decoder_and_encoder: "--both", activations: "--activations" };
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const spell = (view) => view.replaceAll("_", " ");
const percent = (x) => `${(100 * x).toFixed(1)} %`;
const count = (n) => n.toLocaleString("en");
const number = (x, digits = 3) => (x === undefined || Number.isNaN(x) ? "" : x.toFixed(digits));

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Everything on the page follows from this; `change` redraws what depends on it.
const state = { view: report.view, threshold: report.threshold, side: "a", latent: null, beside: null, search: "", grade: "", ranges: {}, brushed: null };
const listeners = [];
function change(what) {
  Object.assign(state, what);
  for (const listener of listeners) listener(new Set(Object.keys(what)));
}
