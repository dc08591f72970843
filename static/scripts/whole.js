// Brings the whole page: fetched and compiled while nobody needs it, and put in the place of the small one when somebody does.
// web/src/hand_over.rs is at the other end. The two modules share no memory, so the small one gives text, and what the
// document itself holds (focus, caret, what was typed into fields, what is scrolled and open) is kept here.
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`packetwalk:${name}`, { detail }));

const AGAIN_MS = 60;
const MAX_TURNS = 200;

/** What is switched on the page itself; no session knows of it. */
const SWITCHES = ["many", "envelope"];

let coming = null;
let nFailures = 0;
let isComposing = false;

async function compiled(url) {
  const answer = await fetch(url);
  if (!answer.ok) {
    throw new Error(`${url}: ${answer.status}`);
  }
  const isNamed = answer.headers.get("Content-Type")?.startsWith("application/wasm");
  return isNamed ? WebAssembly.compileStreaming(answer) : WebAssembly.compile(await answer.arrayBuffer());
}

/** Fetches and compiles, once; what failed is tried again when it is asked for again. */
function ready() {
  // Browsers remember that a module did not load, by its address.
  const glue = nFailures === 0 ? "./packetwalk-all.js" : `./packetwalk-all.js?again=${nFailures}`;
  const parts = () => [import(glue), compiled(new URL("./packetwalk-all_bg.wasm", import.meta.url))];
  coming ??= Promise.all(parts()).catch((error) => {
    coming = null;
    nFailures += 1;
    throw error;
  });
  return coming;
}

/** From the next time on, without a network too. Where that is refused, nothing else follows from it. */
function keepOffline() {
  navigator.serviceWorker?.register("./offline.js").catch(() => {});
}

document.addEventListener("packetwalk:pixels", async ({ detail }) => {
  try {
    const { save } = await import("./pixels.js");
    await save("step.png", detail);
    tell("pixels-saved", null);
  } catch (error) {
    console.info(`packetwalk: no pixels: ${error}`);
    tell("pixels-failed", null);
  }
});

/** The whole page from the beginning. */
export async function instead() {
  const [glue, module_or_path] = await ready();
  await glue.default({ module_or_path });
  tell("begin", null);
  document.documentElement.dataset.page = "whole";
  keepOffline();
}

/** The whole page after the small one, when that asks for it. */
export function afterwards() {
  let isWanted = false;
  let pressed = "";
  document.addEventListener("compositionstart", () => (isComposing = true));
  document.addEventListener("compositionend", () => (isComposing = false));
  document.addEventListener("packetwalk:wanted", async (event) => {
    pressed = event.detail || pressed;
    if (isWanted) {
      return;
    }
    isWanted = true;
    try {
      await takeOver();
      document.getElementById(pressed)?.click();
    } catch (error) {
      console.info(`packetwalk: the whole page did not load: ${error}`);
      tell("missing", null);
      isWanted = false;
    }
  });
  // Now, so that it is there when it is wanted; failing now means nothing yet.
  ready().then(keepOffline, () => {});
}

async function takeOver() {
  const [glue, module_or_path] = await ready();
  // It listens from here on, and does nothing before it is told to begin.
  await glue.default({ module_or_path });
  for (;;) {
    const handed = isComposing ? undefined : handedOver();
    if (handed !== undefined) {
      await put(handed);
      return;
    }
    await new Promise((done) => setTimeout(done, AGAIN_MS));
  }
}

function handedOver() {
  let handed;
  const keep = (event) => (handed = event.detail);
  document.addEventListener("packetwalk:handed", keep);
  tell("hand-over", null);
  document.removeEventListener("packetwalk:handed", keep);
  return handed;
}

/** From here to the end nothing but our own turns comes between, so nobody can type or press anything. */
async function put(handed) {
  const before = kept();
  const old = document.getElementById("app");
  const fresh = document.createElement("div");
  fresh.id = "app";
  old.replaceWith(fresh);
  document.body.removeAttribute("data-ready");
  document.documentElement.dataset.sight = before.sight;
  tell("begin", handed);
  for (let turn = 0; turn < MAX_TURNS && !document.body.hasAttribute("data-ready"); turn += 1) {
    await Promise.resolve();
  }
  delete document.documentElement.dataset.sight;
  restore(before);
  document.documentElement.dataset.page = "whole";
  tell("gone", null);
}

function kept() {
  const active = document.activeElement;
  const fields = [];
  for (const it of document.querySelectorAll("#app [id]")) {
    const field = { id: it.id, top: it.scrollTop, left: it.scrollLeft };
    if (it instanceof HTMLDetailsElement) {
      field.isOpen = it.open;
    }
    if (it.matches("[type=checkbox]")) {
      field.isChecked = it.checked;
    } else if (it.matches("input:not([type=range], [type=file]), select, textarea")) {
      field.value = it.value;
    }
    if (SWITCHES.includes(it.id)) {
      field.isPressed = it.ariaPressed;
    }
    fields.push(field);
  }
  const hasCaret = active?.matches("textarea, input[type=text]") ?? false;
  return {
    fields,
    sight: document.getElementById("map")?.getAttribute("viewBox") ?? "",
    page: [window.scrollX, window.scrollY],
    active: active?.id,
    caret: hasCaret ? [active.selectionStart, active.selectionEnd, active.selectionDirection] : null,
  };
}

function restore({ fields, page, active, caret }) {
  for (const { id, top, left, isOpen, isChecked, isPressed, value } of fields) {
    const it = document.getElementById(id);
    if (!it) {
      continue;
    }
    if (isOpen !== undefined) {
      it.open = isOpen;
    }
    if (value !== undefined && it.value !== value) {
      it.value = value;
    }
    if (isChecked !== undefined) {
      it.checked = isChecked;
    }
    if (isPressed !== undefined && it.ariaPressed !== isPressed) {
      it.click();
    }
    it.scrollTop = top;
    it.scrollLeft = left;
  }
  const focused = active ? document.getElementById(active) : null;
  focused?.focus({ preventScroll: true });
  if (focused && caret) {
    focused.setSelectionRange(...caret);
  }
  window.scrollTo({ left: page[0], top: page[1], behavior: "instant" });
}
