// Starts the page. A file of its own, because the page's policy allows no script inside the HTML.
//
// Who comes for the first time is shown a first look: a small module, and a walk that was computed when the page was built.
// Who left a text here, or put the panels elsewhere, needs the page that computes, at once. What fails here is shown by first.js.
import init from "./packetwalk-web.js";

const KEYS = ["packetwalk.manifest", "packetwalk.session", "packetwalk.panels", "packetwalk.lesson"];

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`packetwalk:${name}`, { detail }));

/** Whether there is more to show than what everybody sees at first. */
function hasMore() {
  try {
    return /^#(w|lesson)/.test(location.hash) || KEYS.some((it) => localStorage.getItem(it) !== null);
  } catch {
    return false;
  }
}

/** The walk that was computed before, if it is there and can be read. */
async function firstLook() {
  const answer = await fetch(new URL("./first-look.json", import.meta.url));
  const text = answer.ok ? await answer.text() : "";
  try {
    return JSON.parse(text).frames.length > 0 ? text : null;
  } catch {
    return null;
  }
}

/** When nothing else is to be done. */
function atRest() {
  return new Promise((done) => {
    const idle = window.requestIdleCallback ?? ((then) => setTimeout(then, 200));
    idle(done, { timeout: 4000 });
  });
}

/** A version of the page that was fetched since the last time takes over before anything is shown. */
async function newest() {
  const container = navigator.serviceWorker;
  const waiting = container?.controller ? (await container.getRegistration())?.waiting : null;
  if (!waiting) {
    return;
  }
  const changed = new Promise((done) => container.addEventListener("controllerchange", () => done(true), { once: true }));
  const tooLate = new Promise((done) => setTimeout(() => done(false), 1000));
  waiting.postMessage("take over");
  if (await Promise.race([changed, tooLate])) {
    location.reload();
    await new Promise(() => {});
  }
}

// A link that is pasted over this page's address.
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#w")) {
    location.reload();
  } else if (location.hash.startsWith("#lesson")) {
    // The whole page sees the address when it begins, or hears of it by itself.
    tell("wanted", "");
  }
});

/** The language that was chosen, or else the first of the browser's in which the page can be read. */
function language() {
  const ours = document.documentElement.dataset.languages.split(" ").map((it) => it.split(":")[0]);
  let chosen = null;
  try {
    chosen = localStorage.getItem("packetwalk.language");
  } catch {
    // Not kept: as the browser has it.
  }
  const wanted = chosen ? [chosen] : navigator.languages;
  return wanted.map((it) => it.split("-")[0]).find((it) => ours.includes(it)) ?? "en";
}

/** Has the page speak a language. English is what it says by itself. */
async function speak(language) {
  const { speak } = await import("./words.js");
  await speak(language);
}

document.addEventListener("packetwalk:language", ({ detail }) => {
  speak(detail).catch(() => tell("language-missing", detail));
});

await newest().catch(() => {});
if (language() !== "en") {
  await speak(language()).catch(() => {});
}
const reel = hasMore() ? null : await firstLook().catch(() => null);
if (reel === null) {
  const whole = await import("./whole.js");
  await whole.instead();
} else {
  await init();
  // Until whole.js is there, what is wanted is remembered.
  let wanted = null;
  let remember = null;
  const isWanted = new Promise((done) => {
    remember = (event) => {
      wanted = event.detail || wanted || "";
      done();
    };
  });
  document.addEventListener("packetwalk:wanted", remember);
  tell("begin", reel);
  await Promise.race([atRest(), isWanted]);
  const whole = await import("./whole.js");
  document.removeEventListener("packetwalk:wanted", remember);
  whole.afterwards();
  if (wanted !== null) {
    tell("wanted", wanted);
  }
}
