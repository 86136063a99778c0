// A name beside its line, where that runs farthest from the others and from the names that stand already.
function labelLine(svg, name, ink, points, others, placed, [left, right]) {
  const width = 7 * name.length + 8, room = ([x, y], i) => {
    const over = d3.range(i, points.length).filter((k) => points[k][0] <= x + width), box = [x, y - 16, x + width, y - 2];
    if (x < left + 12 || x + width > right || y < 18) return -1;
    if (placed.some(([x0, y0, x1, y1]) => box[0] < x1 && box[2] > x0 && box[1] < y1 && box[3] > y0)) return -1;
    return Math.min(30, d3.min([...others, points], (line) => d3.min(over, (k) => (line === points && line[k][1] >= y - 1 ? 30 : Math.abs(line[k][1] - (y - 9))))));
  };
  const best = d3.greatest(d3.range(0, points.length, 2), (i) => room(points[i], i));
  if (best === undefined || room(points[best], best) < 0) return;
  const [x, y] = points[best];
  placed.push([x, y - 16, x + width, y - 2]);
  svg.append("text").attr("class", "line-label").attr("x", x + 4).attr("y", y - 5).attr("fill", ink).text(name);
}
