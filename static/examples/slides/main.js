// Slides of reveal.js with widgets on them. Built with esbuild: esbuild main.js --bundle --format=esm --outfile=bundle.js
import Reveal from "reveal.js";
import "reveal.js/reveal.css";
import "./slides.css";
import "packet-walk";

new Reveal({ hash: false, controls: true }).initialize();
