// Draws black rectangles on the photo and keeps the fields of the form in step: the form sends what the fields say.
"use strict";
(() => {
  const box = document.getElementById("mask");
  const table = document.getElementById("rectangles");
  if (!box || !table) return;
  const image = box.querySelector("img");
  const body = table.tBodies[0];
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  const frame = document.createElement("div");
  frame.className = "mask";
  const tools = document.createElement("div");
  tools.className = "tools";
  const draw = document.createElement("button");
  draw.type = "button";
  draw.textContent = box.dataset.add;
  draw.setAttribute("aria-pressed", "false");
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "quiet";
  remove.textContent = box.dataset.remove;
  tools.append(draw, remove);
  box.prepend(tools);
  image.replaceWith(frame);
  frame.append(image, canvas);

  const edges = ["left", "top", "right", "bottom"];
  const fields = (row) => edges.map((edge) => row.querySelector(`input[name^="${edge}-"]`));
  const rows = () => [...body.rows];
  const filled = (row) => fields(row).some((field) => field.value.trim() !== "");
  const numbers = (row) => fields(row).map((field) => Number(field.value.replace(",", ".")));

  const freeRow = () => {
    const free = rows().find((row) => !filled(row));
    if (free) return free;
    const last = body.rows[body.rows.length - 1];
    const row = last.cloneNode(true);
    const number = body.rows.length;
    row.cells[0].textContent = String(number + 1);
    fields(row).forEach((field, i) => {
      field.name = `${edges[i]}-${number}`;
      field.value = "";
    });
    body.append(row);
    return row;
  };

  const paint = (extra) => {
    canvas.width = image.clientWidth;
    canvas.height = image.clientHeight;
    const pen = canvas.getContext("2d");
    const all = rows().filter(filled).map(numbers);
    if (extra) all.push(extra);
    for (const [left, top, right, bottom] of all) {
      if ([left, top, right, bottom].some(Number.isNaN)) continue;
      const x = Math.min(left, right) / 100 * canvas.width;
      const y = Math.min(top, bottom) / 100 * canvas.height;
      const w = Math.abs(right - left) / 100 * canvas.width;
      const h = Math.abs(bottom - top) / 100 * canvas.height;
      pen.fillStyle = "rgba(0, 0, 0, 0.75)";
      pen.fillRect(x, y, w, h);
      pen.strokeStyle = "#ffb000";
      pen.lineWidth = 2;
      pen.strokeRect(x, y, w, h);
    }
  };

  const place = (event) => {
    const edge = canvas.getBoundingClientRect();
    const within = (value) => Math.min(100, Math.max(0, value));
    return [within((event.clientX - edge.left) / edge.width * 100), within((event.clientY - edge.top) / edge.height * 100)];
  };

  let drawing = false;
  let from = null;
  draw.addEventListener("click", () => {
    drawing = !drawing;
    draw.setAttribute("aria-pressed", String(drawing));
    frame.classList.toggle("drawing", drawing);
  });
  canvas.addEventListener("pointerdown", (event) => {
    if (!drawing) return;
    from = place(event);
    canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from) paint([...from, ...place(event)]);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!from) return;
    const to = place(event);
    const [start] = [from];
    from = null;
    if (Math.abs(to[0] - start[0]) > 0.3 && Math.abs(to[1] - start[1]) > 0.3) {
      const values = [Math.min(start[0], to[0]), Math.min(start[1], to[1]), Math.max(start[0], to[0]), Math.max(start[1], to[1])];
      fields(freeRow()).forEach((field, i) => { field.value = values[i].toFixed(2); });
    }
    paint();
  });
  canvas.addEventListener("pointercancel", () => { from = null; paint(); });
  remove.addEventListener("click", () => {
    const last = rows().filter(filled).pop();
    if (last) fields(last).forEach((field) => { field.value = ""; });
    paint();
  });
  body.addEventListener("input", () => paint());
  image.addEventListener("load", () => paint());
  window.addEventListener("resize", () => paint());
  if (image.complete) paint();
})();
