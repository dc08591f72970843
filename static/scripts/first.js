// Runs before anything else, and needs nothing else: applies the kept colours before the first picture, and
// shows a message with the manifest's text if the page cannot start or stops. In old words on purpose, so that
// browsers that cannot run the page can still say so.
(function () {
  "use strict";

  var TEXT = "packetwalk.manifest";
  var OPENING = "packetwalk.opening";
  var SLOW_MS = 15000;
  var root = document.documentElement;
  var isShown = false;

  function read(key) {
    try {
      return window.localStorage.getItem(key);
    } catch (refused) {
      return null;
    }
  }

  function write(key, value) {
    try {
      window.localStorage.setItem(key, value);
    } catch (refused) {
      // Not kept: nothing else follows from it.
    }
  }

  root.setAttribute("data-script", "");
  var theme = read("packetwalk.theme");
  if (theme === "light" || theme === "dark") {
    root.setAttribute("data-theme", theme);
  }

  function element(name, className, text) {
    var it = document.createElement(name);
    it.className = className;
    if (text) {
      it.textContent = text;
    }
    return it;
  }

  // What was typed last, wherever it is.
  function manifest() {
    var area = document.getElementById("yaml");
    return (area && area.value) || read(TEXT) || "";
  }

  // After a crash the page was running, and a text may be the cause.
  function show(what, afterCrash) {
    if (isShown || !document.body) {
      return;
    }
    isShown = true;
    var text = manifest();
    if (text) {
      write(TEXT, text);
    }
    if (afterCrash) {
      // The next opening sets this text aside instead of stopping at it again.
      write(OPENING, "1");
    }
    var box = element("div", "rescue");
    box.id = "rescue";
    box.setAttribute("role", "alertdialog");
    box.setAttribute("aria-labelledby", "rescue-head");
    var head = element("h2", "rescue__head", afterCrash ? "packetwalk has stopped" : "packetwalk could not start");
    head.id = "rescue-head";
    box.appendChild(head);
    box.appendChild(element("p", "rescue__text", afterCrash
      ? "This is a mistake of ours, not of yours. Load the page again: it begins with the tutorial’s manifest and offers yours to be put back."
      : "A part of the page did not load, or this browser cannot run WebAssembly. Load it again; what you typed before is kept."));
    if (text) {
      box.appendChild(element("p", "rescue__text", "Your manifest, to copy:"));
      var area = element("textarea", "rescue__manifest");
      area.value = text;
      area.readOnly = true;
      area.rows = 10;
      area.setAttribute("aria-label", "Your manifest");
      box.appendChild(area);
    }
    var again = element("button", "button button--main", "Load again");
    again.type = "button";
    again.addEventListener("click", function () {
      window.location.reload();
    });
    box.appendChild(again);
    var details = element("details", "rescue__details");
    details.appendChild(element("summary", "", "What happened"));
    details.appendChild(element("pre", "rescue__what", document.body.getAttribute("data-panic") || String(what)));
    box.appendChild(details);
    document.body.appendChild(box);
    again.focus();
  }

  function isCrash(error) {
    var wasm = window.WebAssembly;
    return !!(document.body && document.body.hasAttribute("data-panic")) ||
      !!(wasm && error && error instanceof wasm.RuntimeError);
  }

  function isReady() {
    return !!(document.body && document.body.hasAttribute("data-ready"));
  }

  // `true`: a script that does not load is told to its element only, on the way down.
  window.addEventListener("error", function (event) {
    var target = event.target;
    if (target && target.nodeName === "SCRIPT") {
      show("Not loaded: " + target.src, false);
    } else if (isCrash(event.error) || !isReady()) {
      show(event.message || event.error, isCrash(event.error));
    }
  }, true);

  window.addEventListener("unhandledrejection", function (event) {
    if (isCrash(event.reason) || !isReady()) {
      show(event.reason, isCrash(event.reason));
    }
  });

  window.addEventListener("load", function () {
    window.setTimeout(function () {
      var note = document.getElementById("loading");
      if (note && !isReady()) {
        note.textContent = "Still loading. If nothing appears, this browser may not run WebAssembly.";
      }
    }, SLOW_MS);
  });
})();
