// Typing: one key for each state, Enter for the next box, grouped digits, autosave. The form works without all of it.
"use strict";
(() => {
  const form = document.querySelector("[data-reading]");
  if (!form) return;
  const boxes = [...form.querySelectorAll("[data-box]")];
  const input = (box) => box.querySelector("input");
  const state = (box) => box.querySelector("select");
  const note = form.querySelector("[data-lost]");
  const states = { KeyE: "empty", Minus: "struck", NumpadSubtract: "struck", KeyW: "word", KeyI: "illegible", KeyA: "absent" };
  const NARROW = "\u202f";

  form.querySelector("[data-keys]").hidden = false;

  // 1234567 -> 1 234 567, in whatever digits it was typed; anything else stays as it is.
  function group(text) {
    const plain = text.replaceAll(NARROW, "");
    return /^\p{Nd}{4,12}$/u.test(plain) ? plain.replace(/\p{Nd}(?=(\p{Nd}{3})+$)/gu, `$&${NARROW}`) : text;
  }

  function choose(box, value) {
    state(box).value = value;
    if (value !== "number") input(box).value = "";
    box.classList.toggle("stated", value !== "number");
    later();
  }

  function go(index) {
    if (index < 0) return;
    if (index >= boxes.length) {
      form.requestSubmit();
      return;
    }
    input(boxes[index]).focus();
    input(boxes[index]).select();
  }

  boxes.forEach((box, index) => {
    input(box).value = group(input(box).value);
    input(box).addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      const chosen = states[event.code];
      if (chosen) {
        choose(box, chosen);
        if (index + 1 < boxes.length) go(index + 1);
      } else if (event.key === "Enter" || event.key === "ArrowDown") {
        if (event.key === "ArrowDown" && index + 1 === boxes.length) return;
        go(index + 1);
      } else if (event.key === "ArrowUp") go(index - 1);
      else return;
      event.preventDefault();
    });
    input(box).addEventListener("focus", () => { input(box).value = input(box).value.replaceAll(NARROW, ""); });
    input(box).addEventListener("blur", () => { input(box).value = group(input(box).value); });
    input(box).addEventListener("input", () => {
      if (input(box).value) state(box).value = "number";
      later();
    });
    state(box).addEventListener("change", () => choose(box, state(box).value));
  });

  // Boxes of an open question are marked, and the first is in hand.
  const asked = new Set([...form.querySelectorAll("[data-fields]")].flatMap((q) => q.dataset.fields.split(" ")));
  boxes.filter((box) => asked.has(box.dataset.box)).forEach((box) => box.classList.add("asked"));
  form.querySelector(".questions input")?.focus();

  let timer = 0;
  let sent = "";
  function body() {
    const data = new FormData(form);
    data.delete("answered");
    return new URLSearchParams([...data]);
  }
  async function save() {
    const now = body().toString();
    try {
      const answer = await fetch(form.dataset.draft, { method: "POST", body: body(), credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      sent = now;
      note.textContent = note.dataset.saved;
    } catch {
      note.textContent = note.dataset.lost;
    }
  }
  function later() {
    clearTimeout(timer);
    timer = setTimeout(save, 1500);
  }
  // The task stays with whoever looks at it.
  setInterval(() => { if (!document.hidden) save(); }, 240000);
  addEventListener("pagehide", () => {
    if (sent !== body().toString() && !form.dataset.done) navigator.sendBeacon(form.dataset.draft, body());
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    form.dataset.done = "yes";
    for (const box of boxes) input(box).value = input(box).value.replaceAll(NARROW, "");
  });
})();
