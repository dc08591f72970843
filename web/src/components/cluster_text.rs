//! The map as text: the same nodes, pods, ports and service lines, for those who read or listen.

use crate::session::Part;
use packetwalk_core::view::{MapView, NodeRoom, PodRoom};
use yew::prelude::*;

/// What is told.
#[derive(PartialEq, Properties)]
pub struct ClusterTextProps {
    /// The map.
    pub map: Part<MapView>,
}

/// The map as text.
#[component]
pub fn ClusterText(props: &ClusterTextProps) -> Html {
    let map = &props.map;
    html! {
        <details class="cluster" id="cluster">
            <summary>{"The map, in words"}</summary>
            { for map.ghosts.iter().map(|it| html! {
                <p key={it.address.clone()}>
                    <code>{ it.address.clone() }</code>{" is the virtual address of Service "}{ it.service.clone() }
                    {": no interface has it, it exists only in each node's rules."}
                </p>
            }) }
            { for map.outside.iter().map(|it| html! {
                <p key={it.id.clone()}>
                    { it.name.clone() }{", "}<code>{ it.address.clone() }</code>
                    { if it.is_client { ", asks from outside, through a router." } else { ", is outside, behind a router." } }
                </p>
            }) }
            { for map.balancers.iter().map(|it| html! {
                <p key={it.service.clone()}>
                    {"A load balancer for "}{ it.service.clone() }{": "}
                    { if it.addresses.is_empty() { "<pending>".to_owned() } else { it.addresses.join(", ") } }
                    { if it.is_asked { ", the one asked." } else { "." } }
                </p>
            }) }
            <ul>
                { for map.nodes.iter().map(|it| node(it, map)) }
            </ul>
        </details>
    }
}

fn node(node: &NodeRoom, map: &MapView) -> Html {
    let pods = map.pods.iter().filter(|it| it.node == node.name);
    html! {
        <li key={node.name.clone()}>
            <strong>{ node.name.clone() }</strong>{", "}<code>{ node.address.clone() }</code>
            {", pods in "}<code>{ node.pod_range.clone() }</code>
            {": "}{ counted(node.n_pods, "pod") }{", "}{ node.n_ready }{" ready"}
            { if node.is_folded { "; its room is folded" } else { "" } }
            <ul>
                { for pods.map(pod) }
                { for node.lines.iter().map(|it| html! {
                    <li key={format!("line {}", it.address)}>
                        {"its rules have "}<code>{ it.address.clone() }</code>{" for "}{ it.service.clone() }
                        {": "}{ counted(it.n_endpoints, "endpoint") }
                        { if it.is_asked { ", the one asked for" } else { "" } }
                    </li>
                }) }
                { for (node.n_hidden_lines > 0).then(|| html! {
                    <li key="more lines">{"and "}{ counted(node.n_hidden_lines, "more service port") }</li>
                }) }
            </ul>
        </li>
    }
}

fn pod(pod: &PodRoom) -> Html {
    let listens = if pod.listens.is_empty() {
        "listens on no port".to_owned()
    } else {
        format!("listens on {}", pod.listens.join(", "))
    };
    let serves = if pod.serves.is_empty() {
        String::new()
    } else {
        format!(", serves {}", pod.serves.join(", "))
    };
    html! {
        <li key={pod.id.clone()}>
            {"pod "}<strong>{ pod.name.clone() }</strong>{" in "}{ pod.namespace.clone() }{", "}
            <code>{ pod.address.clone() }</code>
            { if pod.is_ready { ", ready, " } else { ", not ready, " } }
            { listens }{ serves }
            { if pod.is_client { "; it asks" } else { "" } }
        </li>
    }
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}
