//! Arbitrary bytes as a label selector and as a field selector: refused or obeyed; never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for flag in ["--selector", "--field-selector"] {
        let flag = format!("{flag}={text}");
        let _ = packetwalk_fuzz::kubectl(&["get", "pods,services,nodes", "-A", "-oname", &flag]);
    }
});
