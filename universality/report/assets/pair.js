// The panel: the verdict on a latent, then both latents of a pair side by side, and what they do together.
const linkTo = (side, latent) => (latent === undefined || latent < 0 ? "none" : element("a", { href: addressOf(side, latent) }, `${side} ${latent}`));
const soft = (text) => element("p", { class: "soft" }, text);

// Latents of the other run that anything says belong beside this one, and what says so.
function candidates(side, latent) {
  const found = new Map(), note = (partner, why) => { if (partner >= 0) found.set(partner, [...(found.get(partner) ?? []), why]); };
  const views = [state.view, ...report.views].filter((view, i, all) => view !== "decoder_and_encoder" && all.indexOf(view) === i);
  for (const view of views) note(viewOf(side, view).partner[latent], `${view} partner`);
  for (const view of views) if (viewOf(side, view).partner[latent] !== viewOf(side, view).nearest[latent]) note(viewOf(side, view).nearest[latent], `${view} nearest`);
  for (const view of views) note(viewOf(side, view).runnerUp?.[latent] ?? -1, `${view} runner-up`);
  return found;
}

// What a view says of any two latents, as far as the tables do.
function similarityOf(view, i, j) {
  const own = viewOf("a", view), back = viewOf("b", view);
  for (const [found, from, to] of [[own, i, j], [back, j, i]]) {
    if (found.partner[from] === to) return found.similarity[from];
    if (found.nearest[from] === to) return found.nearestSimilarity[from];
    if (found.runnerUp?.[from] === to) return found.nearestSimilarity[from] - found.margin[from];
  }
  for (const made of report.views) {
    if (report.a[`partner_${made}`][i] === j) return report.pairs[made][view][rowOfPair(made, i)];
  }
  return undefined;
}
function rowOfPair(view, i) {
  const table = report.pairs[view];
  table.rows ??= new Map(Array.from(table.a, (first, row) => [first, row]));
  return table.rows.get(i);
}

// What every view says of a pair that is not the one the verdict is of.
function pairRow(i, j) {
  const parts = report.views.map((view) => `${view} ${similarityText(similarityOf(view, i, j))}`);
  return element("p", { class: "between" }, `Similarity of a ${i} and b ${j}: ${parts.join(", ")}.`);
}

// One text: a's shade above each token, b's below, the codes on hover; a click shows more of it.
function shade(i) {
  const tokens = tokensOf(i), codes = { a: codesOf(i, "a"), b: codesOf(i, "b") }, levels = { a: slots(i, "shade_a"), b: slots(i, "shade_b") };
  const first = contexts.first[i], last = contexts.centre[i] + report.contexts.after, value = (code) => (code === null ? "not kept" : Number(code.toPrecision(3)));
  const pieces = tokens.map((token, place) => {
    const heat = (side) => (levels[side][place] === 255 ? 0 : levels[side][place] / 254);
    const piece = element("span", { style: `--heat-a:${heat("a")};--heat-b:${heat("b")}`, title: `a ${value(codes.a[place])} · b ${value(codes.b[place])}` }, token);
    if (levels.a[place] === 255) piece.className = "unknown";
    else if (heat("a") || heat("b")) piece.className = "hot";
    if (place === contexts.centre[i]) piece.classList.add("centre");
    if (place < first || place > last) piece.classList.add("more");
    return piece;
  });
  const line = element("p", { class: "context", dir: "auto" }, ...pieces, element("small", {}, `  a ${number(contexts.code_a[i], 2)} · b ${number(contexts.code_b[i], 2)}`));
  if (pieces.some((piece) => piece.classList.contains("more"))) {
    const button = element("button", { type: "button", class: "expand", "aria-expanded": "false", "aria-label": "more of this text" }, "…");
    button.addEventListener("click", () => button.setAttribute("aria-expanded", `${line.classList.toggle("open")}`));
    line.append(" ", button);
  }
  return line;
}

// How strongly both latents fire, in shares of the largest code of each, on one axis of log counts.
function drawHistograms(shown) {
  const found = shown.map(([side, latent]) => ({ side, latent, ...(histogramOf(side, latent) ?? { counts: [] }) })).filter(({ counts }) => counts.length);
  if (!found.length) return soft("No histogram was kept.");
  const label = `activations of ${found.map(({ side, latent }) => `${side} ${latent}`).join(" and ")}`;
  const svg = d3.create("svg").attr("viewBox", "0 0 460 190").attr("role", "img").attr("aria-label", label);
  const x = d3.scaleLinear([0, 1], [0, 1]), y = d3.scaleLog([0.7, Math.max(10, d3.max(found, ({ counts }) => d3.max(counts)))], [0, 1]);
  frame(svg, x, y, { xLabel: "activation, in shares of the largest of each", yLabel: "tokens (log)", xTicks: [5, "%"], yTicks: [3, ",d"] });
  for (const { side, latent, low, high, counts } of found) {
    const most = Math.max(Math.abs(low), Math.abs(high)) || 1, at = (k) => x(Math.min(1, Math.abs(low + (k * (high - low)) / counts.length) / most)), ink = `rgb(${colour(`--ink-${side}`)})`;
    const outline = d3.line().x(([k]) => at(k)).y(([, n]) => y(Math.max(0.7, n))).curve(d3.curveStepAfter);
    svg.append("path").attr("d", outline([...counts.map((n, k) => [k, n]), [counts.length, counts.at(-1)]])).attr("fill", "none").attr("stroke", ink).attr("stroke-width", 1.8).attr("stroke-dasharray", side === "b" ? "5 3" : null);
    svg.append("g").selectAll("rect").data(counts).join("rect").attr("x", (_, k) => Math.min(at(k), at(k + 1))).attr("width", (_, k) => Math.abs(at(k + 1) - at(k))).attr("y", y.range()[1]).attr("height", y.range()[0] - y.range()[1]).attr("fill", "transparent")
      .append("title").text((n, k) => `${side} ${latent}, ${(low + (k * (high - low)) / counts.length).toPrecision(3)} to ${(low + ((k + 1) * (high - low)) / counts.length).toPrecision(3)}: ${count(n)}`);
    const place = d3.maxIndex(counts) + (side === "a" ? 1 : 3);
    svg.append("text").attr("class", "line-label").attr("x", Math.min(at(Math.min(place, counts.length - 1)) + 8, x.range()[1] - 90)).attr("y", MARGIN.top + (side === "a" ? 12 : 28)).attr("fill", ink).text(`${side} ${latent}${side === "b" ? " (dashed)" : ""}`);
  }
  return element("figure", { class: "histogram" }, svg.node(), element("figcaption", {}, shown.map(([side, latent]) => firesOn(side, latent)).filter(Boolean).join("; ")));
}
function firesOn(side, latent) {
  const { frequency } = report[side];
  return frequency && !missing(frequency[latent]) ? `${side} ${latent} fires on ${share(frequency[latent])} of tokens` : "";
}

function drawCloud(cloud, name, i, j, note) {
  const svg = d3.create("svg").attr("viewBox", "0 0 340 230").attr("role", "img").attr("aria-label", `${name} of a ${i} against b ${j}`);
  const scale = (values) => d3.scaleLinear([Math.min(0, d3.min(values)), Math.max(0, d3.max(values)) || 1], [0, 1]).nice();
  const x = scale(cloud.a), y = scale(cloud.b);
  frame(svg, x, y, { xLabel: `${name} of a ${i}`, yLabel: `${name} of b ${j}`, xTicks: [4], yTicks: [4] });
  svg.append("g").selectAll("circle").data(d3.zip(cloud.a, cloud.b)).join("circle").attr("r", 2.2).attr("cx", ([one]) => x(one)).attr("cy", ([, two]) => y(two)).attr("fill", colour("--activations")).attr("opacity", 0.55);
  return element("figure", { class: "cloud" }, svg.node(), element("figcaption", {}, note));
}

function logitTops(side, latent) {
  const found = logitsOf(side, latent);
  if (!found) return "";
  const { tops, counts } = found, half = tops.length / 2, list = (part) => element("span", { class: "tokens" }, ...part.map(([token, weight]) => element("span", { class: "token", dir: "auto" }, token, element("small", {}, ` ${weight.toFixed(2)}`))));
  return element("section", { class: "logits", "aria-label": `logits of ${side} ${latent}` }, element("h4", {}, "Raises the logits of"), list(tops.slice(0, half)), element("h4", {}, "Lowers the logits of"), list(tops.slice(half).reverse()),
    ...(counts.length ? [logitHistogram(side, latent, counts, tops.at(-1)[1], tops[0][1])] : []));
}

function logitHistogram(side, latent, counts, low, high) {
  const svg = d3.create("svg").attr("viewBox", "0 0 340 120").attr("role", "img").attr("aria-label", `logit weights of ${side} ${latent} over the vocabulary`);
  const x = d3.scaleLinear([low, high], [0, 1]), y = d3.scaleLog([0.7, Math.max(10, d3.max(counts))], [0, 1]), edge = (k) => low + (k * (high - low)) / counts.length;
  frame(svg, x, y, { xLabel: "logit weight", yLabel: "tokens (log)", xTicks: [5], yTicks: [2, ",d"] });
  svg.append("g").selectAll("rect").data(counts).join("rect").attr("x", (_, k) => x(edge(k)) + 0.5).attr("width", (_, k) => Math.max(0.5, x(edge(k + 1)) - x(edge(k)) - 1))
    .attr("y", (n) => y(Math.max(0.7, n))).attr("height", (n) => y(0.7) - y(Math.max(0.7, n))).attr("fill", `rgb(${colour(`--ink-${side}`)})`).append("title").text((n, k) => `${edge(k).toFixed(3)} to ${edge(k + 1).toFixed(3)}: ${count(n)}`);
  return element("figure", { class: "histogram" }, svg.node());
}

function neuronpedia(side, latent) {
  const id = report.neuronpedia[side];
  return id ? element("a", { href: `https://neuronpedia.org/${id.split("/").map(encodeURIComponent).join("/")}/${latent}`, rel: "noreferrer" }, `Neuronpedia: ${side} ${latent}`) : "";
}

function facts(side, latent) {
  const { decoder_norm: norm, alive } = report[side], parts = [alive[latent] ? "takes part" : "takes no part"];
  if (norm) parts.push(`decoder norm ${number(norm[latent])}`);
  const fires = firesOn(side, latent).replace(`${side} ${latent} `, "");
  if (fires) parts.push(fires);
  return element("p", { class: "facts" }, `${parts.join(", ")} `, neuronpedia(side, latent));
}

function oneSide(side, latent) {
  return element("section", { class: "one-side", "aria-label": `${side} ${latent}` }, element("h4", {}, `${side} ${latent}`), facts(side, latent),
    ...(explanationOf(side, latent) ? [element("p", { class: "explanation" }, `“${explanationOf(side, latent)}”`)] : []),
    logitTops(side, latent));
}

// The texts of a pair: where either is strongest, then where only one of them fires.
function textsOf(i, j) {
  const rows = pairRows.get(pairName(i, j)) ?? [], strongestRows = strongestOf(i, j);
  if (!rows.length) return [];
  const parts = [element("h4", {}, "Fires most on"), element("p", { class: "legend" }, element("span", { class: "key-a" }, "a above"), element("span", { class: "key-b" }, "b below"),
    ` each token, in shares of its largest code; hover for the codes. Strongest tokens in common: ${percent(contexts.overlap[rows[0]])}.`), ...strongestRows.map(shade)];
  for (const side of ["a", "b"]) {
    const only = rows.filter((row) => KINDS[contexts.kind[row]] === `only_${side}`);
    if (only.length) parts.push(element("h4", {}, `Only ${side} fires (${count(contexts[`n_only_${side}`][rows[0]])} tokens)`), ...only.map(shade));
  }
  return [element("section", { class: "texts", "aria-label": "texts" }, ...parts, ...weakerTexts(i, j))];
}

// A latent's weak firings decide whether it is one thing: by equal steps of strength, and by quartile.
const QUARTILES = ["", "three quarters", "the middle", "a quarter"];
function weakerTexts(i, j) {
  return [["a", i], ["b", j]].flatMap(([side, latent]) => {
    const intervals = weakerOf(i, j, `interval_${side}`), quantiles = weakerOf(i, j, `quantile_${side}`);
    if (!intervals.length && !quantiles.length) return [];
    const part = (row) => soft(`${100 - 25 * (contexts.rank[row] + 1)} to ${100 - 25 * contexts.rank[row]} % of its largest code, ${percent(contexts.share[row])} of its firings:`);
    const rank = (row) => soft(`At ${QUARTILES[contexts.rank[row]]} of its firings, by strength:`);
    return [element("details", { id: `weaker-${side}` }, element("summary", {}, `Where ${side} ${latent} fires less: by interval and quantile`),
      ...intervals.flatMap((row) => [part(row), shade(row)]), ...quantiles.flatMap((row) => [rank(row), shade(row)]))];
  });
}

function cloudsOf(i, j) {
  const parts = [], cloud = cloudOf(report.together, i, j), logits = cloudOf(report.logits_together, i, j);
  if (cloud) parts.push(drawCloud(cloud, "activation", i, j, `${count(cloud.a.length)} of the ${count(cloud.total)} tokens on which either fires.`));
  if (logits) parts.push(drawCloud(logits, "logit weight", i, j, `Extreme tokens and an even part of the vocabulary; correlation over all of it ${number(logits.correlation)}.`));
  return parts.length ? [element("div", { class: "together" }, ...parts)] : [];
}

// What the page does not carry of this pair, and how to have it.
function notKept(side, latent, i, j) {
  if (!report.contexts) return [soft("No texts: the comparison was made without activations. `--activations DIR` adds them.")];
  const known = [...pairRows.has(pairName(i, j)) ? [] : ["texts"], ...cloudOf(report.together, i, j) ? [] : ["activations"], ...!report.logits || cloudOf(report.logits_together, i, j) ? [] : ["logit weights"]];
  if (!known.length) return [];
  const elsewhere = ownContexts(side, latent).length ? ` Texts of ${side} ${latent} are kept with ${linkedPairs(side, latent)}.` : "";
  return [soft(`Not kept for this pair: ${known.join(", ")}.${elsewhere} ${report.kept}`)];
}
const linkedPairs = (side, latent) => [...new Set(ownContexts(side, latent).map((row) => `${other(side)} ${contexts[other(side)][row]}`))].join(", ");

function choicesOf(side, latent, all, beside) {
  return [...all].map(([partner, why]) => {
    const button = element("button", { type: "button", "aria-pressed": `${partner === beside}` }, `${other(side)} ${partner}`, element("small", {}, ` ${why.map(spell).join(", ")}`));
    button.addEventListener("click", () => change({ beside: partner }));
    return button;
  });
}

// A word in place of a latent: the address names none.
function say(message) {
  control("pair").replaceChildren(element("p", { role: "alert", class: "fail" }, message));
  showPanel();
}

// To the panel, where a narrow window has it elsewhere.
function showPanel() {
  control("pair").scrollTop = 0;
  const { top } = control("pair").getBoundingClientRect(), said = control("verdict") ?? control("pair").firstElementChild;
  if (top < 0 || said.getBoundingClientRect().bottom > window.innerHeight) control("pair").scrollIntoView({ block: "start" });
}

function showPair() {
  const panel = control("pair"), { side, latent } = state;
  if (latent === null) return;
  const all = candidates(side, latent), beside = state.beside ?? all.keys().next().value ?? null;
  const to = other(side), [i, j] = side === "a" ? [latent, beside] : [beside, latent], opened = [...panel.querySelectorAll("details[open]")].map(({ id }) => id);
  panel.replaceChildren(
    element("div", { class: "title" }, element("h2", { id: "pair-title", tabindex: "-1" }, beside === null ? `${side} ${latent}, without a partner` : `${side} ${latent} and ${to} ${beside}`), starButton(side, latent)),
    verdictElement(side, latent),
    element("div", { class: "choices", role: "group", "aria-label": `latents of ${to} to show beside` }, ...choicesOf(side, latent, all, beside)),
    ...(beside === null || beside === all.keys().next().value ? [] : [pairRow(i, j)]),
    ...(beside === null ? [] : textsOf(i, j)),
    ...(report.histograms ? [drawHistograms([[side, latent], ...(beside === null ? [] : [[to, beside]])])] : []),
    element("div", { class: "sides" }, oneSide(side, latent), beside === null ? "" : oneSide(to, beside)),
    ...(beside === null ? [] : cloudsOf(i, j)), ...(beside === null ? [] : notKept(side, latent, i, j)),
  );
  for (const id of opened) if (id) panel.querySelector(`#${id}`)?.setAttribute("open", "");
}

listeners.push((changed) => { if (["latent", "beside", "view", "threshold", "theme"].some((name) => changed.has(name))) showPair(); });
