// The photo: larger, smaller, moved, turned, straightened, more contrast. Nothing leaves the page, nothing is kept.
"use strict";
(() => {
  const figure = document.querySelector("[data-photo]");
  if (!figure) return;
  const frame = figure.querySelector("[data-frame]");
  const image = figure.querySelector("[data-image]");
  const tools = figure.querySelector("[data-tools]");
  const ranges = [...tools.querySelectorAll("[data-range]")];
  const start = { x: 0, y: 0, scale: 1, turn: 0, skew: 0, contrast: 100 };
  let view = { ...start };

  document.documentElement.classList.add("js", "reading-wide");
  tools.hidden = false;

  function show() {
    const { x, y, scale, turn, skew, contrast } = view;
    image.style.transform = `translate(${x}px, ${y}px) rotate(${turn + skew}deg) scale(${scale})`;
    image.style.filter = contrast === 100 ? "" : `contrast(${contrast}%)`;
  }

  function zoom(factor, at) {
    const scale = Math.min(12, Math.max(0.5, view.scale * factor));
    const grown = scale / view.scale;
    // The point under the fingers stays where it is.
    if (at) {
      const box = frame.getBoundingClientRect();
      const dx = at.x - box.left - box.width / 2;
      const dy = at.y - box.top - box.height / 2;
      view.x = dx - (dx - view.x) * grown;
      view.y = dy - (dy - view.y) * grown;
    } else {
      view.x *= grown;
      view.y *= grown;
    }
    view.scale = scale;
    show();
  }

  function move(dx, dy) {
    view.x += dx;
    view.y += dy;
    show();
  }

  const does = {
    in: () => zoom(1.4),
    out: () => zoom(1 / 1.4),
    left: () => { view.turn -= 90; show(); },
    right: () => { view.turn += 90; show(); },
    reset: () => {
      view = { ...start };
      for (const range of ranges) range.value = view[range.dataset.range];
      show();
    },
  };
  tools.addEventListener("click", (event) => does[event.target.dataset.do]?.());
  tools.addEventListener("input", (event) => {
    view[event.target.dataset.range] = Number(event.target.value);
    show();
  });

  const step = 60;
  const keys = {
    ArrowUp: () => move(0, step),
    ArrowDown: () => move(0, -step),
    ArrowLeft: () => move(step, 0),
    ArrowRight: () => move(-step, 0),
    "+": does.in,
    "=": does.in,
    "-": does.out,
    0: does.reset,
  };
  frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
  });
  // While typing, without leaving the box: Page Up and Page Down move the photo, with Shift they change its size.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "PageUp" && event.key !== "PageDown") return;
    const up = event.key === "PageUp";
    if (event.shiftKey) zoom(up ? 1.4 : 1 / 1.4);
    else move(0, up ? step * 2 : -step * 2);
    event.preventDefault();
  });
  frame.addEventListener("wheel", (event) => {
    zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, { x: event.clientX, y: event.clientY });
    event.preventDefault();
  }, { passive: false });

  const fingers = new Map();
  const middle = () => {
    const at = [...fingers.values()];
    const sum = at.reduce((a, b) => ({ x: a.x + b.x, y: a.y + b.y }));
    const apart = at.length > 1 ? Math.hypot(at[0].x - at[1].x, at[0].y - at[1].y) : 0;
    return { x: sum.x / at.length, y: sum.y / at.length, apart };
  };
  frame.addEventListener("pointerdown", (event) => {
    frame.setPointerCapture(event.pointerId);
    frame.classList.add("held");
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  frame.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = middle();
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = middle();
    move(after.x - before.x, after.y - before.y);
    if (before.apart && after.apart) zoom(after.apart / before.apart, after);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    frame.addEventListener(name, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) frame.classList.remove("held");
    });
  }
  frame.addEventListener("dblclick", (event) => zoom(2, { x: event.clientX, y: event.clientY }));
})();
