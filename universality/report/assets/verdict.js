// The verdict on a latent: the words and numbers of `universality.results.verdicts`, at the threshold chosen here.
const WORDS = report.words;
const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const similarityText = (x) => (missing(x) ? WORDS.unknown : x.toFixed(4));

function qText(q, atMost) {
  if (missing(q)) return WORDS.unknown;
  if (q < WORDS.below) return `below ${WORDS.below.toExponential(0)}`;
  return `${atMost ? "at most " : ""}${q >= 0.001 ? q.toFixed(3) : q.toExponential(0)}`;
}

function byView(side, latent, view, threshold) {
  const found = viewOf(side, view), partner = found.partner[latent], nearest = found.nearest[latent], near = found.nearestSimilarity[latent];
  const aside = nearest === partner ? [found.runnerUp?.[latent] ?? -1, near - found.margin[latent]] : [nearest, near];
  return {
    view, partner, grade: GRADES[gradesOf(side, view, threshold)[latent]], similarity: found.similarity[latent],
    chance: report.chance[side][view], null: report.nulls[view], q: found.q?.[latent], atMost: report.bounds.includes(view),
    alsoNear: aside[0], alsoNearSimilarity: aside[1], own: found.own?.[latent] ?? -1, ownSimilarity: found.ownSimilarity?.[latent],
  };
}

const named = (side, latent, similarity) => (latent >= 0 ? `${side} ${latent} at ${similarityText(similarity)}` : "");

function agreement(rows, grade, to) {
  const [{ partner: first }] = rows;
  if (first >= 0 && rows.every(({ partner }) => partner === first)) return [fill(rows.length === 1 ? WORDS.alone : WORDS.agreed, { partner: `${to} ${first}` })];
  if (grade !== "similar") return [];
  return [fill(WORDS.apart, { named: rows.map(({ view, partner }) => `${view} ${partner >= 0 ? `${to} ${partner}` : "none"}`).join(", ") })];
}

function verdictOf(side, latent, threshold = state.threshold) {
  const to = other(side), rows = report.views.map((view) => byView(side, latent, view, threshold));
  const grade = GRADES[gradesOf(side, "all", threshold)[latent]];
  const byGrade = ["same", "similar", "none"].map((word) => [word, rows.filter((row) => row.grade === word).map(({ view }) => view)]).filter(([, views]) => views.length);
  const values = {
    latent: `${side} ${latent}`, run: `${to} (${report.names[to]})`, rule: report.rules[side], threshold: `${Number(threshold.toPrecision(6))}`,
    views: report.views.join(", "), by_grade: byGrade.map(([word, views]) => `${word} by ${views.join(", ")}`).join("; "),
  };
  const sentences = [...(report.withdrawal ? [report.withdrawal] : []), fill(WORDS.headlines[grade], values), ...agreement(rows, grade, to)];
  const p = report[side].p_reappears?.[latent];
  if (!missing(p)) sentences.push(fill(WORDS.comes_back, { p: p.toFixed(2) }));
  const shown = rows.map((row) => [
    row.view, row.grade, row.partner >= 0 ? `${to} ${row.partner}` : WORDS.unknown, similarityText(row.similarity), similarityText(row.chance),
    qText(row.q, row.atMost), named(to, row.alsoNear, row.alsoNearSimilarity) || WORDS.unknown, named(side, row.own, row.ownSimilarity) || similarityText(row.ownSimilarity),
  ]);
  return { grade, sentences, rows, shown };
}

// Sentences, then the numbers by view; where a latent is named it can be gone to.
function verdictElement(side, latent) {
  const { grade, sentences, shown } = verdictOf(side, latent), before = report.withdrawal ? 1 : 0, [headline, ...rest] = sentences.slice(before), colon = headline.indexOf(":");
  const linked = (text) => { const found = /^([ab]) (\d+)(.*)$/.exec(text); return found ? [linkTo(found[1], Number(found[2])), found[3]] : [text]; };
  const cells = shown.map((row) => element("tr", {}, ...row.map((text, i) => element(i ? "td" : "th", { "data-label": WORDS.heads[i], ...(i ? {} : { scope: "row" }) }, ...linked(text)))));
  return element("div", { id: "verdict", role: "status", "aria-label": "verdict" },
    ...sentences.slice(0, before).map((sentence) => element("p", { class: "fail" }, sentence)),
    element("p", { class: "headline" }, element("strong", { class: `word ${grade}` }, headline.slice(0, colon)), headline.slice(colon)),
    ...rest.map((sentence) => element("p", {}, sentence)),
    element("table", { class: "stacked" }, element("caption", { class: "unseen" }, `what each view says of ${side} ${latent}`),
      element("thead", {}, element("tr", {}, ...WORDS.heads.map((head) => element("th", { scope: "col" }, head)))), element("tbody", {}, ...cells)));
}
