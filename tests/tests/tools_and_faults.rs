//! What tools print where a program is there and does not do what it should.
//!
//! **Left out**: what crashes: nothing listens then, as the other tools' tests have it.

use packetwalk_core::controllers::{ContainerFault, Fault};
use packetwalk_core::shell::{Finished, Place, Shell, System};
use packetwalk_core::sim::{Happening, Start, StartFile, Timeline};
use packetwalk_core::tools::{Files, Site, Workplace};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Runs a line in the pod `client`, while the program of the pod `api-1` has a fault.
fn run_beside(fault: ContainerFault, line: &str) -> Finished {
    let mut timeline = Timeline::new(Start {
        files: vec![StartFile {
            name: "w.yaml".into(),
            text: include_str!("../cases/tools.yaml").into(),
        }],
        seed: 1,
    });
    let fault = Fault::Container {
        pod: ("default".into(), "api-1".into()),
        container: "c".into(),
        fault,
    };
    let happened = timeline.happen(Happening::Fault(fault));
    happened.expect("it happens");
    let site = Rc::new(Site::new(Rc::new(RefCell::new(timeline))));
    let files: Rc<dyn Files> = Rc::new(BTreeMap::<String, String>::new());
    let system: Rc<dyn System> = Rc::new(Workplace::new(site, files));
    let client = Place::Pod {
        namespace: "default".into(),
        name: "client".into(),
        container: "c".into(),
    };
    Shell::new(system, &client).run_line(line, "")
}

/// What curl 7.88.1 and BusyBox' wget print where a socket is open and its program does nothing, or answers 500.
#[test]
fn a_program_that_hangs_keeps_its_clients_waiting_and_one_that_fails_answers_500() {
    let rows = [
        (
            ContainerFault::Hangs,
            "curl -sS -m 2 10.244.1.5:8080",
            "",
            "curl: (28) Operation timed out after 2001 milliseconds with 0 bytes received\n",
            28,
        ),
        // It is no question of connecting.
        (
            ContainerFault::Hangs,
            "curl -sS -m 3 --connect-timeout 1 10.244.1.5:8080",
            "",
            "curl: (28) Operation timed out after 3001 milliseconds with 0 bytes received\n",
            28,
        ),
        (
            ContainerFault::Hangs,
            "nc -zv 10.244.1.5 8080",
            "",
            "Connection to 10.244.1.5 8080 port [tcp/http-alt] succeeded!\n",
            0,
        ),
        (
            ContainerFault::Hangs,
            "wget -q -T 5 -O - 10.244.1.5:8080",
            "",
            "wget: download timed out\n",
            1,
        ),
        (
            ContainerFault::Hangs,
            "curl -s 10.244.2.3:8080",
            "hello from two\n",
            "",
            0,
        ),
        (
            ContainerFault::Fails,
            "curl -s -w '%{http_code}\\n' 10.244.1.5:8080",
            "Internal Server Error\n500\n",
            "",
            0,
        ),
        (
            ContainerFault::Fails,
            "curl -sSf 10.244.1.5:8080",
            "",
            "curl: (22) The requested URL returned error: 500\n",
            22,
        ),
        (
            ContainerFault::Fails,
            "wget -q -O - 10.244.1.5:8080",
            "",
            "wget: server returned error: HTTP/1.1 500 Internal Server Error\n",
            1,
        ),
    ];
    for (fault, line, out, errors, code) in rows {
        let it = run_beside(fault, line);
        assert_eq!(
            (it.stdout.as_str(), it.stderr.as_str(), it.code),
            (out, errors, code),
            "{line}"
        );
    }
}
