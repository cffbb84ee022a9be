// Draws boxes, covered areas, codes and the edge of the sheet on the pictures of a layout, and writes the same text that
// the page sends without a script. Lines are looked for in the picture itself, here in the browser.
"use strict";
(() => {
  const tools = document.getElementById("layout");
  const form = document.getElementById("save");
  const given = document.getElementById("layout-data");
  const figures = [...document.querySelectorAll("figure.layout[data-number]")];
  if (!tools || !form || !given || !figures.length) return;
  const { plain, labels } = JSON.parse(given.textContent);
  const say = tools.dataset;
  const text = document.getElementById("template");
  const NS = "http://www.w3.org/2000/svg";
  const SIDES = 4;

  // --- the tools ---------------------------------------------------------------------------------------------------
  const make = (name, texts, attributes) => Object.assign(document.createElement(name), texts, attributes);
  const choice = (label, entries) => {
    const box = make("select");
    for (const [value, shown] of entries) box.append(make("option", { value, textContent: shown }));
    return [labelled(label, box), box];
  };
  const labelled = (label, box) => {
    const around = make("label", { textContent: label });
    around.append(document.createElement("br"), box);
    return around;
  };
  const button = (label, quiet, action) => {
    const made = make("button", { type: "button", textContent: label, className: quiet ? "quiet" : "" });
    made.addEventListener("click", action);
    return made;
  };
  const [kindLabel, kind] = choice(say.draw, [["none", say.none], ["field", say.field], ["mask", say.mask], ["code", say.code], ["sheet", say.sheet]]);
  const [nextLabel, next] = choice(say.next, []);
  const rows = make("input", { type: "number", min: 1, max: 60, value: 1 });
  const boxes = make("input", { type: "number", min: 0, max: 12, value: 0 });
  const note = make("p"); // its line is there from the start: nothing under a pointer may shift
  note.setAttribute("role", "status");
  const rowsLabel = labelled(say.rows, rows);
  tools.append(kindLabel, nextLabel, rowsLabel, labelled(say.boxes, boxes), button(say.snap, true, () => snapChosen()), button(say.remove, true, () => remove()), button(say.save, false, () => form.requestSubmit()), make("p", { textContent: say.help }), note);
  tools.hidden = false;

  // --- the layout --------------------------------------------------------------------------------------------------
  let chosen = null; // { page, kind, key }
  let changed = false;
  const fieldOf = (id) => plain.fields.find((one) => one.id === id);
  const homeOf = (id) => plain.pages.findIndex((page) => page.places && page.places[id]);
  const cornersOf = (one) => {
    const page = plain.pages[one.page];
    if (one.kind === "field") return page.places[one.key];
    if (one.kind === "mask") return page.masks[one.key];
    if (one.kind === "code") return page.codes[one.key].outline;
    return page.outline;
  };
  const put = (one, corners) => {
    const page = plain.pages[one.page];
    const width = page.picture.width;
    const height = page.picture.height;
    const inside = corners.map(([x, y]) => [Math.round(Math.min(width, Math.max(0, x))), Math.round(Math.min(height, Math.max(0, y)))]);
    if (one.kind === "field") (page.places ??= {})[one.key] = inside;
    else if (one.kind === "mask") (page.masks ??= [])[one.key] = inside;
    else if (one.kind === "code") page.codes[one.key].outline = inside;
    else page.outline = inside;
    touched();
  };
  const remove = () => {
    if (!chosen) { note.textContent = say.nothing; return; }
    const page = plain.pages[chosen.page];
    if (chosen.kind === "field") delete page.places[chosen.key];
    else if (chosen.kind === "mask") page.masks.splice(chosen.key, 1);
    else if (chosen.kind === "code") page.codes.splice(chosen.key, 1);
    else delete page.outline;
    chosen = null;
    touched();
    paint();
  };
  const touched = () => {
    changed = true;
    note.textContent = say.changed;
    text.value = JSON.stringify(plain);
  };
  const listNext = (want) => {
    const keep = want ?? next.value;
    next.replaceChildren(...plain.fields.map((one) => make("option", { value: one.id, textContent: `${labels[one.id] ?? one.id}${homeOf(one.id) >= 0 ? ` (${say.placed})` : ""}` })));
    if (plain.fields.some((one) => one.id === keep)) next.value = keep;
    boxes.value = fieldOf(next.value)?.boxes ?? 0;
  };
  const firstFree = (after) => {
    const order = plain.fields.map((one) => one.id);
    const from = order.indexOf(after) + 1;
    return [...order.slice(from), ...order.slice(0, from)].find((id) => homeOf(id) < 0);
  };

  // --- drawing -----------------------------------------------------------------------------------------------------
  const element = (name, attributes) => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const shapesOf = (number) => {
    const page = plain.pages[number];
    const found = [];
    if (page.outline) found.push({ page: number, kind: "sheet", key: 0 });
    (page.masks ?? []).forEach((_, key) => found.push({ page: number, kind: "mask", key }));
    (page.codes ?? []).forEach((code, key) => { if (code.outline) found.push({ page: number, kind: "code", key }); });
    for (const key of Object.keys(page.places ?? {})) found.push({ page: number, kind: "field", key });
    return found;
  };
  const same = (a, b) => a && b && a.page === b.page && a.kind === b.kind && a.key === b.key;
  const unitOf = (number) => Math.max(8, Math.floor(Math.max(plain.pages[number].picture.width, plain.pages[number].picture.height) / 50));
  const paint = () => figures.forEach(paintPage);
  const paintPage = (figure) => {
    const number = Number(figure.dataset.number);
    const layer = figure.querySelector("g");
    const unit = unitOf(number);
    layer.replaceChildren();
    for (const one of shapesOf(number)) {
      const corners = cornersOf(one);
      const drawn = element("polygon", { points: corners.map((c) => c.join()).join(" "), class: one.kind + (same(one, chosen) ? " chosen" : "") });
      drawn.addEventListener("pointerdown", (event) => { if (kind.value === "none") { event.stopPropagation(); choose(one); } });
      layer.append(drawn);
      const name = one.kind === "field" ? one.key : one.kind === "code" ? plain.pages[number].codes[one.key].kind : "";
      if (name) {
        const letters = element("text", { x: corners[0][0], y: corners[0][1], "font-size": unit, class: one.kind });
        letters.textContent = name;
        layer.append(letters);
      }
    }
    if (chosen && chosen.page === number) {
      cornersOf(chosen).forEach(([x, y], at) => {
        const handle = element("circle", { cx: x, cy: y, r: unit * 0.6 });
        drag(handle, figure, (point) => {
          const corners = cornersOf(chosen).map((corner, i) => (i === at ? point : corner));
          put(chosen, corners);
        });
        layer.append(handle);
      });
    }
  };
  const choose = (one) => {
    chosen = one;
    if (one && one.kind === "field") {
      listNext(one.key);
    }
    paint();
  };
  const pointIn = (figure, event) => {
    const svg = figure.querySelector("svg");
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [at.x, at.y];
  };
  const drag = (handle, figure, moved) => {
    handle.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      event.preventDefault();
      const svg = figure.querySelector("svg");
      svg.setPointerCapture(event.pointerId);
      const move = (now) => { moved(pointIn(figure, now)); paintPage(figure); };
      const end = () => {
        svg.removeEventListener("pointermove", move);
        svg.removeEventListener("pointerup", end);
        svg.removeEventListener("pointercancel", end);
      };
      svg.addEventListener("pointermove", move);
      svg.addEventListener("pointerup", end);
      svg.addEventListener("pointercancel", end);
    });
  };
  const rectangle = (a, b) => {
    const [left, right] = [Math.min(a[0], b[0]), Math.max(a[0], b[0])];
    const [top, bottom] = [Math.min(a[1], b[1]), Math.max(a[1], b[1])];
    return [[left, top], [right, top], [right, bottom], [left, bottom]];
  };
  const between = (a, b, part) => [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];

  const drawn = (figure, corners) => {
    const number = Number(figure.dataset.number);
    if (kind.value === "field") {
      const count = Math.max(1, Math.min(60, Number(rows.value) || 1));
      let id = next.value;
      for (let row = 0; row < count && id; row += 1) {
        const part = [
          between(corners[0], corners[3], row / count), between(corners[1], corners[2], row / count),
          between(corners[1], corners[2], (row + 1) / count), between(corners[0], corners[3], (row + 1) / count),
        ];
        plain.pages.forEach((page, other) => { if (page.places && (page.page ?? 1) !== (plain.pages[number].page ?? 1) && other !== number) delete page.places[id]; });
        const one = { page: number, kind: "field", key: id };
        const wanted = Number(boxes.value);
        if (wanted > 0) fieldOf(id).boxes = wanted; else delete fieldOf(id).boxes;
        put(one, snapped(number, part));
        chosen = one;
        id = firstFree(id);
      }
      const amount = boxes.value;
      listNext(id ?? next.value);
      boxes.value = amount;
    } else if (kind.value === "mask") {
      const masks = (plain.pages[number].masks ??= []);
      put((chosen = { page: number, kind: "mask", key: masks.length }), corners);
    } else if (kind.value === "code") {
      const codes = (plain.pages[number].codes ??= []);
      codes.push({ kind: "qr", pattern: "[0-9A-Za-z]{1,40}" });
      put((chosen = { page: number, kind: "code", key: codes.length - 1 }), corners);
    } else if (kind.value === "sheet") {
      put((chosen = { page: number, kind: "sheet", key: 0 }), corners);
    }
    paint();
  };

  for (const figure of figures) {
    const svg = figure.querySelector("svg");
    svg.setAttribute("tabindex", "0");
    let from = null;
    let band = null;
    svg.addEventListener("pointerdown", (event) => {
      if (kind.value === "none") { choose(null); return; }
      event.preventDefault();
      from = pointIn(figure, event);
      svg.setPointerCapture(event.pointerId);
      band = element("polygon", { class: `${kind.value} chosen` });
      figure.querySelector("g").append(band);
    });
    svg.addEventListener("pointermove", (event) => {
      if (band) band.setAttribute("points", rectangle(from, pointIn(figure, event)).map((c) => c.join()).join(" "));
    });
    svg.addEventListener("pointerup", (event) => {
      if (!band) return;
      band.remove();
      band = null;
      const corners = rectangle(from, pointIn(figure, event));
      if (corners[1][0] - corners[0][0] >= 5 && corners[2][1] - corners[1][1] >= 5) drawn(figure, corners);
    });
    svg.addEventListener("pointercancel", () => { if (band) band.remove(); band = null; });
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.key === "Delete" && chosen) { event.preventDefault(); remove(); }
      if (!step || !chosen) return;
      event.preventDefault();
      put(chosen, cornersOf(chosen).map(([x, y]) => [x + step[0], y + step[1]]));
      paint();
    });
  }

  // --- printed lines -----------------------------------------------------------------------------------------------
  // Each side is moved, at both ends on its own, to where the picture is darkest along it, if it is clearly darker there
  // than beside it. A side without a line stays.
  const pixels = new Map();
  const greyOf = (number) => {
    if (pixels.has(number)) return pixels.get(number);
    const source = figures.find((one) => Number(one.dataset.number) === number).querySelector("image");
    const picture = plain.pages[number].picture;
    const canvas = make("canvas");
    canvas.width = picture.width;
    canvas.height = picture.height;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const loaded = loadedOf.get(source.getAttribute("href"));
    if (!loaded || !loaded.complete || !loaded.naturalWidth) return null;
    pen.drawImage(loaded, 0, 0, picture.width, picture.height);
    const data = pen.getImageData(0, 0, picture.width, picture.height).data;
    const grey = new Uint8Array(picture.width * picture.height);
    for (let at = 0; at < grey.length; at += 1) grey[at] = (data[4 * at] * 77 + data[4 * at + 1] * 151 + data[4 * at + 2] * 28) >> 8;
    const found = { grey, width: picture.width, height: picture.height };
    pixels.set(number, found);
    return found;
  };
  const loadedOf = new Map();
  for (const figure of figures) {
    const address = figure.querySelector("image").getAttribute("href");
    const loaded = new Image();
    loaded.src = address;
    loadedOf.set(address, loaded);
  }
  const darkness = (seen, a, b) => {
    const count = Math.max(12, Math.min(80, Math.round(Math.hypot(b[0] - a[0], b[1] - a[1]) / 2)));
    let sum = 0;
    for (let at = 0; at <= count; at += 1) {
      const x = Math.round(a[0] + (b[0] - a[0]) * at / count);
      const y = Math.round(a[1] + (b[1] - a[1]) * at / count);
      sum += x < 0 || y < 0 || x >= seen.width || y >= seen.height ? 0 : 255 - seen.grey[y * seen.width + x];
    }
    return sum / (count + 1);
  };
  const sideSnapped = (seen, a, b, reach) => {
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    const away = [-(b[1] - a[1]) / length, (b[0] - a[0]) / length];
    const moved = (point, by) => [point[0] + away[0] * by, point[1] + away[1] * by];
    const tilt = Math.min(reach, Math.max(1, Math.round(length / 30)));
    let best = null;
    let total = 0;
    let tried = 0;
    for (let one = -reach; one <= reach; one += 1) {
      for (let other = Math.max(-reach, one - tilt); other <= Math.min(reach, one + tilt); other += 1) {
        const dark = darkness(seen, moved(a, one), moved(b, other)) - 0.4 * (Math.abs(one) + Math.abs(other)) / reach - 0.5 * Math.abs(one - other);
        total += dark;
        tried += 1;
        if (!best || dark > best.dark) best = { dark, one, other };
      }
    }
    return best.dark > total / tried + 25 ? [moved(a, best.one), moved(b, best.other)] : [a, b];
  };
  const crossing = (a, b, c, d) => {
    const below = (a[0] - b[0]) * (c[1] - d[1]) - (a[1] - b[1]) * (c[0] - d[0]);
    if (Math.abs(below) < 1e-6) return b;
    const one = a[0] * b[1] - a[1] * b[0];
    const other = c[0] * d[1] - c[1] * d[0];
    return [(one * (c[0] - d[0]) - (a[0] - b[0]) * other) / below, (one * (c[1] - d[1]) - (a[1] - b[1]) * other) / below];
  };
  const snapped = (number, corners) => {
    const seen = greyOf(number);
    if (!seen || corners.length !== SIDES) return corners;
    const height = Math.hypot(corners[3][0] - corners[0][0], corners[3][1] - corners[0][1]);
    const reach = Math.max(3, Math.min(25, Math.round(height / 3)));
    const sides = corners.map((corner, at) => sideSnapped(seen, corner, corners[(at + 1) % SIDES], reach));
    return corners.map((_, at) => crossing(...sides[(at + SIDES - 1) % SIDES], ...sides[at]));
  };
  const snapChosen = () => {
    if (!chosen) { note.textContent = say.nothing; return; }
    put(chosen, snapped(chosen.page, cornersOf(chosen)));
    paint();
  };

  // --- together ----------------------------------------------------------------------------------------------------
  const modes = () => {
    figures.forEach((figure) => figure.classList.toggle("drawing", kind.value !== "none"));
    rowsLabel.hidden = nextLabel.hidden = kind.value !== "field" && kind.value !== "none";
  };
  kind.addEventListener("change", modes);
  next.addEventListener("change", () => {
    boxes.value = fieldOf(next.value)?.boxes ?? 0;
    const home = homeOf(next.value);
    if (kind.value === "none" && home >= 0) choose({ page: home, kind: "field", key: next.value });
  });
  boxes.addEventListener("change", () => {
    const one = chosen && chosen.kind === "field" ? fieldOf(chosen.key) : null;
    if (!one) return;
    const wanted = Number(boxes.value);
    if (wanted > 0) one.boxes = wanted; else delete one.boxes;
    touched();
  });
  text.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { changed = false; });
  window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
  const free = plain.fields.map((one) => one.id).find((id) => homeOf(id) < 0);
  listNext(free);
  kind.value = free ? "field" : "none";
  modes();
  paint();
})();
