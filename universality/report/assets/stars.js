// Latents a reader marked, kept in this browser for these two runs; exported with the rows of the table.
const STARS = `universality:${report.id}`;
const starName = (side, latent) => `${side}:${latent}`;

function readStars() {
  try { return new Set(JSON.parse(localStorage.getItem(STARS) ?? "[]")); } catch { return new Set(); }
}
const stars = readStars();

function star(side, latent) {
  const name = starName(side, latent);
  if (!stars.delete(name)) stars.add(name);
  try { localStorage.setItem(STARS, JSON.stringify([...stars])); } catch { /* A browser that keeps nothing shows stars until it is closed. */ }
  change({ stars: true });
}

function starButton(side, latent) {
  const button = element("button", { type: "button", class: "star", "aria-pressed": `${stars.has(starName(side, latent))}`, "aria-label": `star ${side} ${latent}` }, "★");
  button.addEventListener("click", () => { star(side, latent); button.setAttribute("aria-pressed", `${stars.has(starName(side, latent))}`); });
  return button;
}
