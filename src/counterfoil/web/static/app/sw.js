// The service worker of the sending pages. VERSION and SHELL stand before this, written by the server.
//
// It keeps one page, "/send/queue/", with its scripts and style: never a page that tells which station somebody opened.
// It answers from there only when there is no network. It sends what waits when the browser says that a network is back.
"use strict";

importScripts("/static/app/send-queue.js");

const CACHE = `counterfoil-send-${VERSION}`;
const QUEUE = "/send/queue/";

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(SHELL.map((path) => new Request(path, { cache: "reload", credentials: "omit" })));
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const asked = event.request;
  const path = new URL(asked.url).pathname;
  if (asked.method !== "GET" || new URL(asked.url).origin !== location.origin) return;
  if (asked.mode === "navigate") {
    event.respondWith(fetch(asked).catch(async () => (await caches.match(QUEUE)) || Response.error()));
  } else if (SHELL.includes(path)) {
    event.respondWith(fetch(asked).catch(async () => (await caches.match(path)) || Response.error()));
  }
});

self.addEventListener("sync", (event) => {
  if (event.tag !== "counterfoil-send") return;
  event.waitUntil((async () => {
    const again = await CounterfoilQueue.sendAll();
    if (again) throw new Error("later"); // the browser asks again
  })());
});
