// Controls, the address bar, and the first drawing.
const control = (id) => document.getElementById(id);
control("view").addEventListener("change", ({ target }) => change({ view: target.value }));
control("threshold").addEventListener("input", ({ target }) => change({ threshold: grid[nearestStep(Number(target.value))] }));
control("side").addEventListener("change", ({ target }) => change({ side: target.value, brushed: null }));
control("search").addEventListener("input", ({ target }) => change({ search: target.value }));
control("grade").addEventListener("change", ({ target }) => change({ grade: target.value }));
for (const name of RANGES) {
  const ends = ["from", "to"].map((end) => control(`${name}-${end}`));
  if (!ends[1]) continue;
  const read = (input) => (input?.value ? Number(input.value) : null);
  for (const input of ends) input?.addEventListener("input", () => change({ ranges: { ...state.ranges, [name]: ends.map(read) } }));
  listeners.push((changed) => { if (changed.has("ranges") && !state.ranges[name]) for (const input of ends) if (input) input.value = ""; });
}
control("clear").addEventListener("click", () => change({ search: "", grade: "", ranges: {}, brushed: null }));
control("against")?.addEventListener("change", () => change({ against: true }));
listeners.push(() => {
  control("side").value = state.side;
  control("grade").value = state.grade;
  if (control("search").value !== state.search) control("search").value = state.search;
});

function readAddress() {
  const found = /^#([ab])\/(\d+)(?:\/(\d+))?$/.exec(location.hash);
  if (!found || Number(found[2]) >= report[found[1]].latent.length) return;
  const beside = found[3] === undefined || Number(found[3]) >= report[other(found[1])].latent.length ? null : Number(found[3]);
  goTo(found[1], Number(found[2]), beside);
}

window.addEventListener("hashchange", readAddress);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => change({ theme: true }));
change({ view: state.view, theme: true });
readAddress();
document.documentElement.dataset.ready = "yes";
