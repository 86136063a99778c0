// Controls, the address bar, and the first drawing.
const control = (id) => document.getElementById(id);
control("view").addEventListener("change", ({ target }) => change({ view: target.value }));
control("threshold").addEventListener("input", ({ target }) => change({ threshold: grid[nearestStep(Number(target.value))] }));
control("side").addEventListener("change", ({ target }) => change({ side: target.value, brushed: null }));
control("search").addEventListener("input", ({ target }) => change({ search: target.value }));
control("fate").addEventListener("change", ({ target }) => change({ fate: target.value }));
control("against")?.addEventListener("change", () => change({ against: true }));
listeners.push(() => {
  control("side").value = state.side;
  control("fate").value = state.fate;
  if (control("search").value !== state.search) control("search").value = state.search;
});

function readAddress() {
  const found = /^#([ab])\/(\d+)$/.exec(location.hash);
  if (found && Number(found[2]) < report[found[1]].latent.length) goTo(found[1], Number(found[2]));
}

window.addEventListener("hashchange", readAddress);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => change({ theme: true }));
change({ view: state.view, theme: true });
readAddress();
document.documentElement.dataset.ready = "yes";
