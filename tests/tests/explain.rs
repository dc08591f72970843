//! `kubectl explain` against the real kubectl: what it printed before the same descriptions, byte for byte.

use packetwalk_core::console::{Console, NoEditor};
use packetwalk_core::shell::{Place, Stream};
use packetwalk_core::sim::{Start, Timeline};
use packetwalk_core::time::Duration;
use packetwalk_tests::recorded;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

#[test]
fn explain_prints_what_the_real_kubectl_prints() {
    let start = Start {
        files: Vec::new(),
        seed: 1,
    };
    let files: BTreeMap<String, String> = BTreeMap::new();
    let timeline = Rc::new(RefCell::new(Timeline::new(start)));
    let console = Console::new(timeline, Rc::new(files), Rc::new(NoEditor));
    let mut shell = console.shell(&Place::Workstation);
    let cases = recorded("tests/cases/explain.txt");
    assert!(cases.len() > 30);
    for (line, expected) in cases {
        shell.start(&line);
        shell.advance(console.now() + Duration::from_secs(1));
        let chunks = shell.take_output();
        let of = |stream| -> String {
            let chunks = chunks.iter().filter(|it| it.stream == stream);
            chunks.map(|it| it.text.as_str()).collect()
        };
        let errors: String = of(Stream::Err)
            .lines()
            .map(|it| format!("! {it}\n"))
            .collect();
        assert_eq!(format!("{}{errors}", of(Stream::Out)), expected, "{line}");
    }
}
