//! Arbitrary bytes as each kind of patch of a Service and of a Deployment: refused, or made and shown; never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    for kind in ["--type=strategic", "--type=merge", "--type=json"] {
        for object in ["service/api", "deployment/api"] {
            let _ = packetwalk_fuzz::kubectl(&["patch", object, kind, "-oyaml", "-p", &text]);
        }
    }
});
