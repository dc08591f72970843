// A React page with a widget: attributes from state, an event into state, a method through a ref.
// Built with esbuild: esbuild main.jsx --bundle --format=esm --jsx=automatic --outfile=bundle.js
import { useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import "packet-walk";

function Figure() {
  const widget = useRef(null);
  const [mode, setMode] = useState("nftables");
  const [told, setTold] = useState("Not begun");
  const [isShown, setShown] = useState(true);
  const hear = ({ detail }) => setTold(`Step ${detail.step} of ${detail.steps}: ${detail.sentence}`);
  return (
    <>
      <h1>How kube-proxy writes it</h1>
      <p>
        <button type="button" id="mode" onClick={() => setMode(mode === "nftables" ? "iptables" : "nftables")}>{mode}</button>{" "}
        <button type="button" id="next" onClick={() => widget.current.step()}>Next step</button>{" "}
        <button type="button" id="away" onClick={() => setShown(!isShown)}>Away with it</button>
      </p>
      <p id="told">{told}</p>
      {isShown && (
        <packet-walk ref={widget} id="widget" src="../../manifests/clusterip.yaml" view="map" step="1" mode={mode} onstep={hear}>
          <p>A pod asks for a Service, and a rule of its node rewrites the packet.</p>
        </packet-walk>
      )}
    </>
  );
}

createRoot(document.getElementById("root")).render(<Figure />);
