// What lies over the points, on a canvas of its own: labels, the lasso, and rings around a point.
import { anchors, placed } from "./map_labels.js";

const PICTURE_PX = 46;
const NUMBERS = 28; // of unnamed clusters at the least zoom, at most
const PICTURES = 40;
const FONT = "system-ui,sans-serif";

export function mapInk(canvas, source, changed) {
  const context = canvas.getContext("2d");
  const images = new Map();
  let middles = new Map();
  let shown = [];
  const image = (tile) => {
    if (!images.has(tile)) {
      const made = new Image();
      made.onload = changed;
      images.set(tile, made);
      source.address(tile).then((address) => (made.src = address));
    }
    return images.get(tile);
  };

  // Labels in the order in which they are tried: what is open, names by size, then numbers by size.
  const wanted = (view, about, mode) => {
    if (mode === "none" && !about.open.length) return [];
    const groups = new Map();
    for (const [id, middle] of middles) {
      const { name, number } = about.of(id);
      const open = about.open.indexOf(id);
      const key = open >= 0 ? `open ${id}` : name ? `name ${name}` : `id ${id}`;
      const one = { id, name, text: open >= 0 ? about.title(id) : name || number, open, n: middle.n, largest: middle.n, middle };
      const known = groups.get(key);
      if (!known) groups.set(key, one);
      else {
        known.n += middle.n;
        if (middle.n > known.largest) Object.assign(known, { id, middle, largest: middle.n });
      }
    }
    const rank = (one) => (one.open >= 0 ? 2 : one.name ? 1 : 0);
    const all = [...groups.values()].sort((a, b) => rank(b) - rank(a) || b.n - a.n);
    const kept = mode === "none" ? all.filter((one) => one.open >= 0) : all;
    let numbers = 0;
    const most = mode === "pictures" ? PICTURES : NUMBERS * view.zoom;
    const [width, height] = view.size;
    const found = [];
    for (const one of kept) {
      const [x, y] = view.toScreen(one.middle.x, one.middle.y);
      if (x < 0 || y < 0 || x > width || y > height) continue;
      if (!rank(one) && ++numbers > most) continue;
      found.push({ ...one, x, y });
    }
    return found;
  };
  const measure = (label, mode) => {
    const chip = label.open >= 0 || label.name;
    if (mode === "pictures" && label.open < 0) return { ...label, width: PICTURE_PX, height: PICTURE_PX, fixed: true, picture: true };
    context.font = chip ? `600 12px ${FONT}` : `500 11px ${FONT}`;
    const text = label.text.length > 30 ? `${label.text.slice(0, 29)}…` : label.text;
    const swatch = label.open < 0 && chip ? 16 : 0;
    return { ...label, text, chip, swatch, width: context.measureText(text).width + (chip ? 14 : 4) + swatch, height: chip ? 19 : 13 };
  };
  const drawLabel = (label, about, look) => {
    const { left, top, width, height } = label;
    if (label.picture) {
      const own = image(label.middle.tile);
      context.fillStyle = about.of(label.id).colour;
      context.fillRect(left - 2, top - 2, width + 4, height + 4);
      if (own.complete && own.naturalWidth) context.drawImage(own, left, top, width, height);
      return;
    }
    context.textBaseline = "middle";
    if (!label.chip) {
      context.font = `500 11px ${FONT}`;
      context.lineWidth = 3;
      context.lineJoin = "round";
      context.strokeStyle = look.paper;
      context.strokeText(label.text, left + 2, top + height / 2);
      context.fillStyle = look.quiet;
      context.fillText(label.text, left + 2, top + height / 2);
      return;
    }
    const open = label.open >= 0;
    context.beginPath();
    context.roundRect(left, top, width, height, 5);
    context.fillStyle = open && label.open === 0 ? look.ink : look.paper;
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = open ? look.ink : look.edge;
    context.stroke();
    if (label.swatch) drawSwatch(left + 6, top + height / 2 - 5, about.of(label.id));
    context.font = `600 12px ${FONT}`;
    context.fillStyle = open && label.open === 0 ? look.paper : look.ink;
    context.fillText(label.text, left + 7 + label.swatch, top + height / 2 + 0.5);
  };
  const drawSwatch = (x, y, { colour, shape }) => {
    context.fillStyle = context.strokeStyle = colour;
    context.lineWidth = 2;
    context.beginPath();
    if (shape === 3) [[x + 1, y + 1, x + 9, y + 9], [x + 9, y + 1, x + 1, y + 9]].forEach(([a, b, c, d]) => (context.moveTo(a, b), context.lineTo(c, d))); // prettier-ignore
    else if (shape === 2) [[x + 5, y], [x + 10, y + 10], [x, y + 10]].forEach(([a, b]) => context.lineTo(a, b)); // prettier-ignore
    else if (shape === 1) context.rect(x, y, 10, 10);
    else context.arc(x + 5, y + 5, 5, 0, 7);
    if (shape === 3) context.stroke();
    else context.fill();
  };
  return {
    find: (points) => (middles = anchors(points)),
    get labels() { return shown; },
    at: (x, y) => shown.find((one) => x >= one.left && x <= one.left + one.width && y >= one.top && y <= one.top + one.height),
    draw(view, about, look, { mode, polygon, marked }) {
      const ratio = devicePixelRatio || 1;
      const [width, height] = view.size;
      if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
      if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.clearRect(0, 0, width, height);
      for (const [x, y] of marked) {
        context.beginPath();
        context.arc(x, y, 7, 0, 7);
        context.lineWidth = 4;
        context.strokeStyle = look.paper;
        context.stroke();
        context.lineWidth = 2;
        context.strokeStyle = look.ink;
        context.stroke();
      }
      shown = placed(wanted(view, about, mode).map((label) => measure(label, mode)), { width, height });
      for (const label of [...shown].reverse()) drawLabel(label, about, look);
      if (polygon.length < 2) return;
      context.beginPath();
      polygon.forEach(([x, y]) => context.lineTo(...view.toScreen(x, y)));
      context.closePath();
      context.fillStyle = `${look.lasso}22`;
      context.fill("evenodd");
      context.lineWidth = 2;
      context.strokeStyle = look.lasso;
      context.stroke();
    },
  };
} // prettier-ignore
