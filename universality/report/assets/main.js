// Controls, the address bar, and the first drawing.
control("view").addEventListener("change", ({ target }) => change({ view: target.value }));
control("threshold").addEventListener("input", ({ target }) => change({ threshold: steps[nearestStep(Number(target.value))] }));
control("side").addEventListener("change", ({ target }) => change({ side: target.value, brushed: null, latent: null, beside: null }));
control("search").addEventListener("input", ({ target }) => change({ search: target.value, sort: "" }));
control("grade").addEventListener("change", ({ target }) => change({ grade: target.value }));
control("sort").append(element("option", { value: "" }, "the best first"), ...COLUMNS.flatMap(({ id, name }) => ["", "-"].map((sign) => element("option", { value: `${sign}${id}` }, `${name}, ${sign ? "falling" : "rising"}`))));
control("sort").addEventListener("change", ({ target }) => change({ sort: target.value }));
for (const name of RANGES) {
  const ends = ["from", "to"].map((end) => control(`${name}-${end}`));
  if (!ends[1]) continue;
  const read = (input) => (input?.value ? Number(input.value) : null);
  for (const input of ends) input?.addEventListener("input", () => change({ ranges: { ...state.ranges, [name]: ends.map(read) } }));
  listeners.push((changed) => {
    if (!changed.has("ranges")) return;
    ends.forEach((input, i) => { if (input && document.activeElement !== input) input.value = state.ranges[name]?.[i] ?? ""; });
  });
}
control("clear").addEventListener("click", () => change({ search: "", grade: "", ranges: {}, brushed: null, sort: "" }));
control("take").addEventListener("click", takeAway);
control("against")?.addEventListener("change", () => change({ against: true }));
control("to-latent").addEventListener("submit", (event) => {
  event.preventDefault();
  const named = /^\s*(?:([ab])[\s:/]*)?(\d+)\s*$/i.exec(control("latent").value);
  if (!named) return say(`Write a number, such as ${state.side} 17.`);
  location.hash = addressOf((named[1] ?? state.side).toLowerCase(), Number(named[2]));
});
listeners.push(() => {
  control("side").value = state.side;
  control("grade").value = state.grade;
  if (control("search").value !== state.search) control("search").value = state.search;
});

// What the address says beside the latent: only what is not as it was at first.
function looksNow() {
  const ranges = Object.entries(state.ranges).filter(([, ends]) => ends.some((end) => end !== null));
  const looks = { view: state.view, threshold: state.threshold, search: state.search, grade: state.grade, sort: state.sort };
  const kept = Object.entries(looks).filter(([name, value]) => value !== START[name]);
  const side = state.latent === null && state.side !== "a" ? [["side", state.side]] : [];
  return Object.fromEntries([...kept, ...side, ...ranges.map(([name, ends]) => [name, ends.map((end) => end ?? "").join("..")])]);
}
const addressOf = (side, latent, beside = null) => fragment([side, `${latent}`, ...(beside === null ? [] : [`${beside}`])], looksNow());

let written = null;
function writeAddress() {
  const { side, latent, beside } = state;
  written = latent === null ? fragment([], looksNow()) : addressOf(side, latent, beside);
  if (written === "#" && !location.hash) return;
  if (written !== location.hash) history.replaceState(null, "", written);
}

function looksOf(looks) {
  const found = {}, threshold = Number(looks.threshold);
  found.view = looks.view in report.curves ? looks.view : START.view;
  found.threshold = looks.threshold !== undefined && threshold >= 0 && threshold <= 1 ? steps[nearestStep(threshold)] : START.threshold;
  found.grade = [...GRADES, "starred"].includes(looks.grade) ? looks.grade : "";
  found.search = looks.search ?? "";
  found.sort = COLUMNS.some(({ id }) => id === looks.sort?.replace(/^-/, "")) ? looks.sort : "";
  found.ranges = {};
  for (const name of RANGES) {
    const ends = looks[name]?.split("..").map((end) => (end === "" || Number.isNaN(Number(end)) ? null : Number(end)));
    if (ends?.length === 2) found.ranges[name] = ends;
  }
  return found;
}

function readAddress() {
  const { place, looks } = readFragment(), [side, latent, beside] = place, found = looksOf(looks);
  if (side === undefined) return change({ ...found, side: looks.side === "b" ? "b" : state.side });
  const exists = (one, number) => /^\d+$/.test(number ?? "") && Number(number) < report[one].latent.length;
  if (!["a", "b"].includes(side) || !exists(side, latent)) {
    change({ ...found, latent: null, beside: null });
    const sizes = ["a", "b"].map((one) => `${one} has ${count(report[one].latent.length)}`).join(", ");
    return say(`No latent ${place.join(" ")}: ${sizes}, counted from 0.`);
  }
  goTo(side, Number(latent), exists(other(side), beside) ? Number(beside) : null, found);
  showPanel();
}

window.addEventListener("hashchange", () => { if (location.hash !== written) readAddress(); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => change({ theme: true }));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && control("pair").contains(document.activeElement)) control("grid").focus();
});
change({ view: state.view, theme: true });
fitFirstScreen();
listeners.push(writeAddress);
if (location.hash) readAddress();
document.documentElement.dataset.ready = "yes";
