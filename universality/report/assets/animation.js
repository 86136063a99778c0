"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8a8a8a"];
  const AT_ONCE = 8, SIZE = 116, HALF = SIZE / 2, UNIT = SIZE / 2.9;
  const NS = "http://www.w3.org/2000/svg";
  const kinds = { f4: Float32Array, u1: Uint8Array };

  function unpack(column) {
    const bytes = Uint8Array.from(atob(column.base64), (c) => c.charCodeAt(0));
    return new kinds[column.kind](bytes.buffer);
  }
  const n = data.n_instances, m = data.n_latents, frames = data.step.length, points = data.n_points;
  const truth = unpack(data.W), probe = unpack(data.probe);
  const encoder = unpack(data.W_enc), decoder = unpack(data.W_dec);
  const back = unpack(data.reconstruction), anew = unpack(data.resampled);
  const slider = document.getElementById("frame"), step = document.getElementById("step");
  const play = document.getElementById("play"), first = document.getElementById("first");
  const hovered = document.getElementById("hovered"), stage = document.getElementById("stage");
  let pointed = null, timer = null;

  for (let i = 0; i < n; i += AT_ONCE) {
    const option = document.createElement("option");
    option.value = String(i);
    option.textContent = `${i} to ${Math.min(n, i + AT_ONCE) - 1}`;
    first.append(option);
  }

  function make(name, attributes, parent) {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.append(element);
    return element;
  }
  const x = (value) => HALF + UNIT * value, y = (value) => HALF - UNIT * value;

  function cell(svg, column) {
    const group = make("svg", { x: column * SIZE, width: SIZE, height: SIZE }, svg);
    make("rect", { class: "cell", x: 2, y: 2, width: SIZE - 4, height: SIZE - 4, rx: 4 }, group);
    make("line", { class: "axis", x1: 4, y1: HALF, x2: SIZE - 4, y2: HALF }, group);
    make("line", { class: "axis", x1: HALF, y1: 4, x2: HALF, y2: SIZE - 4 }, group);
    return group;
  }
  function features(group) {
    const k = data.n_features;
    for (let i = 0; i < k; i += 1) {
      const length = Math.hypot(truth[i], truth[k + i]) || 1;
      make("line", { class: "truth", x1: HALF, y1: HALF, x2: x(truth[i] / length * 1.3),
        y2: y(truth[k + i] / length * 1.3) }, group);
    }
  }
  function star(group, rows, frame, instance, label) {
    features(group);
    const start = (frame * n + instance) * m * 2;
    let longest = 0;
    for (let j = 0; j < m; j += 1) longest = Math.max(longest, Math.hypot(rows[start + 2 * j], rows[start + 2 * j + 1]));
    const scale = longest > 1.3 ? 1.3 / longest : 1;
    for (let j = 0; j < m; j += 1) {
      const ends = { x1: HALF, y1: HALF, x2: x(scale * rows[start + 2 * j]), y2: y(scale * rows[start + 2 * j + 1]) };
      const colour = COLOURS[j % COLOURS.length];
      const faded = pointed !== null && (pointed.instance !== instance || pointed.latent !== j);
      const shown = faded ? " faded" : "";
      make("line", { class: `latent${shown}`, stroke: colour, ...ends }, group);
      make("circle", { class: `end${shown}`, r: 3, fill: colour, cx: ends.x2, cy: ends.y2 }, group);
      if (anew[(frame * n + instance) * m + j]) {
        make("circle", { class: "anew", r: 7, stroke: "#c00000", cx: ends.x2, cy: ends.y2 }, group);
      }
      const hit = make("line", { class: "hit", ...ends, "data-instance": instance, "data-latent": j }, group);
      make("title", {}, hit).textContent = `instance ${instance}, latent ${j}, ${label}`;
    }
  }
  function cloud(group, values, start) {
    features(group);
    for (let p = 0; p < points; p += 1) {
      make("circle", { r: 1.5, fill: "currentColor", "fill-opacity": 0.55,
        cx: x(values[start + 2 * p]), cy: y(values[start + 2 * p + 1]) }, group);
    }
  }
  function draw() {
    const frame = Number(slider.value), begin = Number(first.value), end = Math.min(n, begin + AT_ONCE);
    step.textContent = data.step[frame].toLocaleString("en");
    stage.replaceChildren();
    const rows = [
      ["Encoder", (g, i) => star(g, encoder, frame, i, "encoder")],
      ["Decoder", (g, i) => star(g, decoder, frame, i, "decoder")],
      ["Hidden data", (g, i) => cloud(g, probe, i * points * 2)],
      ["Reconstruction", (g, i) => cloud(g, back, (frame * n + i) * points * 2)],
    ];
    for (const [name, fill] of rows) {
      const row = document.createElement("section");
      row.className = "row";
      const title = document.createElement("h2");
      title.textContent = name;
      row.append(title);
      const width = (end - begin) * SIZE;
      const svg = make("svg", { width, height: SIZE, viewBox: `0 0 ${width} ${SIZE}`, role: "img",
        "aria-label": `${name} of instances ${begin} to ${end - 1} at step ${data.step[frame]}` }, row);
      for (let i = begin; i < end; i += 1) fill(cell(svg, i - begin), i);
      stage.append(row);
    }
  }
  function point(target) {
    const latent = target instanceof Element ? target.closest(".hit") : null;
    const next = latent ? { instance: Number(latent.dataset.instance), latent: Number(latent.dataset.latent) } : null;
    if (JSON.stringify(next) === JSON.stringify(pointed)) return;
    pointed = next;
    hovered.textContent = next ? `Instance ${next.instance}, latent ${next.latent}` : "Point at a latent to see it in every row.";
    draw();
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }
  play.addEventListener("click", () => {
    if (timer !== null) { stop(); return; }
    if (Number(slider.value) === frames - 1) slider.value = "0";
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    draw();
    timer = setInterval(() => {
      slider.value = String(Number(slider.value) + 1);
      draw();
      if (Number(slider.value) === frames - 1) stop();
    }, 60);
  });
  slider.addEventListener("input", draw);
  first.addEventListener("change", draw);
  stage.addEventListener("mouseover", (event) => point(event.target));
  stage.addEventListener("mouseleave", () => point(null));
  draw();
  document.documentElement.dataset.ready = "yes";
})();
