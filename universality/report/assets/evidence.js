// Texts, histograms and pairs of codes behind the latents, as far as the page carries them.
const KINDS = report.kinds;

// Numbers of the rows of a table by what `key` says of each.
function rowsBy(n, key) {
  const found = new Map();
  for (let i = 0; i < n; i++) {
    const name = key(i);
    if (found.has(name)) found.get(name).push(i); else found.set(name, [i]);
  }
  return found;
}
const pairName = (i, j) => `${i}/${j}`;
const contexts = report.contexts?.columns;
const isStrongest = (row) => ["a", "b"].includes(KINDS[contexts.kind[row]]);
const contextRows = new Map(["a", "b"].flatMap((side) => {
  const strength = contexts?.[`code_${side}`], rows = contexts ? rowsBy(contexts.a.length, (row) => (isStrongest(row) && strength[row] ? `${side}/${contexts[side][row]}` : null)) : new Map();
  rows.delete(null);
  return [...rows].map(([name, some]) => [name, some.sort((one, two) => Math.abs(strength[two]) - Math.abs(strength[one]))]);
}));
const pairRows = contexts ? rowsBy(contexts.a.length, (i) => pairName(contexts.a[i], contexts.b[i])) : new Map();

// Contexts on which a latent fires most, strongest first.
const ownContexts = (side, latent) => contextRows.get(`${side}/${latent}`) ?? [];

// As `results.shown_contexts`: the texts on which either latent of a pair is strongest, each once, strongest first.
const MOST_CONTEXTS = 10;
function strongestOf(i, j) {
  const seen = new Set(), rows = [];
  for (const row of pairRows.get(pairName(i, j)) ?? []) {
    if (!isStrongest(row) || seen.has(contexts.row[row])) continue;
    seen.add(contexts.row[row]);
    rows.push(row);
  }
  const most = (side) => d3.max(rows, (row) => Math.abs(contexts[`code_${side}`][row])) || 1, [a, b] = [most("a"), most("b")];
  const strength = (row) => Math.max(Math.abs(contexts.code_a[row]) / a, Math.abs(contexts.code_b[row]) / b);
  return d3.sort(rows, (one, two) => strength(two) - strength(one)).slice(0, MOST_CONTEXTS);
}

// Texts on which one latent of a pair fires less than most, from stronger to weaker.
const weakerOf = (i, j, kind) => (pairRows.get(pairName(i, j)) ?? []).filter((row) => KINDS[contexts.kind[row]] === kind);

// Of each latent whose texts hold a token with these words, how strongly it fires there, in its largest code.
function firingOn(side, wanted) {
  const found = new Map();
  if (!contexts) return found;
  const matches = new Set([...report.vocabulary.keys()].filter((i) => report.vocabulary[i].toLowerCase().includes(wanted)).map((i) => i + 1));
  const { width } = report.contexts, shades = contexts[`shade_${side}`], latents = contexts[side];
  for (let row = 0; row < latents.length; row++) {
    for (let slot = row * width; slot < (row + 1) * width; slot++) {
      if (!matches.has(contexts.tokens[slot]) || shades[slot] === 255) continue;
      found.set(latents[row], Math.max(found.get(latents[row]) ?? 0, shades[slot]));
    }
  }
  for (const [latent, words] of wordsOf(side)) if (words.includes(wanted) && !found.has(latent)) found.set(latent, 0);
  return found;
}

function slots(i, name) {
  const { width } = report.contexts;
  return contexts[name].subarray(i * width, (i + 1) * width);
}
const tokensOf = (i) => Array.from(slots(i, "tokens")).filter((token) => token > 0).map((token) => report.vocabulary[token - 1]);
const codesOf = (i, side) => Array.from(slots(i, `shade_${side}`), (shade) => (shade === 255 ? null : (shade / 254) * contexts[`largest_${side}`][i]));

const known = {};
function wordsOf(side) {
  known[side] ??= new Map([...contextRows].filter(([name]) => name.startsWith(`${side}/`)).map(([name, rows]) => [Number(name.slice(2)), rows.map((i) => tokensOf(i).join("")).join(" ").toLowerCase()]));
  return known[side];
}

// The histogram of one latent: edges and counts.
const histogramRows = Object.fromEntries(["a", "b"].map((side) => [side, new Map(Array.from(report.histograms?.[side]?.latent ?? [], (latent, row) => [latent, row]))]));
function histogramOf(side, latent) {
  const row = histogramRows[side].get(latent);
  if (row === undefined) return null;
  const { low, high, counts, latent: all } = report.histograms[side], bins = counts.length / all.length;
  return { low: low[row], high: high[row], counts: Array.from(counts.subarray(row * bins, (row + 1) * bins)) };
}

// The points of one pair in a cloud of `together` or `logits_together`.
function cloudOf(table, i, j) {
  if (!table) return null;
  table.starts ??= d3.cumsum(table.length);
  table.rows ??= new Map(Array.from(table.a, (first, row) => [pairName(first, table.b[row]), row]));
  const row = table.rows.get(pairName(i, j));
  if (row === undefined) return null;
  const end = table.starts[row], start = end - table.length[row];
  const values = (side) => Array.from(table[`points_${side}`].subarray(start, end), (step) => (step * table[`largest_${side}`][row]) / 127);
  return { a: values("a"), b: values("b"), total: table.n_either?.[row], correlation: table.correlation?.[row] };
}

// The tokens whose logits a latent raises most, and lowers most.
function logitsOf(side, latent) {
  const table = report.logits?.[side];
  if (!table) return null;
  table.rows ??= new Map(Array.from(table.latent, (one, row) => [one, row]));
  const row = table.rows.get(latent);
  if (row === undefined) return null;
  const part = (name) => Array.from(table[name].subarray(row * table.width, (row + 1) * table.width));
  const bins = table.counts ? table.counts.length / table.latent.length : 0;
  return { tops: d3.zip(part("tokens").map((token) => report.vocabulary[token - 1]), part("weights")), counts: Array.from((table.counts ?? []).slice(row * bins, (row + 1) * bins)) };
}
