// Slides of reveal.js with widgets on them. Built with esbuild: esbuild main.js --bundle --format=esm --outfile=bundle.js
import Reveal from "reveal.js";
import "reveal.js/reveal.css";
import "./slides.css";
import "packet-walk";

// A widget grows when it is ready, so slides begin at the top instead of being centred once.
new Reveal({ hash: false, controls: true, center: false }).initialize();
