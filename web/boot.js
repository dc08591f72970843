// Starts the page. A file of its own, because the page's policy allows no script inside the HTML.
import init from "./packetwalk-web.js";

await init();
