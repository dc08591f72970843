//! A capture file that Wireshark opens: one interface of the file for each interface a packet passed.
//!
//! pcapng as in draft-ietf-opsawg-pcapng: a section header, an interface description each, an
//! enhanced packet block each. Packets begin with their IP header (`LINKTYPE_RAW`).
//!
//! **Left out**: link layers; interface statistics.

use super::capture::{Captured, Direction, captured};
use crate::sim::Walk;
use crate::time::Clock;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
/// Raw IP: the first byte's high half says which version.
const LINKTYPE_RAW: u16 = 101;

/// Codes of options.
const COMMENT: u16 = 1;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_DESCRIBED: u16 = 3;
const PACKET_FLAGS: u16 = 2;
const END: u16 = 0;

/// The capture of a walk that begins at an instant of a cluster.
#[must_use]
pub fn pcapng(walk: &Walk, clock: &Clock) -> Vec<u8> {
    let packets = captured(walk);
    let mut interfaces: Vec<(String, String)> = Vec::new();
    let mut file = Vec::new();
    block(&mut file, SECTION_HEADER, &section(walk));
    let mut blocks = Vec::new();
    for packet in &packets {
        let name = (packet.host.to_string(), packet.interface.clone());
        let idx = interfaces.iter().position(|it| *it == name);
        let idx = idx.unwrap_or_else(|| {
            interfaces.push(name);
            interfaces.len() - 1
        });
        let idx = u32::try_from(idx).expect("a walk passes few interfaces");
        block(&mut blocks, ENHANCED_PACKET, &enhanced(packet, idx, clock));
    }
    for (host, interface) in &interfaces {
        block(
            &mut file,
            INTERFACE_DESCRIPTION,
            &described(host, interface),
        );
    }
    file.extend(blocks);
    file
}

fn section(walk: &Walk) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(BYTE_ORDER.to_le_bytes());
    body.extend(1u16.to_le_bytes());
    body.extend(0u16.to_le_bytes());
    // The section's length is not told.
    body.extend(u64::MAX.to_le_bytes());
    let comment = format!(
        "Simulated by packetwalk: {}. Addresses, ports and rewriting are the walk's; times, sequence numbers and the missing link layer are not.",
        super::request_line(walk)
    );
    option(&mut body, COMMENT, comment.as_bytes());
    let application = concat!("packetwalk ", env!("CARGO_PKG_VERSION"));
    option(&mut body, SECTION_APPLICATION, application.as_bytes());
    option(&mut body, END, &[]);
    body
}

fn described(host: &str, interface: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(LINKTYPE_RAW.to_le_bytes());
    body.extend([0; 2]);
    // No packet is cut.
    body.extend(0u32.to_le_bytes());
    option(
        &mut body,
        INTERFACE_NAME,
        format!("{host}:{interface}").as_bytes(),
    );
    option(
        &mut body,
        INTERFACE_DESCRIBED,
        format!("{interface} of {host}").as_bytes(),
    );
    option(&mut body, END, &[]);
    body
}

fn enhanced(packet: &Captured, interface: u32, clock: &Clock) -> Vec<u8> {
    let since_1970 = u64::try_from(clock.epoch_secs).unwrap_or(0) * 1_000_000;
    let micros = since_1970 + clock.now.as_millis() * 1000 + packet.micros;
    let length = u32::try_from(packet.bytes.len()).expect("a packet is at most 64 KiB");
    let mut body = Vec::new();
    body.extend(interface.to_le_bytes());
    body.extend(((micros >> 32) as u32).to_le_bytes());
    body.extend(((micros & 0xffff_ffff) as u32).to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(&packet.bytes);
    pad(&mut body);
    let flags: u32 = match packet.direction {
        Direction::Inbound => 1,
        Direction::Outbound => 2,
    };
    option(&mut body, COMMENT, packet.comment.as_bytes());
    option(&mut body, PACKET_FLAGS, &flags.to_le_bytes());
    option(&mut body, END, &[]);
    body
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    body.extend(code.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(&value[..usize::from(length)]);
    pad(body);
}

fn pad(body: &mut Vec<u8>) {
    while !body.len().is_multiple_of(4) {
        body.push(0);
    }
}

fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let length = u32::try_from(body.len() + 12).expect("a block is a few packets long at most");
    file.extend(kind.to_le_bytes());
    file.extend(length.to_le_bytes());
    file.extend(body);
    file.extend(length.to_le_bytes());
}
