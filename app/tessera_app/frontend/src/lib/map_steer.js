// Mouse, touch and keys on the map: moving, zooming, drawing a lasso, clicking.
const CLICK_PX = 4;
const LASSO_STEP_PX = 3; // corners of a lasso are at least so far apart
const WHEEL = 0.0016;
const KEY_ZOOM = 1.4;
const KEY_PX = 60;

export function steer(stage, view, told) {
  const down = new Map(); // pointer to where it is
  let from = null;
  let lasso = null;
  let over = 0;
  const hand = { mode: "move", drawn: () => (lasso?.length > 1 ? lasso : null) };
  const at = (event) => {
    const frame = stage.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  const pinch = () => {
    const [[ax, ay], [bx, by]] = [...down.values()];
    return { x: (ax + bx) / 2, y: (ay + by) / 2, size: Math.hypot(ax - bx, ay - by) || 1 };
  };
  const pressed = (event) => {
    if (event.button) return;
    const [x, y] = at(event);
    down.set(event.pointerId, [x, y]);
    stage.setPointerCapture?.(event.pointerId);
    if (down.size > 1) return (lasso = null);
    from = [x, y];
    if (hand.mode === "lasso") lasso = [view.toMap(x, y)];
  };
  const dragged = (event) => {
    const [x, y] = at(event);
    if (!down.has(event.pointerId)) {
      cancelAnimationFrame(over);
      over = requestAnimationFrame(() => told.over(x, y));
      return;
    }
    const before = down.get(event.pointerId);
    if (down.size > 1) {
      const old = pinch();
      down.set(event.pointerId, [x, y]);
      const now = pinch();
      view.pan(now.x - old.x, now.y - old.y);
      view.zoomAt(now.size / old.size, now.x, now.y);
      return told.moved();
    }
    if (lasso) {
      const [lastX, lastY] = view.toScreen(...lasso.at(-1));
      if (Math.hypot(x - lastX, y - lastY) >= LASSO_STEP_PX) {
        lasso.push(view.toMap(x, y));
        told.redraw();
      }
      return;
    }
    down.set(event.pointerId, [x, y]);
    view.pan(x - before[0], y - before[1]);
    told.over(null, null);
    told.moved();
  };
  const let_go = (event) => {
    if (!down.delete(event.pointerId) || down.size) return;
    const [x, y] = at(event);
    const drawn = lasso;
    lasso = null;
    if (from && Math.hypot(x - from[0], y - from[1]) < CLICK_PX && (drawn?.length ?? 0) < 4) told.clicked(x, y);
    else if (drawn?.length >= 3) told.lassoed(drawn);
    from = null;
  };
  const wheeled = (event) => {
    event.preventDefault();
    event.stopPropagation();
    const lines = event.deltaMode === 1 ? 16 : 1;
    view.zoomAt(Math.exp(-event.deltaY * lines * WHEEL), ...at(event));
    told.over(null, null);
    told.moved();
  };
  const [zoom, pan] = [
    (factor) => view.zoomAt(factor, view.size[0] / 2, view.size[1] / 2),
    (x, y) => view.pan(x * KEY_PX, y * KEY_PX),
  ];
  const keys = {
    "+": () => zoom(KEY_ZOOM), "=": () => zoom(KEY_ZOOM), "-": () => zoom(1 / KEY_ZOOM), "_": () => zoom(1 / KEY_ZOOM), "0": view.whole,
    ArrowLeft: () => pan(1, 0), ArrowRight: () => pan(-1, 0), ArrowUp: () => pan(0, 1), ArrowDown: () => pan(0, -1),
    l: told.lasso, Escape: told.released,
  }; // prettier-ignore
  const typed = (event) => {
    const act = keys[event.key];
    if (!act || event.target !== stage || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    act();
    told.moved();
  };
  const left = () => told.over(null, null);
  const heard = { pointerdown: pressed, pointermove: dragged, pointerup: let_go, pointercancel: let_go, pointerleave: left, wheel: wheeled, keydown: typed };
  for (const [kind, act] of Object.entries(heard)) stage.addEventListener(kind, act, { passive: false });
  hand.stop = () => {
    for (const [kind, act] of Object.entries(heard)) stage.removeEventListener(kind, act);
  };
  return hand;
}
