//! The packet's header as the hop leaves it: what changed stands beside what it was.

use packetwalk_core::view::{Change, HeaderField, PacketView};
use yew::prelude::*;

/// The header.
pub(super) fn packet(packet: &PacketView, changes: &[Change]) -> Html {
    let was = |field: HeaderField| changes.iter().find(|it| it.field == field);
    let end = |name: &'static str, address: &str, port: Option<u16>, fields: [HeaderField; 2]| {
        let [address_field, port_field] = fields;
        let is_changed = was(address_field).is_some() || was(port_field).is_some();
        html! {
            <tr class="header__row" data-changed={is_changed.then_some("")}>
                <th scope="row">{ name }</th>
                <td class="header__address">{ field(address, was(address_field)) }</td>
                <td class="header__port">
                    { port.map(|it| field(&it.to_string(), was(port_field))).unwrap_or_default() }
                </td>
            </tr>
        }
    };
    let kind = if packet.kind.is_empty() {
        packet.protocol.clone()
    } else {
        format!("{} {}", packet.protocol, packet.kind)
    };
    html! {
        <table class="header">
            <caption class="header__caption">{ format!("{kind}, time to live {}", packet.ttl) }</caption>
            <thead class="header__head">
                <tr><td /><th scope="col">{"address"}</th><th scope="col">{"port"}</th></tr>
            </thead>
            <tbody>
                { end("source", &packet.source, packet.source_port, [HeaderField::Source, HeaderField::SourcePort]) }
                { end("destination", &packet.destination, packet.destination_port, [HeaderField::Destination, HeaderField::DestinationPort]) }
            </tbody>
        </table>
    }
}

/// A field: as it is, or before → after.
fn field(now: &str, change: Option<&Change>) -> Html {
    match change {
        Some(change) => html! {
            <>
                <del class="header__before">{ change.before.clone() }</del>
                <span class="header__to" aria-hidden="true">{" → "}</span>
                <ins class="header__after">{ change.after.clone() }</ins>
            </>
        },
        None => html! { <span>{ now.to_owned() }</span> },
    }
}
