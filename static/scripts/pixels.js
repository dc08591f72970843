// Makes a PNG of a picture. The page's policy lets no image come from a text (`blob:`, `data:`), only from the page's own place: so the
// text is laid where the service worker finds it (offline.js), asked for as any other file, drawn, and taken away again.
const WIDTH = 2400;
const SHELF = "picture";

async function drawn(svg) {
  if (!navigator.serviceWorker?.controller) {
    throw new Error("no service worker answers for this page");
  }
  const url = new URL("./picture.svg", document.baseURI).href;
  const shelf = await caches.open(SHELF);
  await shelf.put(url, new Response(svg, { headers: { "content-type": "image/svg+xml" } }));
  try {
    const image = new Image();
    image.src = `${url}?${performance.now()}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH;
    canvas.height = Math.round((WIDTH * image.naturalHeight) / image.naturalWidth);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done, failed) => {
      canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("nothing was drawn"))), "image/png");
    });
  } finally {
    await caches.delete(SHELF);
  }
}

/** Has the browser save a picture as pixels. */
export async function save(name, svg) {
  const url = URL.createObjectURL(await drawn(svg));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
