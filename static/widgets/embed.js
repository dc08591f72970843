// A widget in an <iframe>, for places that allow nothing else. The address says what is shown, as the element's attributes do:
// embed.html?src=manifests/clusterip.yaml&from=pod/client&to=http://api&origin=https://docs.example
// A manifest can stand in the address itself, after #yaml=
//
// Messages go to the page around only if the address names its origin, and come only from there.
import "./packet-walk.js";

const NAMES = ["from", "to", "mode", "step", "view", "layer", "theme", "controls", "readonly", "ask", "lesson"];
const TOLD = ["ready", "step", "change", "answer", "solved", "error"];
const CALLED = ["play", "pause", "step", "seek", "ask", "choose", "answer", "apply", "run", "undo", "redo", "reset", "settle"];

const query = new URLSearchParams(location.search);

/** The origin of the page around: what the address says, unless the browser knows better. */
function originAround() {
  const named = query.get("origin");
  if (named === null || window.parent === window) {
    return null;
  }
  const known = location.ancestorOrigins?.[0] ?? (document.referrer && new URL(document.referrer).origin);
  return !known || known === named ? named : null;
}

const origin = originAround();

function tell(message) {
  if (origin !== null) {
    window.parent.postMessage({ source: "packet-walk", ...message }, origin);
  }
}

function manifest(widget) {
  const inline = new URLSearchParams(location.hash.slice(1)).get("yaml");
  const address = query.get("src");
  if (inline !== null) {
    widget.yaml = inline;
  } else if (address !== null && new URL(address, location.href).origin === location.origin) {
    widget.setAttribute("src", address);
  }
}

const widget = document.createElement("packet-walk");
for (const name of NAMES) {
  const value = query.get(name);
  if (value !== null) {
    widget.setAttribute(name, value);
  }
}
manifest(widget);
for (const name of TOLD) {
  widget.addEventListener(name, ({ detail }) => tell({ type: name, detail: structuredClone(detail) }));
}

addEventListener("message", async ({ data, source, origin: from }) => {
  const isForUs = source === window.parent && from === origin && data?.source === "packet-walk";
  if (!isForUs || data.type !== "call" || !CALLED.includes(data.method)) {
    return;
  }
  try {
    const value = await widget[data.method](...(data.arguments ?? []));
    tell({ type: "called", id: data.id, value: structuredClone(value) });
  } catch (error) {
    tell({ type: "called", id: data.id, error: String(error.message ?? error) });
  }
});

new ResizeObserver(([{ target }]) => tell({ type: "height", height: Math.ceil(target.getBoundingClientRect().height) })).observe(
  document.body,
);

document.getElementById("figure").append(widget);
widget.start();
