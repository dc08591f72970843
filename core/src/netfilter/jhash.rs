//! Jenkins' hash as the kernel has it: what `jhash` in rules and the choice among addresses use.
//!
//! Linux 6.18, `include/linux/jhash.h`, on a machine with the least significant byte first.
//!
//! **Left out**: nothing.

/// The hash of these bytes (`jhash`; for whole words `jhash2` gives the same).
pub(super) fn jhash(key: &[u8], seed: u32) -> u32 {
    let word = |bytes: &[u8]| {
        let mut whole = [0; 4];
        whole[..bytes.len()].copy_from_slice(bytes);
        u32::from_le_bytes(whole)
    };
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let start = 0xdead_beef_u32.wrapping_add(length).wrapping_add(seed);
    let (mut a, mut b, mut c) = (start, start, start);
    let mut rest = key;
    while rest.len() > 12 {
        a = a.wrapping_add(word(&rest[..4]));
        b = b.wrapping_add(word(&rest[4..8]));
        c = c.wrapping_add(word(&rest[8..12]));
        (a, b, c) = mixed(a, b, c);
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return c;
    }
    let part = |from: usize| {
        let end = (from + 4).min(rest.len());
        rest.get(from..end).map_or(0, word)
    };
    let turn = [
        a.wrapping_add(part(0)),
        b.wrapping_add(part(4)),
        c.wrapping_add(part(8)),
    ];
    finished(turn)
}

/// A number below `bound`, as even as the hash (`reciprocal_scale`).
pub(super) fn scaled(hash: u32, bound: u32) -> u32 {
    let product = u64::from(hash) * u64::from(bound);
    u32::try_from(product >> 32).unwrap_or(0)
}

fn mixed(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    for (first, second, third) in [(4, 6, 8), (16, 19, 4)] {
        a = a.wrapping_sub(c) ^ c.rotate_left(first);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(second);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(third);
        b = b.wrapping_add(a);
    }
    (a, b, c)
}

fn finished(mut turn: [u32; 3]) -> u32 {
    for (idx, by) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
        // c from b, a from c, b from a, and so on.
        let (into, from) = [(2, 1), (0, 2), (1, 0)][idx % 3];
        turn[into] = (turn[into] ^ turn[from]).wrapping_sub(turn[from].rotate_left(by));
    }
    turn[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_kernels() {
        assert_eq!(jhash(&[], 0), 0xdead_beef);
        // What Linux 6.18 made of `jhash ip daddr mod 65536 seed 0x1`, and of two values at once.
        for (last, mark) in [
            (1, 45_954),
            (2, 8_187),
            (3, 37_124),
            (4, 16_591),
            (5, 53_107),
        ] {
            assert_eq!(scaled(jhash(&[127, 0, 0, last], 1), 65_536), mark);
        }
        let two = [127, 0, 0, 1, 3, 233, 0, 0];
        assert_eq!(scaled(jhash(&two, 0xdead_beef), 65_536), 50_216);
        assert!(scaled(u32::MAX, 4) == 3 && scaled(0, 4) == 0);
    }
}
