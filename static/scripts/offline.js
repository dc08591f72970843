// Keeps the page, so that it opens without a network. `cargo xtask build` fills in the version and the list of files.
//
// One version is kept whole and served whole, so that modules of different versions never meet; a newer one is fetched beside it
// and put in its place when the page is opened the next time (boot.js says so).
const VERSION = "none";
const FILES = [];
const NAME = `packetwalk-${VERSION}`;

self.addEventListener("install", (event) => {
  // Past the browser's own cache, which may hold files of another version.
  const requests = FILES.map((it) => new Request(it, { cache: "no-cache" }));
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(requests)));
});

self.addEventListener("activate", (event) => {
  const clean = async () => {
    const older = (await caches.keys()).filter((name) => name.startsWith("packetwalk-") && name !== NAME);
    for (const name of older) {
      await caches.delete(name);
    }
    // The page that brought the first worker is of the same version, and may be answered at once.
    if (older.length === 0) {
      await self.clients.claim();
    }
  };
  event.waitUntil(clean());
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") {
    event.waitUntil(self.skipWaiting());
  }
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) {
    return;
  }
  const isPage = event.request.mode === "navigate" && url.pathname === new URL("./", self.location).pathname;
  const name = isPage ? new URL("./index.html", self.location).href : url.href;
  const answer = async () => {
    if (url.pathname === new URL("./picture.svg", self.location).pathname) {
      // What pixels.js laid there.
      return (await caches.match(name, { ignoreSearch: true })) ?? Response.error();
    }
    const cache = await caches.open(NAME);
    return (await cache.match(name, { ignoreSearch: true })) ?? fetch(event.request);
  };
  event.respondWith(answer());
});
