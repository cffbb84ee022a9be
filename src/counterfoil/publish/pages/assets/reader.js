"use strict";
// Recomputes, from the text on this page alone, the sums of its tables and one inclusion proof (RFC 9162, 2.1.3.2).
// SHA-256 (FIPS 180-4) is written out: browsers offer theirs only to pages that came over https, not to a file.
(() => {
  const K = [], H = [];
  // First 32 bits of the fractional parts of the cube and square roots of the first primes. The roots are found with
  // integers (BigInt), since a float has too few digits for some of them.
  const root = (n, k) => {
    const target = BigInt(n) << BigInt(32 * k);
    let low = 0n, high = 1n << 40n;
    while (low < high) {
      const middle = (low + high + 1n) >> 1n;
      if (middle ** BigInt(k) <= target) low = middle; else high = middle - 1n;
    }
    return Number(low & 0xffffffffn);
  };
  for (let n = 2; K.length < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) prime = false;
    if (!prime) continue;
    if (H.length < 8) H.push(root(n, 2));
    K.push(root(n, 3));
  }

  const sha256 = (bytes) => {
    const size = bytes.length, blocks = Math.ceil((size + 9) / 64);
    const padded = new Uint8Array(blocks * 64);
    padded.set(bytes);
    padded[size] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - 8, Math.floor(size / 0x20000000));
    view.setUint32(padded.length - 4, (size << 3) >>> 0);
    const state = H.slice(), w = new Uint32Array(64);
    const turn = (x, n) => (x >>> n) | (x << (32 - n));
    for (let at = 0; at < padded.length; at += 64) {
      for (let i = 0; i < 16; i++) w[i] = view.getUint32(at + 4 * i);
      for (let i = 16; i < 64; i++) {
        const s0 = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ (w[i - 15] >>> 3);
        const s1 = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ (w[i - 2] >>> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
      }
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < 64; i++) {
        const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
        const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
        const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
        const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
      }
      [a, b, c, d, e, f, g, h].forEach((x, i) => { state[i] = (state[i] + x) | 0; });
    }
    const out = new Uint8Array(32);
    state.forEach((x, i) => new DataView(out.buffer).setUint32(4 * i, x));
    return out;
  };
  const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  const unhex = (text) => Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
  const join = (prefix, ...parts) => {
    const whole = new Uint8Array(1 + parts.reduce((n, p) => n + p.length, 0));
    whole[0] = prefix;
    let at = 1;
    for (const part of parts) { whole.set(part, at); at += part.length; }
    return sha256(whole);
  };

  const included = (entry, index, size, path, expected) => {
    if (!(index < size)) return false;
    let fn = index, sn = size - 1, r = join(0, entry);
    for (const p of path) {
      if (sn === 0) return false;
      if (fn % 2 === 1 || fn === sn) {
        r = join(1, p, r);
        while (fn % 2 === 0 && fn !== 0) { fn = Math.floor(fn / 2); sn = Math.floor(sn / 2); }
      } else {
        r = join(1, r, p);
      }
      fn = Math.floor(fn / 2);
      sn = Math.floor(sn / 2);
    }
    return sn === 0 && hex(r) === expected;
  };

  const show = (element, ok) => {
    if (!element) return;
    element.textContent = ok ? element.dataset.ok : element.dataset.bad;
    element.classList.add(ok ? "ok" : "bad");
  };
  const number = (cell) => {
    const digits = cell.textContent.replace(/[^0-9]/g, "");
    return digits === "" ? 0 : Number(digits) * (/[-\u2212]/.test(cell.textContent) ? -1 : 1);
  };

  for (const table of document.querySelectorAll("table.recount")) {
    const published = table.querySelector(".sums tr");
    if (!published) continue;
    const sums = [];
    for (const row of table.querySelectorAll(".rows tr")) {
      for (let i = 2; i < row.cells.length; i++) sums[i] = (sums[i] || 0) + number(row.cells[i]);
    }
    let ok = true;
    for (let i = 2; i < published.cells.length; i++) ok = ok && number(published.cells[i]) === (sums[i] || 0);
    show(table.closest("section").querySelector(".result"), ok);
  }
  const entry = document.getElementById("__entry"), top = document.getElementById("__root");
  if (entry) {
    const path = Array.from(document.querySelectorAll("#__path code"), (item) => unhex(item.textContent));
    const bytes = new TextEncoder().encode(entry.textContent);
    const same = document.querySelector("pre.checkpoint").textContent.split("\n")[2].trim();
    const again = btoa(String.fromCharCode(...unhex(top.textContent)));
    const ok = included(bytes, Number(entry.dataset.index), Number(top.dataset.size), path, top.textContent.trim());
    show(document.getElementById("__proof"), ok && same === again);
  }
})();
