// The queue of photos on this phone: sealed with a key that cannot leave the browser, sent when there is a network.
// Used by the pages and by the service worker. Speaks tus 1.0.0 (creation, HEAD, PATCH) with /send/tus/.
//
// What lies in the browser's storage: for each photo random bytes (AES-GCM over what was said about it and the photo
// together), a state and the address of its upload. No station, no time and no name can be read there without the key,
// and the key cannot be taken out of the browser. Everything of a photo is deleted when it is received.
"use strict";

const CounterfoilQueue = (() => {
  const DATABASE = "counterfoil-send";
  const LOCK = "counterfoil-send";
  const CHUNK = 256 * 1024;
  const TUS = { "Tus-Resumable": "1.0.0" };

  function request(asked) {
    return new Promise((resolve, reject) => {
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
  }

  function finished(transaction) {
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }

  async function within(stores, mode, doing) {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => {
      opening.result.createObjectStore("keys");
      opening.result.createObjectStore("items", { keyPath: "id" });
    };
    const database = await request(opening);
    try {
      const transaction = database.transaction(stores, mode);
      const done = finished(transaction);
      const result = await doing(transaction);
      await done;
      return result;
    } finally {
      database.close();
    }
  }

  async function key() {
    const kept = await within(["keys"], "readonly", (t) => request(t.objectStore("keys").get("key")));
    if (kept) return kept;
    const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    return within(["keys"], "readwrite", async (t) => {
      const other = await request(t.objectStore("keys").get("key")); // another page was first
      if (other) return other;
      await request(t.objectStore("keys").put(made, "key"));
      return made;
    });
  }

  async function seal(said, photo) {
    const head = new TextEncoder().encode(JSON.stringify(said));
    const plain = new Uint8Array(4 + head.length + photo.length);
    new DataView(plain.buffer).setUint32(0, head.length);
    plain.set(head, 4);
    plain.set(photo, 4 + head.length);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await key(), plain);
    return { iv, sealed };
  }

  async function open(item) {
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: item.iv }, await key(), item.sealed);
    const length = new DataView(plain).getUint32(0);
    const said = JSON.parse(new TextDecoder().decode(new Uint8Array(plain, 4, length)));
    return { said, photo: new Uint8Array(plain, 4 + length) };
  }

  function put(item) {
    return within(["items"], "readwrite", (t) => request(t.objectStore("items").put(item)));
  }

  function remove(id) {
    return within(["items"], "readwrite", (t) => request(t.objectStore("items").delete(id)));
  }

  function items() {
    return within(["items"], "readonly", (t) => request(t.objectStore("items").getAll()));
  }

  async function add(said, photo) {
    const item = { id: crypto.randomUUID(), state: "waiting", where: "", code: "", ...(await seal(said, photo)) };
    await put(item);
    return item.id;
  }

  async function exists() {
    if (!("indexedDB" in self) || !("crypto" in self) || !crypto.subtle) return false;
    if (!indexedDB.databases) return true;
    return (await indexedDB.databases()).some((one) => one.name === DATABASE);
  }

  function encoded(said) {
    const pairs = Object.entries(said).filter(([name, value]) => value !== "" && name !== "group");
    return pairs.map(([name, value]) => {
      const bytes = new TextEncoder().encode(value);
      return `${name} ${btoa(String.fromCharCode(...bytes))}`;
    }).join(",");
  }

  class Later extends Error {
    constructor(seconds) {
      super("later");
      this.seconds = seconds;
    }
  }

  async function create(said, length) {
    const answer = await fetch("/send/tus/", {
      method: "POST",
      headers: { ...TUS, "Upload-Length": String(length), "Upload-Metadata": encoded(said) },
      credentials: "omit",
    });
    if (answer.status !== 201) throw new Later(Number(answer.headers.get("Retry-After")) || 30);
    return new URL(answer.headers.get("Location"), location.href).pathname;
  }

  async function standing(where, length) {
    if (!where) return null;
    const answer = await fetch(where, { method: "HEAD", headers: TUS, credentials: "omit" });
    if (answer.status !== 200) return null;
    return { offset: Number(answer.headers.get("Upload-Offset")), answer, done: answer.headers.has("Counterfoil-Received") };
  }

  // Sends one photo to its end. Gives {received, words} or {refused, code, sentence}; throws Later or a network error.
  async function send(item, said, photo, progress) {
    let at = await standing(item.where, photo.length);
    if (at === null) {
      item.where = await create(said, photo.length);
      await put(item);
      at = { offset: 0, done: false };
    }
    if (at.done) return { received: true, words: at.answer.headers.get("Counterfoil-Receipt") || "" };
    let offset = at.offset;
    for (;;) {
      progress(item.id, offset, photo.length);
      const answer = await fetch(item.where, {
        method: "PATCH",
        headers: { ...TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(offset) },
        body: photo.slice(offset, offset + CHUNK),
        credentials: "omit",
      });
      if (answer.status === 204) {
        if (answer.headers.has("Counterfoil-Received")) {
          return { received: true, words: answer.headers.get("Counterfoil-Receipt") || "" };
        }
        offset = Number(answer.headers.get("Upload-Offset"));
      } else if (answer.status === 422) {
        return { refused: true, ...(await answer.json()) };
      } else if (answer.status === 409) {
        at = await standing(item.where, photo.length);
        if (at === null) throw new Later(1);
        offset = at.offset;
      } else if (answer.headers.has("Counterfoil-Puzzle")) {
        progress(item.id, 0, photo.length, "working");
        said.work = await solve(answer.headers.get("Counterfoil-Puzzle"));
        item.where = await create(said, photo.length);
        await put(item);
        offset = 0;
      } else {
        throw new Later(Number(answer.headers.get("Retry-After")) || 10);
      }
    }
  }

  // A number whose hash with the puzzle begins with enough zero bits.
  async function solve(header) {
    const [puzzle, bits] = header.split(" ");
    const encoder = new TextEncoder();
    for (let number = 0; ; number += 64) {
      const tried = Array.from({ length: 64 }, (_, i) => number + i);
      const digests = await Promise.all(
        tried.map((one) => crypto.subtle.digest("SHA-256", encoder.encode(`${puzzle}:${one}`))));
      for (let i = 0; i < 64; i += 1) {
        if (new DataView(digests[i]).getUint32(0) >>> (32 - Number(bits)) === 0) return `${puzzle}:${tried[i]}`;
      }
    }
  }

  // Everything that waits, one after the other. Gives the seconds after which to try again; 0: nothing waits.
  async function sendAll(progress = () => {}) {
    if (!(await exists())) return 0; // looking would make it again, after somebody forgot everything
    return navigator.locks.request(LOCK, async () => { // waits while the service worker, or another page, is at it
      const words = {};
      let again = 0;
      for (const item of await items()) {
        if (item.state === "sent") {
          const { said } = await open(item);
          words[said.group] = said.words;
        }
      }
      for (const item of await items()) {
        if (item.state !== "waiting") continue;
        const { said, photo } = await open(item);
        if (said.receipt && words[said.group]) said.receipt = words[said.group];
        try {
          const done = await send(item, said, photo, progress);
          if (done.received) {
            if (done.words && !words[said.group]) {
              words[said.group] = done.words;
              await put({ id: item.id, state: "sent", where: "", code: "", ...(await seal({ group: said.group, words: done.words }, new Uint8Array())) });
            } else {
              await remove(item.id);
            }
            progress(item.id, photo.length, photo.length, "received");
          } else {
            await put({ ...item, state: "refused", code: done.code, sentence: done.sentence });
            progress(item.id, 0, photo.length, "refused", done.sentence);
          }
        } catch (error) {
          again = Math.max(again, error instanceof Later ? error.seconds : 15);
          progress(item.id, 0, photo.length, "waiting");
        }
      }
      return again;
    });
  }

  async function receipts() {
    const found = [];
    for (const item of await items()) {
      if (item.state === "sent") found.push({ id: item.id, words: (await open(item)).said.words });
    }
    return found;
  }

  // Queue, key, kept pages and the service worker: nothing of this site stays but the browser's own history.
  async function forget() {
    await new Promise((resolve) => {
      const gone = indexedDB.deleteDatabase(DATABASE);
      gone.onsuccess = gone.onerror = gone.onblocked = () => resolve();
    });
    if ("caches" in self) for (const name of await caches.keys()) await caches.delete(name);
    if (navigator.serviceWorker) {
      for (const one of await navigator.serviceWorker.getRegistrations()) await one.unregister();
    }
  }

  return { add, exists, forget, items, receipts, remove, sendAll };
})();
