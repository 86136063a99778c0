// The panel of two latents side by side: what each does, and what they do together.
const linkTo = (side, latent) => (latent === undefined || latent < 0 ? "none" : element("a", { href: `#${side}/${latent}` }, `${side} ${latent}`));

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

function similarityRows(side, latent, beside) {
  return report.views.map((view) => {
    const found = viewOf(side, view), to = other(side), nearest = found.nearestSimilarity[latent];
    const between = beside === null ? undefined : similarityOf(view, ...(side === "a" ? [latent, beside] : [beside, latent]));
    return element("tr", {}, element("th", {}, spell(view)), element("td", {}, number(between, 4)),
      element("td", {}, linkTo(to, found.partner[latent])), element("td", {}, number(found.similarity[latent], 4)),
      element("td", {}, linkTo(to, found.nearest[latent])), element("td", {}, number(nearest, 4)),
      element("td", {}, linkTo(to, found.runnerUp?.[latent])), element("td", {}, number(nearest - found.margin[latent], 4)));
  });
}

function shade(i, side, joint) {
  const tokens = tokensOf(i), shades = slots(i, `shade_${side}`), line = element("p", { class: "context", dir: "auto" });
  tokens.forEach((token, place) => {
    const level = shades[place], missing = level === 255;
    const piece = element("span", { style: `--heat:${missing ? 0 : level / 254}` }, token);
    if (missing) piece.title = "not kept in the cache of activations";
    if (level > 0) piece.className = missing ? "unknown" : "hot";
    if (place === contexts.centre[i]) piece.classList.add("centre");
    line.append(piece);
  });
  const codes = (joint ? ["a", "b"] : [side]).map((one) => `${one} ${number(contexts[`code_${one}`][i], 2)}`);
  line.append(element("small", {}, `  ${codes.join(" · ")}`));
  return line;
}

function drawHistogramOf(side, latent) {
  const found = histogramOf(side, latent);
  if (!found) return element("p", { class: "soft" }, "No histogram was kept.");
  const { low, high, counts } = found, svg = d3.create("svg").attr("viewBox", "0 0 340 170").attr("role", "img").attr("aria-label", `activations of ${side} ${latent}`);
  const x = d3.scaleLinear([low, high], [0, 1]), y = d3.scaleLinear([0, d3.max(counts)], [0, 1]).nice();
  frame(svg, x, y, { xLabel: `activation of ${side} ${latent}, where it fires`, yLabel: "tokens", xTicks: [5], yTicks: [Math.min(3, d3.max(counts)), ",d"] });
  const edge = (k) => low + (k * (high - low)) / counts.length;
  svg.append("g").selectAll("rect").data(counts).join("rect").attr("x", (_, k) => x(edge(k)) + 0.5).attr("width", (_, k) => x(edge(k + 1)) - x(edge(k)) - 1)
    .attr("y", (n) => y(n)).attr("height", (n) => y(0) - y(n)).attr("fill", colour("--activations")).append("title").text((n, k) => `${edge(k).toPrecision(3)} to ${edge(k + 1).toPrecision(3)}: ${count(n)}`);
  return element("figure", { class: "histogram" }, svg.node());
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
  const half = found.length / 2, list = (part) => element("span", { class: "tokens" }, ...part.map(([token, weight]) => element("span", { class: "token", title: weight.toFixed(3), dir: "auto" }, token)));
  return element("section", { class: "logits" }, element("h4", {}, "Raises the logits of"), list(found.slice(0, half)), element("h4", {}, "Lowers the logits of"), list(found.slice(half).reverse()));
}

function neuronpedia(side, latent) {
  const id = report.neuronpedia[side];
  return id ? element("a", { href: `https://neuronpedia.org/${id.split("/").map(encodeURIComponent).join("/")}/${latent}`, rel: "noreferrer" }, `Neuronpedia: ${side} ${latent}`) : "";
}

function facts(side, latent) {
  const { frequency, decoder_norm: norm, alive } = report[side];
  const parts = [alive[latent] ? "takes part" : "dead"];
  if (norm) parts.push(`decoder norm ${number(norm[latent])}`);
  if (frequency) parts.push(`fires on ${(100 * frequency[latent]).toPrecision(2)} % of tokens`);
  return element("p", { class: "facts" }, `${parts.join(", ")} `, neuronpedia(side, latent));
}

function oneSide(side, latent, joint) {
  const own = ownContexts(side, latent);
  const texts = own.length ? own.map((i) => shade(i, side, joint)) : [element("p", { class: "soft" }, contexts ? "No texts were kept for this latent." : "No texts: the comparison was made without activations.")];
  return element("section", { class: "one-side" }, element("h4", {}, `${side} ${latent}`), facts(side, latent), ...(report.histograms ? [drawHistogramOf(side, latent)] : []),
    element("h4", {}, "Fires most on"), ...texts, logitTops(side, latent));
}

function bothTogether(i, j) {
  const rows = pairRows.get(pairName(i, j)) ?? [], parts = [];
  const cloud = cloudOf(report.together, i, j), logits = cloudOf(report.logits_together, i, j);
  if (cloud) parts.push(drawCloud(cloud, "activation", i, j, `${count(cloud.a.length)} of the ${count(cloud.total)} tokens on which either fires.`));
  if (logits) parts.push(drawCloud(logits, "logit weight", i, j, `Extreme tokens and an even part of the vocabulary; correlation over all of it ${number(logits.correlation)}.`));
  if (!rows.length) return parts;
  const texts = [element("p", {}, `Strongest tokens in common: ${percent(contexts.overlap[rows[0]])}.`)];
  for (const side of ["a", "b"]) {
    const only = rows.filter((row) => KINDS[contexts.kind[row]] === `only_${side}`);
    if (only.length) texts.push(element("section", {}, element("h4", {}, `Only ${side} fires (${count(contexts[`n_only_${side}`][rows[0]])} tokens)`), ...only.map((row) => shade(row, side, true))));
  }
  return [...parts, element("div", { class: "texts" }, ...texts)];
}

function showPair() {
  const panel = document.getElementById("pair"), { side, latent } = state;
  if (latent === null) return;
  const all = candidates(side, latent), beside = state.beside ?? all.keys().next().value ?? null;
  const to = other(side), [i, j] = side === "a" ? [latent, beside] : [beside, latent];
  const choices = [...all].map(([partner, why]) => {
    const button = element("button", { type: "button", "aria-pressed": `${partner === beside}`, title: why.map(spell).join(", ") }, `${to} ${partner}`, element("small", {}, ` ${why.map(spell).join(", ")}`));
    button.addEventListener("click", () => change({ beside: partner }));
    return button;
  });
  const heads = ["", "this pair", "partner", "similarity", "nearest", "similarity", "runner-up", "similarity"].map((title) => element("th", {}, title));
  const exact = pairRows.has(pairName(i, j));
  panel.replaceChildren(
    element("h3", { id: "pair-title", tabindex: "-1" }, beside === null ? `${side} ${latent}, without a partner` : `${side} ${latent} and ${to} ${beside}`),
    element("div", { class: "choices", role: "group", "aria-label": `latents of ${to} to show beside` }, ...choices),
    element("div", { class: "wide" }, element("table", {}, element("tr", {}, ...heads), ...similarityRows(side, latent, beside))),
    element("div", { class: "sides" }, oneSide(side, latent, exact), beside === null ? "" : oneSide(to, beside, exact)),
    element("div", { class: "together" }, ...(beside === null ? [] : bothTogether(i, j))),
  );
  history.replaceState(null, "", state.beside === null ? `#${side}/${latent}` : `#${side}/${latent}/${state.beside}`);
}

listeners.push((changed) => { if (["latent", "beside", "view", "theme"].some((name) => changed.has(name))) showPair(); });
