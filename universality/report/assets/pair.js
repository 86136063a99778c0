// The panel of one latent and its partner: similarities in every view, and texts on which they fire.
const other = (side) => (side === "a" ? "b" : "a");

function shade(context, side) {
  const code = context[`code_${side}`];
  const line = element("p", { class: "context", dir: "auto" });
  context.tokens.forEach((token, i) => {
    const piece = element("span", i === context.centre ? { class: "hot", style: `--heat:${Math.min(1, Math.abs(code) / (context.most || 1))}` } : {}, token.slice(0, 400));
    line.append(piece);
  });
  line.append(element("small", {}, `  a ${number(context.code_a, 2)} · b ${number(context.code_b, 2)}`));
  return line;
}

function contextLists(side, latent) {
  const list = contextsOf[side].get(latent) ?? [];
  if (!list.length) return [element("p", { class: "soft" }, report.contexts.length ? "No texts were kept for this pair." : "No texts: the comparison was made without activations.")];
  const most = d3.max(list, (one) => Math.max(Math.abs(one.code_a), Math.abs(one.code_b)));
  const kinds = { a: "a fires most on", b: "b fires most on", only_a: `only a fires (${list[0].n_only_a} tokens)`, only_b: `only b fires (${list[0].n_only_b} tokens)` };
  const blocks = Object.entries(kinds).map(([kind, title]) => {
    const some = list.filter((one) => one.kind === kind);
    return some.length ? element("section", {}, element("h4", {}, title), ...some.map((one) => shade({ ...one, most }, kind.slice(-1)))) : "";
  });
  return [element("p", {}, `Strongest tokens in common: ${percent(list[0].overlap)}.`), element("div", { class: "contexts" }, ...blocks)];
}

function similarityRows(side, latent) {
  return Object.keys(report.views).map((view) => {
    const found = viewOf(side, view), to = other(side), partner = found.partner[latent];
    const link = (j) => (j < 0 || j === undefined ? "none" : element("a", { href: `#${to}/${j}` }, `${to} ${j}`));
    const nearest = found.nearestSimilarity[latent];
    return element("tr", {}, element("th", {}, spell(view)), element("td", {}, link(partner)), element("td", {}, number(found.similarity[latent], 4)),
      element("td", {}, link(found.nearest[latent])), element("td", {}, number(nearest, 4)), element("td", {}, number(nearest - found.margin[latent], 4)));
  });
}

function neuronpedia(side, latent) {
  const id = report.neuronpedia[side];
  return id ? element("a", { href: `https://neuronpedia.org/${id.split("/").map(encodeURIComponent).join("/")}/${latent}`, rel: "noreferrer" }, `Neuronpedia: ${side} ${latent}`) : "";
}

function facts(side, latent) {
  const { frequency, decoder_norm: norm, alive } = report[side];
  const parts = [alive[latent] ? "takes part" : "dead", `decoder norm ${number(norm[latent])}`];
  if (frequency) parts.push(`fires on ${(100 * frequency[latent]).toPrecision(2)} % of tokens`);
  return element("li", {}, element("strong", {}, `${side} ${latent}`), `: ${parts.join(", ")} `, neuronpedia(side, latent));
}

function showPair() {
  const panel = document.getElementById("pair"), { side, latent } = state;
  if (latent === null) return;
  const partner = viewOf(side, report.view).partner[latent];
  const head = ["view", "partner", "similarity", "nearest", "similarity", "runner-up"].map((title) => element("th", {}, title));
  panel.replaceChildren(
    element("h3", { id: "pair-title", tabindex: "-1" }, partner >= 0 ? `${side} ${latent} and ${other(side)} ${partner}` : `${side} ${latent}, without a partner`),
    element("ul", { class: "facts" }, facts(side, latent), partner >= 0 ? facts(other(side), partner) : ""),
    element("div", { class: "wide" }, element("table", {}, element("tr", {}, ...head), ...similarityRows(side, latent))),
    ...contextLists(side, latent),
  );
  history.replaceState(null, "", `#${side}/${latent}`);
}

listeners.push((changed) => { if (changed.has("latent")) showPair(); });
