// For pages with packetwalk in frames: every <iframe data-packet-walk> becomes as high as what is in it. A message counts only if it
// comes from the frame's own window and from the origin its address has.

addEventListener("message", ({ data, source, origin }) => {
  if (data?.source !== "packet-walk" || data.type !== "height" || !Number.isFinite(data.height)) {
    return;
  }
  for (const frame of document.querySelectorAll("iframe[data-packet-walk]")) {
    if (frame.contentWindow === source && new URL(frame.src, document.baseURI).origin === origin) {
      frame.height = String(Math.ceil(data.height));
    }
  }
});
