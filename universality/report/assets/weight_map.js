// Weights over the fit, frame by frame, on a canvas.
const connection = report, steps = unpack(report.frames);
const nRows = connection.targets.length, nColumns = connection.sources.length, nFrames = connection.step.length;
const canvas = document.querySelector("#map canvas"), slider = document.getElementById("frame"), playing = document.getElementById("play");
const CELL = Math.max(3, Math.min(8, Math.floor(760 / Math.max(1, nColumns))));
let timer = null;

function shade(value) {
  const share = Math.abs(value) / 127, base = value > 0 ? [5, 113, 176] : [202, 0, 32];
  return base.map((part) => Math.round(247 + (part - 247) * share));
}

function drawFrame() {
  const frame = Number(slider.value), start = frame * nRows * nColumns;
  canvas.width = nColumns; canvas.height = nRows;
  canvas.style.cssText = `position: static; width: ${nColumns * CELL}px; max-width: 100%; height: auto; image-rendering: pixelated; border: 1px solid var(--line)`;
  const context = canvas.getContext("2d"), image = context.createImageData(Math.max(1, nColumns), Math.max(1, nRows));
  for (let i = 0; i < nRows * nColumns; i++) image.data.set([...shade(steps[start + i]), 255], 4 * i);
  context.putImageData(image, 0, 0);
  document.getElementById("step").textContent = connection.step[frame].toLocaleString("en");
  document.getElementById("state").textContent = `${connection.n_weights[frame].toLocaleString("en")} weights in all; mean over latents unexplained ${connection.fvu[frame].toFixed(3)} on the step's batch`;
}

function stopPlaying() {
  clearInterval(timer);
  timer = null;
  playing.textContent = "Play";
  playing.setAttribute("aria-pressed", "false");
}

playing.addEventListener("click", () => {
  if (timer !== null) { stopPlaying(); return; }
  if (Number(slider.value) === nFrames - 1) slider.value = "0";
  playing.textContent = "Pause";
  playing.setAttribute("aria-pressed", "true");
  drawFrame();
  timer = setInterval(() => {
    slider.value = String(Number(slider.value) + 1);
    drawFrame();
    if (Number(slider.value) === nFrames - 1) stopPlaying();
  }, 180);
});
slider.addEventListener("input", drawFrame);
canvas.addEventListener("mousemove", (event) => {
  const box = canvas.getBoundingClientRect();
  const column = Math.floor(((event.clientX - box.left) / box.width) * nColumns), row = Math.floor(((event.clientY - box.top) / box.height) * nRows);
  if (column < 0 || row < 0 || column >= nColumns || row >= nRows) return;
  const value = (steps[(Number(slider.value) * nRows + row) * nColumns + column] / 127) * connection.limit;
  document.getElementById("pointed").textContent = `Target ${connection.targets[row]}, source ${connection.sources[column]}: ${value.toFixed(3)}.`;
});
drawFrame();
