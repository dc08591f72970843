//! ClusterIPs out of the service range.
//!
//! KEP-3070: the lower band of a range is kept for addresses that somebody asks for; addresses
//! nobody asked for come from the upper band first (`pkg/registry/core/service/ipallocator`).
//!
//! **Left out**: node ports, exhaustion messages, repair.

use crate::chance::Chooser;
use crate::ip::{Cidr, IpAddr, nth};
use std::collections::BTreeSet;

/// Where the upper band begins: a sixteenth of the range, at least 16 and at most 256 addresses in.
#[must_use]
pub fn dynamic_start(range: Cidr) -> u128 {
    let size = size(range);
    if size < 16 {
        0
    } else {
        (size / 16).clamp(16, 256)
    }
}

/// A free address of the range: the upper band from a drawn place on, then the lower band.
pub fn allocate(range: Cidr, used: &BTreeSet<IpAddr>, chooser: &mut Chooser) -> Option<IpAddr> {
    let size = size(range);
    let start = dynamic_start(range).min(size);
    let upper = size.saturating_sub(1).saturating_sub(start);
    let drawn = u128::from(chooser.draw(u64::try_from(upper).unwrap_or(u64::MAX)));
    let in_upper = (0..upper).map(|it| start + (drawn + it) % upper.max(1));
    let in_lower = 1..start.min(size.saturating_sub(1));
    // The first address names the range and the last broadcasts: neither is given out.
    in_upper
        .chain(in_lower)
        .filter(|it| *it != 0)
        .take(MAX_TRIES)
        .filter_map(|it| nth(range, it))
        .find(|it| !used.contains(it))
}

/// Ranges are sparse; one that has no free address among so many is full for our purposes.
const MAX_TRIES: usize = 1 << 20;

fn size(range: Cidr) -> u128 {
    let bits = u32::from(range.max_prefix_len() - range.prefix_len());
    1u128.checked_shl(bits).unwrap_or(u128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_band_begins_where_the_kep_says() {
        let start = |text: &str| dynamic_start(text.parse().expect("a range"));
        assert_eq!(start("10.96.0.0/12"), 256);
        assert_eq!(start("10.96.0.0/24"), 16);
        assert_eq!(start("10.96.0.0/20"), 256);
        assert_eq!(start("10.96.0.0/29"), 0);
    }

    #[test]
    fn addresses_run_out_and_none_is_given_twice() {
        let range = "10.96.0.0/28".parse().expect("a range");
        let mut used = BTreeSet::new();
        let mut chooser = Chooser::seeded(1);
        while let Some(ip) = allocate(range, &used, &mut chooser) {
            assert!(used.insert(ip), "{ip} twice");
        }
        assert_eq!(used.len(), 14);
    }
}
