// Beneath each widget of the gallery stands what an author writes for it.
for (const widget of document.querySelectorAll("packet-walk[data-shown]")) {
  const source = document.createElement("pre");
  source.className = "source";
  source.tabIndex = 0;
  const copy = widget.cloneNode(false);
  copy.removeAttribute("data-shown");
  copy.removeAttribute("data-state");
  source.textContent = copy.outerHTML.replace("></", ">\n  …\n</");
  widget.after(source);
}
