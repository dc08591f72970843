// Commands of the tutorial that can be run where they stand. `<pre class="try" data-in="w-how">` becomes a button beside the command;
// what it prints stands below it, and the figure that it names shows what became of its cluster. Without scripts it is a command to read.
const words = { run: "Run", again: "Run again", running: "Running…" };

/** Prints of `kubectl get -o yaml` and the like scroll instead of filling the page. */
function place(pre) {
  const box = document.createElement("div");
  box.className = "try-box";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words.run;
  button.setAttribute("aria-label", `${words.run}: ${pre.textContent}`);
  const printed = document.createElement("pre");
  printed.className = "printed";
  printed.hidden = true;
  printed.tabIndex = 0;
  printed.setAttribute("role", "status");
  printed.setAttribute("aria-label", "What it printed");
  pre.replaceWith(box);
  box.append(pre, button, printed);
  return { button, printed };
}

async function run(pre, button, printed) {
  const widget = document.getElementById(pre.dataset.in);
  button.disabled = true;
  button.textContent = words.running;
  let told;
  try {
    await customElements.whenDefined("packet-walk");
    widget.start?.();
    await widget.ready;
    told = await widget.run(pre.textContent);
  } catch (error) {
    told = { output: String(error.message ?? error), code: -1 };
  }
  printed.textContent = told.output.trimEnd() || "(it printed nothing)";
  printed.dataset.code = told.code;
  printed.hidden = false;
  button.disabled = false;
  button.textContent = words.again;
  button.setAttribute("aria-label", `${words.again}: ${pre.textContent}`);
  button.focus({ preventScroll: true });
}

for (const pre of document.querySelectorAll("pre.try")) {
  const { button, printed } = place(pre);
  button.addEventListener("click", () => run(pre, button, printed));
}
