// Starts the page. A file of its own, because the page's policy allows no script inside the HTML.
// What fails here is shown by first.js.
import init from "./packetwalk-web.js";

await init();
