"use strict";
// On top of pages that read without it: search in tables, sort by a column, zoom of the map. Asks nothing of any server.
(() => {
  const words = document.documentElement.dataset;
  const key = (cell) => {
    const text = cell ? cell.textContent.trim() : "";
    const digits = text.replace(/[\s.,\u00a0\u202f]/g, "").replace("\u2212", "-");
    return /^-?\d+$/.test(digits) ? Number(digits) : text === "" ? -Infinity : text.toLowerCase();
  };
  const compare = (a, b) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1);

  for (const table of document.querySelectorAll("table.sort")) {
    const heads = table.tHead ? table.tHead.rows[0].cells : [];
    Array.from(heads).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "descending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = Array.from(body.rows, (row) => [key(row.cells[column]), row]);
        rows.sort((a, b) => compare(a[0], b[0]) * (down ? 1 : -1));
        body.append(...rows.map((pair) => pair[1]));
      });
    });
  }
  for (const table of document.querySelectorAll("table.filter")) {
    if (table.tBodies[0].rows.length < 8) continue;
    const field = document.createElement("input");
    field.type = "search";
    field.className = "search";
    field.placeholder = words.search;
    field.setAttribute("aria-label", words.search);
    table.parentElement.before(field);
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
    });
  }
  const sections = document.querySelectorAll("section.s");
  if (sections.length > 7) {
    const field = document.createElement("input");
    field.type = "search";
    field.className = "search";
    field.placeholder = words.search;
    field.setAttribute("aria-label", words.search);
    sections[0].before(field);
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      for (const section of sections) section.hidden = !section.firstElementChild.textContent.toLowerCase().includes(wanted);
    });
  }
  for (const figure of document.querySelectorAll("figure.map")) {
    const svg = figure.querySelector("svg");
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    let [x, y, w] = [0, 0, width];
    const show = () => {
      const h = (w * height) / width;
      x = Math.max(0, Math.min(width - w, x));
      y = Math.max(0, Math.min(height - h, y));
      svg.setAttribute("viewBox", [x, y, w, h].map((value) => value.toFixed(1)).join(" "));
    };
    const zoom = (factor, cx, cy) => {
      const next = Math.max(width / 40, Math.min(width, w * factor));
      x += (w - next) * cx;
      y += ((w - next) * height * cy) / width;
      w = next;
      show();
    };
    const bar = document.createElement("p");
    bar.className = "zoom";
    for (const [sign, name, factor] of [["+", words.zoomIn, 0.6], ["\u2212", words.zoomOut, 1 / 0.6]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = sign;
      button.setAttribute("aria-label", name);
      button.addEventListener("click", () => zoom(factor, 0.5, 0.5));
      bar.append(button);
    }
    figure.prepend(bar);
    svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      const box = svg.getBoundingClientRect();
      zoom(event.deltaY < 0 ? 0.8 : 1.25, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    }, { passive: false });
    let from = null;
    svg.addEventListener("pointerdown", (event) => { from = w < width ? [event.clientX, event.clientY, x, y] : null; });
    svg.addEventListener("pointermove", (event) => {
      if (!from) return;
      const scale = w / svg.getBoundingClientRect().width;
      [x, y] = [from[2] - (event.clientX - from[0]) * scale, from[3] - (event.clientY - from[1]) * scale];
      show();
    });
    for (const name of ["pointerup", "pointerleave", "pointercancel"]) svg.addEventListener(name, () => { from = null; });
  }
})();
