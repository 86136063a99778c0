// What became of the latents of a narrow run in a wider one, in sentences.
const becameOf = new Map(report.narrow.map((step) => [step, new Map(step.latent.map((latent, row) => [latent, row]))]));
const listed = (parts) => (parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`);

function becomes(step, latent) {
  const row = becameOf.get(step).get(latent), who = `${step.narrow} ${latent}, in ${step.wide}`;
  if (row === undefined) return `${who}: not judged; ${count(step.latent.length)} latents of ${step.narrow} that take part are.`;
  const of = (name) => step[name][row], partner = `its partner one to one is ${of("partner")} (cosine ${number(of("partner_similarity"))})`;
  const explain = of("members")?.length === 1 ? "explains" : "explain", sum = listed((of("members") ?? []).map((wide, k) => `${wide} (weight ${number(of("coefficients")[k], 2)})`));
  const explained = `${percent(of("explained_variance"))} of its direction, in null draws at most ${percent(of("null_explained_variance"))}`;
  const apart = of("partner") < 0 ? "it has no partner one to one" : partner;
  switch (of("grade")) {
    case "same": return `${who}: same; ${apart}.`;
    case "split": return `${who}: split into ${sum}, which ${explain} ${explained}; ${apart}.`;
    case "none": return `${who}: none; ${apart}, the nearest reaches ${number(of("nearest_similarity"))}${sum ? `; ${sum} ${explain} ${explained}` : ""}.`;
    default: throw new Error(`unknown grade ${of("grade")}`);
  }
}

// For every step that begins at the run.
const widerOf = (run, latent) => report.narrow.filter(({ narrow }) => narrow === run).map((step) => becomes(step, latent));

function sayWider() {
  const wanted = control("narrow-latent").value, step = report.narrow[chosenIn("narrow-step") ?? 0];
  control("wider").textContent = wanted === "" ? "" : becomes(step, Number(wanted));
}
if (report.narrow.length) {
  offer("narrow-step", report.narrow.map(({ narrow, wide }, k) => [k, `${narrow} to ${wide}`, k === 0]), sayWider);
  control("narrow-latent").addEventListener("input", sayWider);
}
