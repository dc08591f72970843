// <packet-walk>: a live figure for any page. One module script; all widgets of a document share one engine, which is fetched when the
// first of them comes into sight. web/src/widget is at the other end. docs/widgets.md is the guide for authors.
//
// What an author puts inside the element is what is read before the engine has come, and where it never comes.

const NAMES = ["src", "from", "to", "mode", "step", "view", "layer", "controls", "readonly", "ask", "follow", "lesson"];
const FIRST_FROM = "pod/client";
const FIRST_TO = "http://api";
/** Begun when it is so many screens from the top of this one. */
const NEAR = 1.25;
const CRASH = "packetwalk has stopped. Load the page again to go on.";

const running = new Set();
let coming = null;
let lessons = null;
let turns = Promise.resolve();

/** The engine and the style sheet, once for all widgets. What failed is tried again by the next widget that asks. */
function shared() {
  coming ??= Promise.all([engine(), sheet()]).catch((error) => {
    coming = null;
    throw error;
  });
  return coming;
}

async function engine() {
  const address = new URL("./packetwalk-all_bg.wasm", import.meta.url);
  // Both at once: the module is fetched while its script is.
  const [glue, answer] = await Promise.all([import("./packetwalk-all.js"), fetch(address)]);
  if (!answer.ok) {
    throw new Error(`${address.pathname}: ${answer.status}`);
  }
  const { memory } = await glue.default({ module_or_path: answer });
  const functions = {};
  document.dispatchEvent(new CustomEvent("packetwalk:engine", { detail: functions }));
  if (!functions.mount) {
    throw new Error("the engine is of another version than this script");
  }
  return { ...functions, memory };
}

/** All lessons, fetched when the first is wanted. */
async function library(name) {
  lessons ??= fetch(new URL("./lessons.json", import.meta.url)).then((it) => (it.ok ? it.text() : Promise.reject(new Error(`lessons.json: ${it.status}`))));
  const text = await lessons.catch((error) => {
    lessons = null;
    throw error;
  });
  if (!text.includes(`"${name}/lesson.yaml"`)) {
    throw new Error(`there is no lesson ${name}`);
  }
  return text;
}

async function sheet() {
  const answer = await fetch(new URL("./packet-walk.css", import.meta.url));
  if (!answer.ok) {
    throw new Error(`packet-walk.css: ${answer.status}`);
  }
  const styles = new CSSStyleSheet();
  styles.replaceSync(await answer.text());
  return styles;
}

/** One widget after the other, each drawn before the next is computed: the first is not kept waiting by those below it. */
function inTurn(work) {
  const done = turns.then(work);
  turns = done.catch(() => {}).then(() => new Promise((next) => setTimeout(next)));
  return done;
}

/** A text without the indentation that all its lines share: it stands inside somebody's HTML. */
function dedented(text) {
  const lines = text.replace(/^\s*\n/, "").trimEnd().split("\n");
  const depths = lines.filter((it) => it.trim()).map((it) => it.match(/^ */)[0].length);
  const depth = Math.min(...depths, Infinity);
  return `${lines.map((it) => it.slice(depth === Infinity ? 0 : depth)).join("\n")}\n`;
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        seen.unobserve(target);
        target.start(false);
      }
    }
  },
  { rootMargin: `${(NEAR - 1) * 100}% 0px` },
);

/** What the engine has, for who measures: how many widgets run, and the size of its memory in bytes. */
export async function measure() {
  const [{ memory }] = await shared();
  return { widgets: running.size, bytes: memory.buffer.byteLength };
}

export class PacketWalk extends HTMLElement {
  static observedAttributes = NAMES;

  #root = null;
  #told = null;
  #id = null;
  #isWished = false;
  #isAsked = false;
  #begun = null;
  #state = null;
  #yaml = null;
  #fetched = null;
  #runs = [];
  #line = Promise.resolve();
  #readiness = deferred();

  #asks = (from, to) => this.#send("ask", { from, to });

  #steps = async (count = 1) => {
    for (let left = Math.abs(count); left > 0; left -= 1) {
      await this.#send(count < 0 ? "back" : "forward", null);
    }
    return this.#state;
  };

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    this.#root = document.createElement("div");
    this.#root.className = "widget-root";
    this.#told = document.createElement("p");
    this.#told.setAttribute("part", "error");
    this.#told.setAttribute("role", "status");
    this.#told.className = "widget-told";
    this.#told.hidden = true;
    shadow.append(this.#root, document.createElement("slot"), this.#told);
  }

  connectedCallback() {
    if (this.#begun === null) {
      this.dataset.state = "waiting";
      seen.observe(this);
    }
  }

  disconnectedCallback() {
    // An element that is only moved is connected again by then.
    queueMicrotask(() => this.isConnected || this.#end());
  }

  attributeChangedCallback(name, before, now) {
    if (before === now || this.#begun === null || this.#isWished) {
      return;
    }
    this.#isWished = true;
    queueMicrotask(async () => {
      this.#isWished = false;
      try {
        await this.#begun;
        const wishes = await this.#wishes();
        const [{ wish }] = await shared();
        if (this.#id !== null) {
          wish(this.#id, wishes);
        }
      } catch (error) {
        this.#say(error);
      }
    });
  }

  /** Begins now, whether it is in sight or not. */
  start(isAsked = true) {
    this.#isAsked ||= isAsked;
    this.#begun ??= this.#begin().catch((error) => this.#fail(error));
    return this.ready;
  }

  /** Fulfilled when it can be used. */
  get ready() {
    return this.#readiness.promise;
  }

  /** How it is: the step, the sentence, every way the request can go, and so on; null before it is ready. */
  get state() {
    return this.#state;
  }

  /** The manifest as it is now. Setting it replaces it. */
  get yaml() {
    return this.#state?.yaml ?? this.#yaml ?? "";
  }

  set yaml(text) {
    this.#yaml = String(text);
    if (this.#id !== null) {
      this.#send("edit", this.#yaml);
    }
  }

  play() {
    return this.#send("play", null);
  }

  pause() {
    return this.#send("pause", null);
  }

  /** A method: so many steps on; back, if negative. Frameworks that set properties for attributes mean the attribute. */
  get step() {
    return this.#steps;
  }

  set step(value) {
    this.setAttribute("step", value);
  }

  /** To this step, counted from 1. */
  seek(step) {
    return this.#send("seek", Number(step));
  }

  /** A method: another request. Set, it is the attribute. */
  get ask() {
    return this.#asks;
  }

  set ask(value) {
    this.toggleAttribute("ask", value !== false && value !== null && value !== undefined);
  }

  /** Shows another of the ways, counted from 1. */
  choose(way) {
    return this.#send("way", Number(way));
  }

  /** Answers the question that is open, counted from 1. */
  answer(number) {
    return this.#send("answer", Number(number));
  }

  /** To this page of the lesson, counted from 1. */
  turn(page) {
    return this.#send("turn", Number(page));
  }

  /** Chooses an option of the lesson's question, by its name. */
  guess(option) {
    return this.#send("guess", String(option));
  }

  undo() {
    return this.#send("undo", null);
  }

  redo() {
    return this.#send("redo", null);
  }

  reset() {
    return this.#send("reset", null);
  }

  /** Lets the cluster come to rest. */
  settle() {
    return this.#send("settle", null);
  }

  /** As `kubectl apply -f`: what it prints. Refused, it throws what the cluster says. */
  async apply(yaml) {
    const text = String(yaml).trimEnd();
    let mark = "EOF";
    while (text.split("\n").includes(mark)) {
      mark += "_";
    }
    const { output, code } = await this.run(`kubectl apply -f - <<'${mark}'\n${text}\n${mark}`);
    if (code !== 0) {
      throw new Error(output.trim());
    }
    return output;
  }

  /** Runs a line in the shell, one after the other: `{ line, output, code }`. */
  run(command) {
    const turn = this.#line.then(async () => {
      await this.ready;
      const ended = new Promise((done) => this.#runs.push(done));
      await this.#send("run", String(command));
      return ended;
    });
    this.#line = turn.catch(() => {});
    return turn;
  }

  async #begin() {
    this.dataset.state = "starting";
    const [wishes, [{ mount }, styles]] = await Promise.all([this.#wishes(), shared()]);
    await inTurn(() => {
      // Those above it have grown meanwhile, and may have pushed it far down.
      const waits = !this.#isAsked && this.getBoundingClientRect().top > NEAR * innerHeight;
      if (waits || !this.isConnected) {
        this.#begun = null;
        if (waits) {
          this.connectedCallback();
        }
        return;
      }
      this.shadowRoot.adoptedStyleSheets = [styles];
      this.#id = mount(this.#root, wishes, (name, what) => this.#hear(name, what));
      running.add(this);
    });
  }

  async #wishes() {
    const text = (name) => this.getAttribute(name) ?? undefined;
    const leader = await this.#leader();
    const lesson = text("lesson");
    return {
      yaml: leader === null && lesson === undefined ? await this.#manifest() : "",
      lesson,
      lessons: lesson === undefined ? undefined : await library(lesson),
      from: text("from") ?? FIRST_FROM,
      to: text("to") ?? FIRST_TO,
      mode: text("mode"),
      step: this.hasAttribute("step") ? Number(text("step")) : undefined,
      view: text("view"),
      layer: text("layer"),
      controls: text("controls"),
      readonly: text("readonly"),
      asks: this.hasAttribute("ask"),
      follows: leader ?? undefined,
    };
  }

  /** The number of the widget that this one follows. */
  async #leader() {
    const selector = this.getAttribute("follow");
    if (!selector) {
      return null;
    }
    const leader = this.getRootNode().querySelector(selector);
    if (!(leader instanceof PacketWalk) || leader === this || leader.hasAttribute("follow")) {
      throw new Error(`follow="${selector}" leads to no <packet-walk> that has a world of its own`);
    }
    await leader.start();
    return leader.#id;
  }

  async #manifest() {
    const address = this.getAttribute("src");
    if (address) {
      if (this.#fetched?.address !== address) {
        const answer = await fetch(new URL(address, this.baseURI));
        if (!answer.ok) {
          throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
        }
        this.#fetched = { address, text: await answer.text() };
      }
      return this.#fetched.text;
    }
    if (this.#yaml !== null) {
      return this.#yaml;
    }
    const inside = this.querySelector('script[type="application/yaml"]') ?? this.querySelector("pre");
    if (!inside) {
      throw new Error('there is no manifest: give src, a <script type="application/yaml"> or a <pre>');
    }
    return dedented(inside.textContent);
  }

  #hear(name, what) {
    switch (name) {
      case "state":
        this.#state = Object.freeze(what);
        break;
      case "ready":
        this.dataset.state = "ready";
        this.#told.hidden = true;
        this.#readiness.resolve(this);
        this.#emit("ready", this.#state, true);
        break;
      case "ran":
        this.#runs.shift()?.(what);
        this.#emit("ran", what, true);
        break;
      default:
        this.#emit(name, what, name !== "error");
    }
  }

  #emit(name, detail, bubbles) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles, composed: bubbles }));
  }

  async #send(word, what) {
    await this.ready;
    const [{ send }] = await shared();
    if (this.#id === null || !send(this.#id, word, what)) {
      throw new Error(`<packet-walk> cannot ${word} now`);
    }
    // What is drawn and told anew follows in this turn.
    await new Promise((done) => setTimeout(done));
    return this.#state;
  }

  #say(error) {
    const message = error instanceof Error ? error.message : String(error);
    this.#told.textContent = `The live figure could not be shown: ${message}`;
    this.#told.hidden = false;
    this.#emit("error", { message }, false);
  }

  #fail(error) {
    const readiness = this.#readiness;
    this.#end();
    this.#readiness = readiness;
    this.dataset.state = "failed";
    this.#say(error);
    readiness.reject(error);
  }

  /** The engine has crashed, and nothing in it can be called any more. */
  crash() {
    running.delete(this);
    this.#id = null;
    this.#root.replaceChildren();
    this.dataset.state = "failed";
    this.#say(CRASH);
  }

  #end() {
    seen.unobserve(this);
    running.delete(this);
    if (this.#id !== null) {
      const id = this.#id;
      this.#id = null;
      shared().then(([{ end }]) => end(id));
    }
    this.#begun = null;
    this.#isAsked = false;
    this.#state = null;
    this.#runs = [];
    this.#readiness = deferred();
    delete this.dataset.state;
  }
}

function deferred() {
  const it = {};
  it.promise = new Promise((resolve, reject) => Object.assign(it, { resolve, reject }));
  // Nobody is obliged to wait for it.
  it.promise.catch(() => {});
  return it;
}

// A crash of the engine is told to the window only; its message is left at the body.
addEventListener("error", ({ error }) => {
  if (error instanceof WebAssembly.RuntimeError && document.body?.hasAttribute("data-panic")) {
    [...running].forEach((it) => it.crash());
  }
});

/** Puts a widget in the place of each `<pre class="packet-walk">`; its `data-` attributes become the widget's. */
export function upgrade(root = document) {
  for (const pre of root.querySelectorAll("pre.packet-walk, pre:has(> code.packet-walk)")) {
    if (pre.closest("packet-walk")) {
      continue;
    }
    const widget = document.createElement("packet-walk");
    const code = pre.querySelector("code.packet-walk");
    for (const name of [...NAMES, "theme"]) {
      const value = pre.dataset[name] ?? code?.dataset[name];
      if (value !== undefined) {
        widget.setAttribute(name, value);
      }
    }
    pre.replaceWith(widget);
    widget.append(pre);
  }
}

if (!customElements.get("packet-walk")) {
  customElements.define("packet-walk", PacketWalk);
}
upgrade();
