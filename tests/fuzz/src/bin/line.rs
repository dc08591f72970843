//! Arbitrary bytes as a line that a person types at the workstation: shell, tools and kubectl; never a panic, always an end.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    packetwalk_fuzz::type_line(&String::from_utf8_lossy(bytes));
});
