// What every page shares: making elements, writing numbers, packed columns, files to take away.
const report = JSON.parse(document.getElementById("data").textContent);
const kinds = { f8: Float64Array, f4: Float32Array, i4: Int32Array, u2: Uint16Array, i1: Int8Array, u1: Uint8Array };

function decode(base64) {
  const letters = atob(base64), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

function unpack({ kind, base64 }) {
  const bytes = Uint8Array.fromBase64?.(base64) ?? decode(base64);
  return new kinds[kind](bytes.buffer);
}

// Packed columns of a table, or of tables within it, in place.
function unpackAll(table) {
  for (const [name, packed] of Object.entries(table ?? {})) {
    if (packed?.base64 !== undefined) table[name] = unpack(packed);
    else if (packed && typeof packed === "object" && !Array.isArray(packed)) unpackAll(packed);
  }
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const control = (id) => document.getElementById(id);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const COLOURS = { decoder: "--decoder", encoder: "--encoder", decoder_and_encoder: "--both", activations: "--activations" };
const spell = (text) => String(text).replaceAll("_", " ");
const percent = (x) => `${(100 * x).toFixed(1)} %`;
const count = (n) => n.toLocaleString("en");
const missing = (x) => x === undefined || x === null || Number.isNaN(x);
const number = (x, digits = 3) => (missing(x) ? "" : x.toFixed(digits));
// In the reader's terms: 0.75 %, and below a thousandth of a percent as a power of ten.
const share = (x) => (missing(x) ? "" : x >= 1e-5 || x === 0 ? `${Number((100 * x).toPrecision(2))} %` : `${(100 * x).toExponential(0)} %`);

// A table of texts as a file of comma-separated values.
function download(name, rows) {
  const quoted = (value) => { const text = missing(value) ? "" : String(value); return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; };
  const content = rows.map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
  const link = element("a", { download: name, href: URL.createObjectURL(new Blob([content], { type: "text/csv" })) });
  link.click();
  URL.revokeObjectURL(link.href);
}

// The part of the address after #: what is chosen, then how it is looked at.
function readFragment() {
  const [place, query = ""] = location.hash.replace(/^#/, "").split("?");
  return { place: place.split("/").filter(Boolean).map(decodeURIComponent), looks: Object.fromEntries(new URLSearchParams(query)) };
}
function fragment(place, looks) {
  const query = new URLSearchParams(Object.entries(looks).filter(([, value]) => value !== null && value !== "" && value !== undefined));
  return `#${place.map(encodeURIComponent).join("/")}${[...query].length ? `?${query}` : ""}`;
}

// The first screen ends where the window does, however long the answer above it is.
function fitFirstScreen() {
  const first = document.querySelector(".first");
  const fit = () => first.style.setProperty("--top", `${first.getBoundingClientRect().top + window.scrollY}px`);
  window.addEventListener("resize", fit);
  fit();
}
