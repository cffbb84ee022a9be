// What scripts add to the sending pages: photos are made small in the page, wait sealed on this phone, and go on where
// the network broke off. Without scripts, or where the browser cannot do it, the form is sent as it is.
"use strict";

(() => {
  const form = document.getElementById("send-form");
  const list = document.getElementById("queue");
  const texts = document.getElementById("send-texts");
  if (!form || !list || !texts) return;
  if (!("indexedDB" in window) || !("locks" in navigator) || !window.crypto || !crypto.subtle) return;
  const say = (name) => texts.dataset[name] || "";
  const SIDES = { full: [2000, 0.85], small: [1200, 0.7] };
  const status = document.getElementById("queue-status");
  let timer = 0;

  const card = document.getElementById("queue-card");
  const offline = form.dataset.station === undefined; // the queue page, where no station is known
  card.hidden = !offline;
  document.querySelectorAll("[data-needs-script]").forEach((element) => { element.hidden = false; });

  // A smaller JPEG, drawn anew: nothing of the file but its pixels. What this browser cannot open is sent as it is.
  async function reduced(file) {
    const [side, quality] = form.elements.small && form.elements.small.checked ? SIDES.small : SIDES.full;
    try {
      const image = await createImageBitmap(file, { imageOrientation: "from-image" });
      const scale = Math.min(1, side / Math.max(image.width, image.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(image.width * scale));
      canvas.height = Math.max(1, Math.round(image.height * scale));
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      image.close();
      const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
      if (!blob) throw new Error("no picture");
      return new Uint8Array(await blob.arrayBuffer());
    } catch {
      return new Uint8Array(await file.arrayBuffer());
    }
  }

  function said(page, group) {
    const value = (name) => (form.elements[name] ? form.elements[name].value.trim() : "");
    const ticked = (name) => (form.elements[name] && form.elements[name].checked ? "on" : "");
    return {
      station: offline ? value("station") : form.dataset.station,
      typed: offline ? "on" : "",
      contest: value("contest"),
      kind: value("kind"),
      code: value("code"),
      page: String(page),
      differs: ticked("differs"),
      receipt: ticked("receipt") ? "new" : "",
      group,
    };
  }

  function row(id) {
    let found = document.getElementById(`item-${id}`);
    if (!found) {
      found = document.createElement("li");
      found.id = `item-${id}`;
      found.dataset.state = "waiting";
      const text = document.createElement("span");
      text.className = "text";
      const bar = document.createElement("progress");
      bar.setAttribute("aria-label", say("photo"));
      bar.max = 1;
      bar.value = 0;
      found.append(text, bar);
      found.dataset.number = String(list.children.length + 1);
      list.append(found);
      card.hidden = false;
    }
    return found;
  }

  function show(id, state, sentence = "", share = 0) {
    const found = row(id);
    found.dataset.state = state;
    found.className = state === "received" ? "good" : state === "refused" ? "error" : "";
    found.querySelector(".text").textContent = `${say("photo")} ${found.dataset.number}: ${sentence || say(state)}`;
    const bar = found.querySelector("progress");
    bar.value = state === "received" ? 1 : share;
    bar.hidden = state === "refused" || state === "received";
    if (state === "refused" && !found.querySelector("button")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = say("remove");
      button.addEventListener("click", async () => { await CounterfoilQueue.remove(id); found.remove(); });
      found.append(button);
    }
  }

  function progress(id, done, all, state = "sending", sentence = "") {
    show(id, state, sentence, all ? done / all : 0);
  }

  async function receipts() {
    const place = document.getElementById("receipts");
    place.replaceChildren();
    for (const one of await CounterfoilQueue.receipts()) {
      const shown = document.getElementById("receipt-card").content.cloneNode(true);
      shown.querySelector(".receipt").textContent = one.words;
      const paper = shown.querySelector(".card");
      shown.querySelector("button").addEventListener("click", async () => {
        await CounterfoilQueue.remove(one.id);
        paper.remove();
      });
      card.hidden = false;
      place.append(shown);
    }
  }

  async function send() {
    clearTimeout(timer);
    if (!(await CounterfoilQueue.exists())) return;
    const found = await CounterfoilQueue.items();
    const waiting = found.filter((item) => item.state === "waiting");
    for (const item of waiting) show(item.id, "waiting");
    if (!waiting.length) { // the browser may have sent what waited before this page was opened
      if (!status.textContent && !found.some((item) => item.state === "refused")) status.textContent = say("done");
      return;
    }
    if (!navigator.onLine) {
      status.textContent = say("offline");
      return;
    }
    status.textContent = say("sending");
    const again = await CounterfoilQueue.sendAll(progress);
    await receipts();
    const kept = await CounterfoilQueue.items();
    const left = kept.filter((item) => item.state === "waiting");
    const refused = kept.some((item) => item.state === "refused");
    status.textContent = say(left.length ? "later" : refused ? "some" : "done");
    document.getElementById("queue-after").hidden = left.length > 0 || refused;
    if (again && left.length) timer = setTimeout(send, again * 1000);
  }

  // Lets the page open without a network, and photos go when this page is closed. Asked for only when something is sent
  // from the queue page or a network is missing: who only sends a photo gets nothing installed.
  async function keep() {
    if (!("serviceWorker" in navigator)) return;
    await navigator.serviceWorker.register("/send/sw.js", { scope: "/send/" });
    const ready = await navigator.serviceWorker.ready;
    if ("sync" in ready) await ready.sync.register("counterfoil-send").catch(() => {});
  }

  form.addEventListener("submit", async (event) => {
    const inputs = [...form.querySelectorAll("input[type=file]")];
    const chosen = inputs.flatMap((input) => [...input.files].map((file) => [Number(input.dataset.page) || 1, file]));
    if (!chosen.length) return; // the server says so
    event.preventDefault();
    const group = crypto.randomUUID();
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    try {
      for (const [page, file] of chosen) {
        const id = await CounterfoilQueue.add(said(page, group), await reduced(file));
        show(id, "waiting");
      }
    } catch {
      button.disabled = false;
      if (form.elements.token) form.submit(); // this browser keeps nothing: send the form as it is
      else status.textContent = say("broken");
      return;
    }
    for (const input of inputs) input.value = "";
    button.disabled = false;
    card.scrollIntoView();
    if (offline || !navigator.onLine) await keep().catch(() => {});
    await send();
  });

  const forget = document.getElementById("forget");
  if (forget) {
    forget.addEventListener("click", async () => {
      await CounterfoilQueue.forget();
      list.replaceChildren();
      document.getElementById("receipts").replaceChildren();
      form.reset();
      status.textContent = say("forgotten");
    });
  }
  const keeper = document.getElementById("keep");
  if (keeper) {
    keeper.addEventListener("click", async () => {
      await keep();
      status.textContent = say("kept");
    });
  }

  window.addEventListener("online", send);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) resume(); });

  async function resume() {
    if (!(await CounterfoilQueue.exists())) return;
    for (const item of await CounterfoilQueue.items()) {
      if (item.state === "refused") show(item.id, "refused", item.sentence);
    }
    await receipts();
    await send();
  }
  resume();
})();
