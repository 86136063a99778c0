// Families of latents over many runs: the table, and one family's members and texts side by side.
const COLUMNS = [
  { id: "family", name: "family", width: 60 }, { id: "kind", name: "kind", width: 60, words: true }, { id: "n_runs", name: "runs", width: 50 },
  { id: "mean_similarity", name: "mean similarity", width: 84 }, { id: "lowest_similarity", name: "lowest", width: 70 }, { id: "frequency", name: "frequency", width: 84 },
  { id: "p_reappears", name: "comes back", width: 84 },
  { id: "token", name: "strongest token", width: 130, words: true }, { id: "runs", name: "found in", width: 150, words: true, spare: true },
].filter(({ id }) => id === "token" ? Object.keys(report.contexts).length : report.families.some((family) => family[id] != null));
const ofRule = d3.group(report.families, (family) => family.view);
const state = { rule: report.rule, family: null, search: "", sort: "" };
const text = (value) => (value == null ? "" : typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(4) : spell(value));
const membersOf = ({ view, family }) => report.members[view]?.[family] ?? [];
const textsOf = ({ view, family }) => report.contexts[view]?.[family] ?? [];
const strongest = (family) => { const [first] = textsOf(family); return first ? first.tokens[first.centre].slice(0, 60) : ""; };
const cells = { token: strongest, frequency: ({ frequency }) => share(frequency), p_reappears: (family) => share(family.p_reappears) };

// By run, by member such as "w2304-s0 17", by number, by kind, or by words of a text.
function fits(family, wanted) {
  if (!wanted) return true;
  const members = membersOf(family).map(([run, latent]) => `${run} ${latent}`.toLowerCase());
  if (/^\d+$/.test(wanted)) return `${family.family}` === wanted || members.some((one) => one.endsWith(` ${wanted}`));
  const named = wanted.replace(/[:/]/g, " ");
  return members.some((one) => one === named || one.startsWith(`${wanted} `)) || ["runs", "kind"].some((name) => String(family[name] ?? "").toLowerCase().includes(wanted))
    || textsOf(family).some(({ tokens }) => tokens.join("").toLowerCase().includes(wanted));
}

const grid = new RowGrid(control("grid"), {
  label: "families", columns: COLUMNS, text: (id, family) => cells[id]?.(family) ?? text(family[id]),
  choose: (family, opened) => { show(family); if (opened) showPanel(); }, open: () => { showPanel(); control("pair-title")?.focus(); },
  sort: (id, ascending) => { state.sort = `${ascending ? "" : "-"}${id}`; list(); },
});

function list() {
  const all = ofRule.get(state.rule) ?? [], wanted = state.search.trim().toLowerCase(), id = state.sort.replace(/^-/, ""), found = all.filter((family) => fits(family, wanted));
  const key = (family) => cells[id]?.(family) ?? family[id];
  grid.show(id ? d3.sort(found, (one, two) => (state.sort.startsWith("-") ? d3.descending : d3.ascending)(id === "frequency" ? one[id] : key(one), id === "frequency" ? two[id] : key(two))) : found);
  grid.mark(id || null, !state.sort.startsWith("-"));
  const total = report.n_families[state.rule] ?? 0, part = all.length < total ? `; the ${count(all.length)} largest are listed` : "";
  control("found").textContent = `${count(found.length)} of ${count(total)} families${part}`;
  writeAddress();
}

function textOf({ tokens, centre, document: name }) {
  const line = element("td", { class: "text", dir: "auto", title: name });
  tokens.forEach((token, place) => line.append(element("span", place === centre ? { class: "centre" } : {}, token)));
  return line;
}

function textTable(members, texts) {
  const heads = members.map(([run, latent]) => element("th", { scope: "col" }, `${run} ${latent}`));
  const rows = texts.map((one) => element("tr", {}, textOf(one), ...one.codes.map((code) => element("td", {}, element("span", code > 0 ? { class: "bar-cell", style: `--heat:${code}` } : {}, code.toFixed(2))))));
  return element("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "texts" }, element("table", { id: "texts" }, element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "fires most on"), ...heads)), element("tbody", {}, ...rows)));
}

// What is known of a family in sentences.
function sentencesOf(family) {
  const by = spell(family.view), parts = [`${family.kind} family in ${family.n_runs} of ${report.n_runs} runs by ${by}`];
  if (family.mean_similarity != null) parts.push(`mean similarity ${family.mean_similarity.toFixed(4)}${family.lowest_similarity != null ? `, lowest ${family.lowest_similarity.toFixed(4)}` : ""}`);
  if (family.frequency != null) parts.push(`its members fire on ${share(family.frequency)} of tokens`);
  const found = [`${parts.join("; ")}.`.replace(/^./, (first) => first.toUpperCase())];
  if (family.missing_runs) found.push(`Not in ${family.missing_runs}.`);
  if (family.absent_edges) found.push(`${family.absent_edges} pairs of its members were matched and are below the threshold.`);
  if (family.spread_decoder != null) found.push(`Spread of its members: ${["decoder", "encoder"].filter((view) => family[`spread_${view}`] != null).map((view) => `${view} ${family[`spread_${view}`].toFixed(4)}`).join(", ")} (0: one direction).`);
  return found;
}

// The pages of pairs that were given, at the members' own latents; without any, how to make one.
function pairsOf(members) {
  const latentOf = Object.fromEntries(members), linked = report.pages.filter(({ a, b }) => a in latentOf && b in latentOf);
  if (linked.length) {
    const links = linked.flatMap(({ a, b, href }, i) => [i ? ", " : "", element("a", { href: `${href}#a/${latentOf[a]}` }, `${a} ${latentOf[a]} and ${b} ${latentOf[b]}`)]);
    return [element("p", { class: "soft", id: "of-pairs" }, "Beside each other: ", ...links, ".")];
  }
  const two = members.filter(([run]) => report.specs[run]).slice(0, 2), quoted = (word) => (/^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
  if (two.length < 2) return [];
  const [[a, latent], [b]] = two, [first, second] = [a, b].map((run) => quoted(report.specs[run]));
  const whole = `universality compare ${first} ${second} --out PAIR`;
  return [element("p", { class: "soft", id: "of-pairs" }, "Two of its members beside each other, with every view and null: ", element("code", {}, whole), `; then PAIR/report.html#a/${latent} opens at ${a} ${latent}, beside what ${b} has. With --activations DIR it shows their texts.`)];
}

function show(family) {
  state.family = family;
  const members = membersOf(family), texts = textsOf(family), kept = Object.keys(report.contexts).map(spell).join(", ");
  const [runNames, latents] = [0, 1].map((i) => members.map((member) => element(i ? "td" : "th", i ? {} : { scope: "col" }, `${member[i]}`)));
  control("pair").replaceChildren(
    element("h2", { id: "pair-title", tabindex: "-1" }, `Family ${family.family}, by ${spell(family.view)}`),
    ...sentencesOf(family).map((sentence) => element("p", {}, sentence)),
    element("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "members" }, element("table", { id: "members" }, element("thead", {}, element("tr", {}, element("th", { scope: "row" }, "run"), ...runNames)), element("tbody", {}, element("tr", {}, element("th", { scope: "row" }, "latent"), ...latents)))),
    ...members.flatMap(([run, latent]) => widerOf(run, latent)).map((sentence) => element("p", {}, sentence)),
    ...(texts.length ? [element("h4", {}, "Texts, and what each member does there as a share of its largest code"), textTable(members, texts)]
      : [element("p", { class: "soft" }, kept ? `No texts were kept for this family: they are kept for an even part of the families by ${kept}.` : "No texts: the study was made without activations; `--activations DIR` adds them.")]),
    ...pairsOf(members),
  );
  grid.point(family);
  writeAddress();
}

function say(message) {
  control("pair").replaceChildren(element("p", { role: "alert", class: "fail" }, message));
  showPanel();
}

function showPanel() {
  const { top } = control("pair").getBoundingClientRect();
  if (top < 0 || top > window.innerHeight / 2) control("pair").scrollIntoView({ block: "start" });
}

let written = null, ready = false;
function writeAddress() {
  if (!ready) return;
  const { family, search, sort } = state, place = family ? ["family", family.view, `${family.family}`] : state.rule === report.rule ? [] : ["family", state.rule];
  written = fragment(place, { search, sort });
  if ((written !== "#" || location.hash) && written !== location.hash) history.replaceState(null, "", written);
}

// #family/12 is of the headline rule, #family/decoder/12 of another.
function readAddress() {
  const { place: [kind, ...rest], looks } = readFragment(), [rule, number] = rest.length > 1 || ofRule.has(rest[0]) ? rest : [report.rule, rest[0]];
  const sort = COLUMNS.some(({ id }) => id === looks.sort?.replace(/^-/, "")) ? looks.sort : "";
  Object.assign(state, { search: looks.search ?? "", sort, rule: ofRule.has(rule) ? rule : report.rule });
  control("search").value = state.search;
  control("rule").value = state.rule;
  list();
  if (kind === undefined || (kind === "family" && ofRule.has(rule) && number === undefined)) return;
  const found = kind === "family" && (ofRule.get(rule) ?? []).find(({ family }) => `${family}` === number);
  if (!found) return say(`No ${[kind, ...rest].join(" ")}: there are ${[...ofRule].map(([one, all]) => `${count(all.length)} families by ${spell(one)}`).join(", ")}, counted from 0.`);
  if (!grid.order.includes(found)) { state.search = ""; control("search").value = ""; list(); }
  show(found);
  showPanel();
}

control("search").addEventListener("input", ({ target }) => { state.search = target.value; list(); });
offer("rule", [...ofRule.keys()].map((rule) => [rule, spell(rule), rule === report.rule]), ({ target }) => { state.rule = target.value; state.family = null; list(); });
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && control("pair").contains(document.activeElement)) control("grid").focus(); });
window.addEventListener("hashchange", () => { if (location.hash !== written) readAddress(); });
fitFirstScreen();
readAddress();
ready = true;
document.documentElement.dataset.ready = "yes";
