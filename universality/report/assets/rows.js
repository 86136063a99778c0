// A grid of many rows, of which only those in sight are in the document. Tab passes through its heads
// and its body as one stop; arrows move between rows, Enter opens one, heads sort.
const PHONE = window.matchMedia("(max-width: 40rem)");

class RowGrid {
  // columns: { id, name, width, words, spare }; text(id, key) gives a cell; key is what `order` holds.
  // Spare columns are left out where the grid is narrow.
  constructor(host, { label, columns, text, choose, open, sort }) {
    Object.assign(this, { host, all: columns, text, choose, open, sort, order: [], chosen: null, sorted: null });
    for (const [name, value] of Object.entries({ role: "grid", "aria-label": label, tabindex: "0" })) host.setAttribute(name, value);
    this.head = element("div", { role: "row" });
    this.body = element("div", { role: "rowgroup", class: "grid-body" });
    host.replaceChildren(element("div", { role: "rowgroup", class: "grid-head" }, this.head), this.body);
    this.fit();
    host.addEventListener("scroll", () => this.draw());
    host.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", ({ target }) => { const row = target.closest("[role=row]"); if (row) this.take(Number(row.dataset.place), true); });
    new ResizeObserver(() => { this.fit(); this.draw(); }).observe(host);
    PHONE.addEventListener("change", () => this.show(this.order));
  }

  // The columns there is room for, and their heads.
  fit() {
    const wide = this.host.clientWidth > 760 || this.host.clientWidth === 0 || PHONE.matches, columns = this.all.filter(({ spare }) => wide || !spare);
    if (this.columns?.length === columns.length) return;
    this.columns = columns;
    this.host.style.setProperty("--columns", columns.map(({ width }) => `minmax(0, ${width}fr)`).join(" "));
    this.heads = new Map(columns.map(({ id, name, words }) => {
      const button = element("button", { type: "button" }, name), head = element("div", { role: "columnheader", "aria-sort": "none", class: words ? "words" : "figure" }, button);
      button.addEventListener("click", () => this.sortBy(id, this.sorted?.id === id ? !this.sorted.ascending : Boolean(words) || id === columns[0].id));
      return [id, head];
    }));
    this.head.replaceChildren(...this.heads.values());
    if (this.sorted) this.mark(this.sorted.id, this.sorted.ascending);
  }

  get height() { return parseFloat(getComputedStyle(this.host).getPropertyValue("--row")) || 26; }

  sortBy(id, ascending) {
    this.mark(id, ascending);
    this.sort(id, ascending);
    this.reveal();
  }

  mark(id, ascending) {
    this.sorted = id === null ? null : { id, ascending };
    for (const [name, head] of this.heads) head.setAttribute("aria-sort", name !== id ? "none" : ascending ? "ascending" : "descending");
  }

  // Other rows, in another order; the chosen one stays chosen wherever it is now.
  show(order) {
    this.order = order;
    this.host.setAttribute("aria-rowcount", `${order.length + 1}`);
    this.body.style.height = `${order.length * this.height}px`;
    this.body.replaceChildren();
    this.draw();
  }

  draw() {
    const { height } = this, top = this.host.scrollTop, seen = this.host.clientHeight;
    const first = Math.max(0, Math.floor(top / height) - 6), last = Math.min(this.order.length, Math.ceil((top + seen) / height) + 6);
    const rows = [];
    for (let place = first; place < last; place++) rows.push(this.row(place, height));
    this.body.replaceChildren(...rows);
    const at = this.place();
    if (at >= first && at < last) this.host.setAttribute("aria-activedescendant", `${this.host.id}-${at}`);
    else this.host.removeAttribute("aria-activedescendant");
  }

  row(place, height) {
    const key = this.order[place], selected = key === this.chosen;
    const cells = this.columns.map(({ id, name, words }) => element("div", { role: "gridcell", class: words ? "words" : "figure", "data-label": name, "data-column": id }, this.text(id, key)));
    return element("div", { role: "row", id: `${this.host.id}-${place}`, "aria-rowindex": `${place + 2}`, "aria-selected": `${selected}`, "data-place": `${place}`, style: `top:${place * height}px` }, ...cells);
  }

  place() { return this.chosen === null ? -1 : this.order.indexOf(this.chosen); }

  // Choose a key without telling anyone.
  point(key) {
    this.chosen = key;
    this.reveal();
    this.draw();
  }

  reveal() {
    const at = this.place(), { height } = this;
    if (at < 0) return;
    const head = this.host.firstChild.offsetHeight, room = this.host.clientHeight - head - height;
    if (at * height < this.host.scrollTop) this.host.scrollTop = at * height;
    else if (at * height > this.host.scrollTop + room) this.host.scrollTop = at * height - room;
  }

  take(place, opened = false) {
    if (!this.order.length) return;
    const key = this.order[Math.min(this.order.length - 1, Math.max(0, place))];
    this.point(key);
    this.choose(key, opened);
  }

  key(event) {
    if (event.target !== this.host || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.host.clientHeight / this.height) - 2), at = this.place();
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: this.order.length - 1 }[event.key];
    if (to !== undefined) this.take(to);
    else if (event.key === "Enter" && at >= 0) this.open(this.chosen);
    else return;
    event.preventDefault();
  }
}
