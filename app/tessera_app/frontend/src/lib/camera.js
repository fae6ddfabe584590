// Where one looks on the map: the place in the middle, and screen pixels per unit of the map.
const PAD_PX = 26; // around all points when the whole map is shown: none is cut off, and labels have room
const CLOSEST = 400; // times the whole map

export function camera() {
  let [width, height] = [1, 1];
  let bounds = { left: -1, right: 1, bottom: -1, top: 1 };
  let view = { x: 0, y: 0, scale: 1 };
  let isWhole = true;
  const fit = () => ({
    x: (bounds.left + bounds.right) / 2,
    y: (bounds.bottom + bounds.top) / 2,
    scale: Math.min(
      Math.max(width - 2 * PAD_PX, 20) / Math.max(bounds.right - bounds.left, 1e-3),
      Math.max(height - 2 * PAD_PX, 20) / Math.max(bounds.top - bounds.bottom, 1e-3),
    ),
  });
  const kept = (wanted) => {
    const whole = fit();
    const scale = Math.max(whole.scale, Math.min(wanted.scale, whole.scale * CLOSEST));
    isWhole = scale <= whole.scale * 1.0001;
    view = isWhole
      ? whole
      : {
          x: Math.max(bounds.left, Math.min(bounds.right, wanted.x)),
          y: Math.max(bounds.bottom, Math.min(bounds.top, wanted.y)),
          scale,
        };
  };
  const toMap = (x, y) => [view.x + (x - width / 2) / view.scale, view.y - (y - height / 2) / view.scale];
  return {
    get scale() { return view.scale; },
    get zoom() { return view.scale / fit().scale; },
    get isWhole() { return isWhole; },
    get size() { return [width, height]; },
    toMap,
    toScreen: (x, y) => [width / 2 + (x - view.x) * view.scale, height / 2 - (y - view.y) * view.scale],
    // For the vertices: (place - centre) * scale lies between -1 and 1.
    clip: () => ({ centre: [view.x, view.y], scale: [(2 * view.scale) / width, (2 * view.scale) / height] }),
    area() {
      const [left, bottom] = toMap(-20, height + 20);
      const [right, top] = toMap(width + 20, -20);
      return { left, right, bottom, top };
    },
    resize(newWidth, newHeight) {
      [width, height] = [newWidth, newHeight];
      kept(isWhole ? fit() : view);
    },
    bound(newBounds) {
      bounds = newBounds;
      kept(isWhole ? fit() : view);
    },
    pan(dx, dy) {
      kept({ ...view, x: view.x - dx / view.scale, y: view.y + dy / view.scale });
    },
    // The place under the pointer stays under it.
    zoomAt(factor, x, y) {
      const [mx, my] = toMap(x, y);
      const scale = Math.min(view.scale * factor, fit().scale * CLOSEST);
      kept({ x: mx - (x - width / 2) / scale, y: my + (y - height / 2) / scale, scale });
    },
    whole: () => kept(fit()),
    // A window to keep in an address: middle and zoom; empty for the whole map.
    get window() { return isWhole ? [] : [view.x, view.y, view.scale / fit().scale].map((v) => Number(v.toPrecision(5))); },
    set window([x, y, zoom]) { kept(zoom ? { x, y, scale: zoom * fit().scale } : fit()); },
  };
} // prettier-ignore

// The box around all points that have a place.
export function boundsOf({ x, y, n }) {
  const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (let i = 0; i < n; i++) {
    if (!(Math.abs(x[i]) <= 2 && Math.abs(y[i]) <= 2)) continue;
    if (x[i] < box.left) box.left = x[i];
    if (x[i] > box.right) box.right = x[i];
    if (y[i] < box.bottom) box.bottom = y[i];
    if (y[i] > box.top) box.top = y[i];
  }
  return box.left > box.right ? { left: -1, right: 1, bottom: -1, top: 1 } : box;
}
