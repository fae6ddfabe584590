// The map of tiles: points over HTTP as one binary file, drawn by regl-scatterplot; a lasso returns its polygon.
import createScatterplot from "regl-scatterplot";

const OTHERS = "#c9ced6";

async function readPoints(url) {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`points: ${response.status}`);
  const buffer = await response.arrayBuffer();
  const n = new Uint32Array(buffer, 0, 1)[0];
  return {
    n,
    x: new Float32Array(buffer, 4, n),
    y: new Float32Array(buffer, 4 + 4 * n, n),
    cluster: new Int32Array(buffer, 4 + 8 * n, n),
  };
}

function render({ model, el }) {
  const box = document.createElement("div");
  box.className = "ts-map";
  box.style.cssText = `position:relative;width:100%;height:${model.get("height_px")}px;border-radius:8px;overflow:hidden`;
  const canvas = document.createElement("canvas");
  canvas.style.cssText = "width:100%;height:100%;display:block";
  const hover = document.createElement("img");
  hover.style.cssText =
    "position:absolute;display:none;width:112px;height:112px;border-radius:6px;border:2px solid #fff;box-shadow:0 2px 10px #0006;pointer-events:none;z-index:2";
  box.append(canvas, hover);
  el.append(box);

  let plot = null;
  let points = null;
  let order = new Map();

  const palette = () => {
    const chosen = model.get("highlight");
    return model.get("ids").map((id, i) => (chosen < 0 || id === chosen ? model.get("colours")[i] : OTHERS));
  };
  const paint = () => {
    if (!plot || !points) return;
    order = new Map(model.get("ids").map((id, i) => [id, i]));
    const category = Float32Array.from(points.cluster, (id) => order.get(id) ?? 0);
    const colours = palette();
    plot.set({ pointColor: colours.length > 1 ? colours : [...colours, OTHERS], colorBy: "valueA" });
    return plot.draw({ x: points.x, y: points.y, valueA: category }, { zDataType: "categorical" });
  };
  const load = async () => {
    if (!model.get("url")) return;
    try {
      points = await readPoints(model.get("url"));
      await paint();
      box.dataset.ready = points.n;
    } catch (error) {
      box.dataset.error = String(error);
    }
  };
  const start = () => {
    if (plot) return;
    const { width, height } = box.getBoundingClientRect();
    if (!width) return; // a tab that is not shown yet
    plot = createScatterplot({
      canvas, width, height, backgroundColor: "#ffffff", pointSize: model.get("point_size"), opacity: 0.75,
      pointColorActive: "#111111", pointOutlineWidth: 2, lassoColor: "#0072b2", lassoInitiator: true,
    });
    plot.subscribe("pointOver", (i) => {
      if (!model.get("tile_url")) return; // a notebook has no routes
      const [x, y] = plot.getScreenPosition(i) ?? [0, 0];
      hover.src = `${model.get("tile_url")}${i}`;
      hover.style.left = `${Math.min(x + 12, box.clientWidth - 124)}px`;
      hover.style.top = `${Math.min(y + 12, box.clientHeight - 124)}px`;
      hover.style.display = "block";
    });
    plot.subscribe("pointOut", () => (hover.style.display = "none"));
    plot.subscribe("select", ({ points: chosen }) => {
      if (chosen.length !== 1) return;
      model.set("picked", chosen[0]);
      model.save_changes();
    });
    plot.subscribe("lassoEnd", ({ coordinates }) => {
      model.set("polygon", Array.from(coordinates, ([x, y]) => [x, y]));
      model.save_changes();
    });
    load();
  };
  const resize = new ResizeObserver(() => {
    const { width, height } = box.getBoundingClientRect();
    if (plot && width) plot.set({ width, height });
    else start();
  });
  resize.observe(box);
  model.on("change:url", load);
  model.on("change:highlight", () => plot && points && plot.set({ pointColor: palette() }));
  model.on("change:colours", paint);
  return () => {
    resize.disconnect();
    plot?.destroy();
    box.remove();
  };
}
export default { render };
