// The manifest's editor: CodeMirror 6 in a custom element that can be used like a text area (`value`, `selectionStart`,
// `setSelectionRange`, `input` events), with what only an editor has: folding, completion, mistakes at their places, its own undo.
//
// It lives in a shadow root: there CodeMirror adopts its style sheets, which the page's policy for contents allows, where in a
// document it would write `<style>`. Colours and type come from the page's tokens, which shadow roots inherit.
//
// What a line may say is asked of the page (`complete`, `describe`), which asks the schema. Nothing is known of Kubernetes here.
import {
  autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentUnit, syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, RangeSet, StateEffect, StateField, Transaction } from "@codemirror/state";
import {
  Decoration, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers,
  rectangularSelection,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

const HOVER_MS = 450;
/** So many texts are kept with their undo beside the one that is shown. */
const MAX_OTHERS = 12;

/** The lines that the shown hop comes from. */
const light = StateEffect.define();
const lit = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    marks = marks.map(transaction.changes);
    for (const it of transaction.effects.filter((it) => it.is(light))) {
      const { doc } = transaction.state;
      const lines = it.value.filter((line) => line >= 1 && line <= doc.lines);
      marks = RangeSet.of(lines.map((line) => LIT.range(doc.line(line).from)));
    }
    return marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});
const LIT = Decoration.line({ class: "lit" });

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--request)" },
  { tag: tags.comment, color: "var(--ink-soft)", fontStyle: "italic" },
  { tag: [tags.string, tags.content, tags.attributeValue], color: "var(--ink)" },
  { tag: [tags.meta, tags.separator, tags.punctuation], color: "var(--ink-soft)" },
  { tag: [tags.keyword, tags.typeName, tags.labelName], color: "var(--dns)" },
]);

const theme = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--sheet)", maxHeight: "inherit", fontSize: "0.8125rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", overflow: "auto" },
  ".cm-content": { padding: "var(--space-2) 0", caretColor: "var(--ink)", minHeight: "8rem" },
  ".cm-line": { padding: "0 var(--space-2)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--shade)", color: "var(--ink-soft)", border: "none" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--shade) 55%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--ink)", fontWeight: "700" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--request-wash)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--dns-wash)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--reply-wash)", outline: "none" },
  ".cm-line.lit": { backgroundColor: "var(--rewritten-wash)" },
  ".cm-foldGutter .cm-gutterElement": { padding: "0 0.15rem", cursor: "pointer", color: "var(--ink-soft)" },
  ".cm-foldPlaceholder": {
    backgroundColor: "var(--shade)", border: "1px solid var(--edge)", color: "var(--ink-soft)", padding: "0 0.4em",
  },
  ".cm-gutter-lint": { width: "1.1rem" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0", display: "grid", placeItems: "center" },
  ".cm-lint-marker": { width: "auto", height: "auto", fontWeight: "700" },
  ".cm-lint-marker-error": { content: "none" },
  ".cm-lint-marker-error::before": { content: "'✕'", color: "var(--refused)" },
  ".cm-lint-marker-warning": { content: "none" },
  ".cm-lint-marker-warning::before": { content: "'!'", color: "var(--rewritten)" },
  ".cm-lintRange-error, .cm-lintRange-warning": {
    backgroundImage: "none", textDecoration: "underline wavy var(--refused) 1px", textUnderlineOffset: "3px",
  },
  ".cm-lintRange-warning": { textDecorationColor: "var(--rewritten)" },
  ".cm-tooltip": {
    backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1.5px solid var(--edge)", borderRadius: "var(--corner)",
    boxShadow: "0 6px 24px color-mix(in srgb, var(--ink) 18%, transparent)", fontFamily: "var(--sans)",
    fontSize: "var(--size-small)", maxWidth: "min(26rem, 90vw)",
  },
  ".cm-tooltip-hover": { padding: "0" },
  ".hint": { padding: "var(--space-2) var(--space-3)", lineHeight: "1.45", whiteSpace: "pre-line" },
  ".hint__head": { fontFamily: "var(--mono)", fontWeight: "700", margin: "0 0 var(--space-1)" },
  ".hint__text": { margin: "0", maxHeight: "12rem", overflow: "auto" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", fontSize: "0.8125rem", maxHeight: "15rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.2rem var(--space-2)", lineHeight: "1.5" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--request)", color: "var(--sheet)" },
  ".cm-completionDetail": { color: "var(--ink-soft)", fontStyle: "normal", float: "right", marginLeft: "1.5rem" },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-tooltip.cm-completionInfo": { padding: "var(--space-2) var(--space-3)", lineHeight: "1.45", whiteSpace: "pre-line" },
  ".cm-diagnostic": { padding: "var(--space-2) var(--space-3)", marginLeft: "0", whiteSpace: "pre-line" },
  ".cm-diagnostic-error": { borderLeft: "4px solid var(--refused)" },
  ".cm-diagnostic-warning": { borderLeft: "4px solid var(--rewritten-line)" },
  ".cm-panels": { backgroundColor: "var(--shade)", color: "var(--ink)", borderColor: "var(--rule)" },
  ".cm-panel.cm-search": { fontFamily: "var(--sans)", fontSize: "var(--size-small)", padding: "var(--space-2)" },
  ".cm-textfield": {
    backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1.5px solid var(--edge)", borderRadius: "var(--corner)",
    fontSize: "inherit", padding: "0.2rem 0.4rem",
  },
  ".cm-button": {
    backgroundImage: "none", backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1.5px solid var(--edge)",
    borderRadius: "var(--corner)", fontSize: "inherit", padding: "0.2rem 0.6rem",
  },
  ".cm-panel.cm-search [name=close]": { color: "var(--ink)", fontSize: "1.1rem", padding: "0 0.4rem" },
});

/** What is shown of a field: its name and type, and what the API says of it. */
function hint(title, text) {
  const dom = document.createElement("div");
  dom.className = "hint";
  const head = document.createElement("p");
  head.className = "hint__head";
  head.textContent = title;
  const body = document.createElement("p");
  body.className = "hint__text";
  body.textContent = text;
  dom.append(head, body);
  return dom;
}

class YamlEditor extends HTMLElement {
  /** What may stand at a line and column: `[from, [label, insert, detail, info, kind][]]`, or null. */
  complete = () => null;
  /** What stands at a line and column: `[from, to, title, text]`, or null. */
  describe = () => null;

  #view = null;
  #first = "";
  #isBegun = false;
  #file = "";
  /** What was last seen of the texts that are not shown: carets and undo are in it. */
  #others = new Map();
  #words = new Compartment();

  connectedCallback() {
    if (this.#view) {
      return;
    }
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open", delegatesFocus: true });
    this.#view = new EditorView({ root, parent: root, state: this.#state(this.#first) });
  }

  #state(doc) {
    return EditorState.create({
      doc,
      extensions: [
        lineNumbers(), foldGutter({ openText: "▾", closedText: "▸" }), lintGutter(), history(), drawSelection(),
        EditorState.allowMultipleSelections.of(true), EditorState.tabSize.of(2), indentUnit.of("  "),
        yaml(), syntaxHighlighting(colours), bracketMatching(), closeBrackets(), rectangularSelection(),
        highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(), search({ top: true }),
        autocompletion({ override: [(context) => this.#completions(context)], icons: false, activateOnCompletion: this.#goesOn }),
        hoverTooltip((view, at) => this.#description(view, at), { hoverTime: HOVER_MS }),
        keymap.of([
          ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap,
          ...lintKeymap,
        ]),
        lit, theme, this.#words.of(this.#attributes()),
        EditorView.updateListener.of((update) => this.#updated(update)),
        EditorView.domEventHandlers({
          mousemove: (event, view) => {
            const at = view.posAtCoords({ x: event.clientX, y: event.clientY });
            this.#tellLine(at === null ? null : view.state.doc.lineAt(at).number);
          },
          mouseleave: (_, view) => this.#tellLine(view.state.doc.lineAt(view.state.selection.main.head).number),
        }),
      ],
    });
  }

  /** Words for those who do not see it: an ARIA reference does not reach into a shadow root, so they are copied. */
  #attributes() {
    const words = (name) => {
      const ids = this.getAttribute(name)?.split(" ") ?? [];
      return ids.map((id) => document.getElementById(id)?.textContent.trim() ?? "").filter(Boolean).join(" ");
    };
    return EditorView.contentAttributes.of({ "aria-label": words("labelled") || "Manifest", spellcheck: "false", tabindex: "0" });
  }

  #goesOn = (completion) => completion.apply?.endsWith?.(" ") && completion.type === "choice";

  #updated(update) {
    if (update.docChanged && !update.transactions.some((it) => it.annotation(Transaction.userEvent) === "set")) {
      this.dispatchEvent(new Event("input", { bubbles: true }));
    }
    if (update.selectionSet || update.docChanged) {
      const { state } = update;
      this.#tellLine(state.doc.lineAt(state.selection.main.head).number);
    }
  }

  #told = null;

  #tellLine(line) {
    if (line !== this.#told) {
      this.#told = line;
      this.dispatchEvent(new CustomEvent("line", { bubbles: true, detail: line }));
    }
  }

  #completions({ state, pos, explicit }) {
    const line = state.doc.lineAt(pos);
    const found = this.complete(line.number, pos - line.from, explicit);
    if (!found) {
      return null;
    }
    const [from, options] = found;
    return {
      from: line.from + from,
      options: options.map(([label, insert, detail, info, type], idx) => ({
        label, detail, type, boost: -idx / 10, apply: insert,
        info: info ? () => hint(label, info) : undefined,
      })),
      validFor: /^[\w./-]*$/,
    };
  }

  #description(view, at) {
    const line = view.state.doc.lineAt(at);
    const found = this.describe(line.number, at - line.from);
    if (!found) {
      return null;
    }
    const [from, to, title, text] = found;
    return { pos: line.from + from, end: line.from + to, above: true, create: () => ({ dom: hint(title, text) }) };
  }

  /** Which text is edited, by a name. Each has carets and an undo of its own; `value` says what is in it now. */
  set file(name) {
    if (name === this.#file) {
      return;
    }
    if (this.#view && this.#isBegun) {
      this.#others.delete(this.#file);
      this.#others.set(this.#file, this.#view.state);
      if (this.#others.size > MAX_OTHERS) {
        this.#others.delete(this.#others.keys().next().value);
      }
    }
    this.#file = name;
    const kept = this.#others.get(name);
    this.#isBegun = kept !== undefined;
    if (kept) {
      this.#view.setState(kept);
    }
  }

  get file() {
    return this.#file;
  }

  get value() {
    return this.#view ? this.#view.state.doc.toString() : this.#first;
  }

  /** Another text. Only what is different is changed, so that caret and folds stay; it can be undone. */
  set value(text) {
    if (!this.#view) {
      [this.#first, this.#isBegun] = [text, true];
      return;
    }
    if (!this.#isBegun) {
      // There is nothing before the first text to go back to.
      this.#isBegun = true;
      this.#view.setState(this.#state(text));
      return;
    }
    const before = this.value;
    if (before === text) {
      return;
    }
    let from = 0;
    const most = Math.min(before.length, text.length);
    while (from < most && before[from] === text[from]) {
      from += 1;
    }
    let n = 0;
    while (n < most - from && before[before.length - 1 - n] === text[text.length - 1 - n]) {
      n += 1;
    }
    this.#view.dispatch({
      changes: { from, to: before.length - n, insert: text.slice(from, text.length - n) },
      userEvent: "set",
    });
  }

  get selectionStart() {
    return this.#view?.state.selection.main.from ?? 0;
  }

  get selectionEnd() {
    return this.#view?.state.selection.main.to ?? 0;
  }

  setSelectionRange(anchor, head = anchor) {
    const most = this.#view.state.doc.length;
    this.#view.dispatch({
      selection: { anchor: Math.min(anchor, most), head: Math.min(head, most) },
      effects: EditorView.scrollIntoView(Math.min(head, most), { y: "nearest" }),
    });
  }

  focus() {
    this.#view?.focus();
  }

  /** Puts the caret at a line and column, both counted from 1, and has it in sight. */
  goTo(line, column) {
    const { doc } = this.#view.state;
    const its = doc.line(Math.min(Math.max(line, 1), doc.lines));
    const at = Math.min(its.from + Math.max(column - 1, 0), its.to);
    this.#view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    this.focus();
  }

  /** Marks lines that light up, and mistakes: `[line, column, message, isError]`. */
  mark(lines, mistakes) {
    const view = this.#view;
    const { doc } = view.state;
    const diagnostics = mistakes.filter(([line]) => line >= 1 && line <= doc.lines).map(([line, column, message, isError]) => {
      const its = doc.line(line);
      const from = Math.min(its.from + Math.max(column - 1, 0), its.to);
      const word = /^[^\s:,\]}]+/.exec(doc.sliceString(from, its.to));
      return { from, to: word ? from + word[0].length : its.to, severity: isError ? "error" : "warning", message };
    });
    view.dispatch({ effects: light.of(lines) }, setDiagnostics(view.state, diagnostics));
  }

  /** Offers what may stand at the caret. */
  offer() {
    startCompletion(this.#view);
  }
}

customElements.define("yaml-editor", YamlEditor);
