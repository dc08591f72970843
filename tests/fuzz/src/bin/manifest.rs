//! Arbitrary bytes as a manifest: read, made into a world, complained about; never a panic.
//!
//! **Left out**: walks through what came of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use packetwalk_core::api::{File, read};
use packetwalk_core::sim::World;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let manifest = read(&[File {
        name: "fuzz.yaml".into(),
        text: text.as_ref().into(),
    }]);
    for complaint in &manifest.complaints {
        assert!(!complaint.message.is_empty());
    }
    if !manifest.has_errors() {
        let _ = World::from_manifest(&manifest, None, 1);
    }
});
