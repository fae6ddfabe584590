// Which points lie inside a polygon: a filled picture of it answers for most, the exact test for those at its edge.
const PICTURE = 512;

export function inside({ x, y, n }, polygon) {
  const xs = polygon.map((corner) => corner[0]);
  const ys = polygon.map((corner) => corner[1]);
  const [left, right, bottom, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = (PICTURE - 4) / Math.max(right - left, top - bottom, 1e-9);
  const canvas = new OffscreenCanvas(PICTURE, PICTURE);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const path = new Path2D();
  polygon.forEach(([px, py]) => path.lineTo((px - left) * scale + 2, (py - bottom) * scale + 2));
  path.closePath();
  context.fillStyle = context.strokeStyle = "#f00";
  context.fill(path, "evenodd");
  context.globalCompositeOperation = "source-over";
  context.strokeStyle = "#0f0"; // the edge, where the exact test decides
  context.lineWidth = 3;
  context.stroke(path);
  const pixels = context.getImageData(0, 0, PICTURE, PICTURE).data;
  const found = [];
  for (let i = 0; i < n; i++) {
    if (!(x[i] >= left && x[i] <= right && y[i] >= bottom && y[i] <= top)) continue;
    const at = 4 * (Math.floor((y[i] - bottom) * scale + 2) * PICTURE + Math.floor((x[i] - left) * scale + 2));
    if (pixels[at + 1] ? evenOdd(polygon, x[i], y[i]) : pixels[at]) found.push(i);
  }
  return found;
}

function evenOdd(polygon, x, y) {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}
