// The page in another language: a layer over the document. The page itself always writes English; what it writes is found in the
// language's file and put in its place before it is painted. So whoever makes sentences need not know of languages, a text that has
// no translation stays English, and who reads English fetches nothing of this.
//
// A text with places in it (`{host} answers to {to}.`) stands for all sentences of that shape: a sentence is taken apart by its English
// shape and put together again by the other one. What must not be touched says `translate="no"`, as everywhere on the web: manifests,
// rules, what programs print; names of objects have no translation and stay what they are.
//
// Left out: plurals beyond one text for each English one; numbers and dates, which stay as they are; writing from right to left.

const SPOKEN = ["aria-label", "title", "placeholder", "aria-valuetext"];
const LETTERS = /\p{L}{2}/u;

/** The file of a language: `{language, texts: {English: other}}`. */
export class Catalogue {
  #plain = new Map();
  #shapes = [];

  constructor(texts) {
    for (const [english, other] of Object.entries(texts)) {
      const from = shape(english);
      if (from.names.length === 0) {
        this.#plain.set(english, other);
      } else {
        this.#shapes.push({ ...from, to: shape(other) });
      }
    }
    // Those that say most first: they are the surest.
    this.#shapes.sort((a, b) => b.nSaid - a.nSaid);
  }

  /** A text in this language, or null. What stands around it stays. */
  told(english) {
    const text = english.trim();
    const found = this.#found(text);
    return found === null ? null : english.replace(text, () => found);
  }

  #found(text) {
    const plain = this.#plain.get(text);
    if (plain !== undefined) {
      return plain;
    }
    for (const it of this.#shapes) {
      const values = takenApart(it, text);
      if (values) {
        // What stands at a place may be a sentence of its own, and is shorter.
        const told = new Map([...values].map(([name, value]) => [name, this.#found(value) ?? value]));
        return it.to.names.reduce((said, name, idx) => said + told.get(name) + it.to.pieces[idx + 1], it.to.pieces[0]);
      }
    }
    return null;
  }
}

/** A text as pieces around named places. */
function shape(text) {
  const pieces = text.split(/\{\w+\}/);
  const names = [...text.matchAll(/\{(\w+)\}/g)].map((it) => it[1]);
  return { pieces, names, nSaid: pieces.join("").length };
}

/** What stands at the places of a sentence of a shape, or null. Something stands at each. */
function takenApart({ pieces, names }, text) {
  if (!text.startsWith(pieces[0])) {
    return null;
  }
  const values = new Map();
  let from = pieces[0].length;
  for (const [idx, name] of names.entries()) {
    const behind = pieces[idx + 1];
    const isLast = idx + 1 === names.length;
    const at = isLast ? text.length - behind.length : text.indexOf(behind, from + 1);
    if (at <= from || !text.startsWith(behind, at) || (values.get(name) ?? text.slice(from, at)) !== text.slice(from, at)) {
      return null;
    }
    values.set(name, text.slice(from, at));
    from = at + behind.length;
  }
  return values;
}

/** What stands in the document, and what the page wrote there. */
const written = new WeakMap();
let spoken = null;
let observer = null;

/** What programs and people wrote stays as it is. */
function isLeftAlone(element) {
  return element === null || element.closest("[translate=no], code, pre, kbd, textarea, script, style") !== null;
}

/** Puts a place of the document (a text, or an attribute of an element) into the language that is spoken. */
function put(node, key, read, write) {
  const now = read();
  if (now === null || now === undefined) {
    return;
  }
  const places = written.get(node) ?? {};
  const before = places[key];
  // What the page wrote last, unless it has written something else since.
  const english = before && before.shown === now ? before.english : now;
  const other = spoken && LETTERS.test(english) ? spoken.told(english) : null;
  const shown = other ?? english;
  written.set(node, { ...places, [key]: { english, shown } });
  if (shown !== now) {
    write(shown);
  }
}

function putText(node) {
  if (!isLeftAlone(node.parentElement)) {
    put(node, "text", () => node.data, (it) => (node.data = it));
  }
}

function putAttribute(element, name) {
  // The words about a listing are ours, even if what is in it is not.
  if (!isLeftAlone(element.parentElement)) {
    put(element, name, () => element.getAttribute(name), (it) => element.setAttribute(name, it));
  }
}

function putAll(root) {
  if (root.nodeType === Node.TEXT_NODE) {
    putText(root);
    return;
  }
  if (root.nodeType !== Node.ELEMENT_NODE) {
    return;
  }
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = root; node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) {
      putText(node);
    } else {
      for (const name of SPOKEN) {
        putAttribute(node, name);
      }
    }
  }
}

function changed(records) {
  for (const it of records) {
    if (it.type === "characterData") {
      putText(it.target);
    } else if (it.type === "attributes") {
      putAttribute(it.target, it.attributeName);
    } else {
      it.addedNodes.forEach(putAll);
    }
  }
  // What was just put is no change of the page's.
  observer.takeRecords();
}

/** Speaks a language from now on; `en` is what the page says by itself. What cannot be fetched leaves everything as it is. */
export async function speak(language) {
  let next = null;
  if (language !== "en") {
    const answer = await fetch(new URL(`./languages/${language}.json`, import.meta.url));
    if (!answer.ok) {
      throw new Error(`${language}: ${answer.status}`);
    }
    next = new Catalogue((await answer.json()).texts);
  }
  spoken = next;
  document.documentElement.lang = language;
  observer ??= new MutationObserver(changed);
  observer.disconnect();
  putAll(document.body);
  if (spoken) {
    observer.observe(document.body, {
      subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: SPOKEN,
    });
  }
}
