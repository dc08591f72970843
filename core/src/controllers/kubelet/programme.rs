//! What a container's program does, as its pod's annotations say.
//!
//! Images say nothing here, so a program runs for ever unless it is told otherwise, by a fault or by the pod itself:
//!
//! * `packetwalk.dev/exits: "1 after 5s"`: it ends with that code so long after every start;
//! * `packetwalk.dev/starts: "30s"`: so long after every start its sockets answer nobody; `never` is for ever.
//!
//! Each may name containers: `web=1 after 5s, sidecar=0 after 1m`. Both are facts of the simulator, and no field of
//! Kubernetes.
//!
//! **Left out**: a program that does not answer yet is seen by probes only; a request that reaches it all the same is
//! answered.

use crate::api::Pod;
use crate::time::Duration;

const EXITS: &str = "packetwalk.dev/exits";
const STARTS: &str = "packetwalk.dev/starts";

/// How a program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exit {
    /// With which code.
    pub(super) code: i32,
    /// How long after its start.
    pub(super) after: Duration,
}

/// How a program begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// It answers so long after its start.
    After(Duration),
    /// It never answers.
    Never,
}

/// How a container of a pod ends by itself, if it does.
pub(super) fn exit(pod: &Pod, container: &str) -> Option<Exit> {
    let text = told(pod, EXITS, container)?;
    let (code, after) = text.split_once(" after ").unwrap_or((text, "1s"));
    Some(Exit {
        code: code.trim().parse().ok()?,
        after: length(after)?,
    })
}

/// How a container of a pod begins.
pub(super) fn beginning(pod: &Pod, container: &str) -> Beginning {
    match told(pod, STARTS, container) {
        Some("never") => Beginning::Never,
        Some(text) => Beginning::After(length(text).unwrap_or_default()),
        None => Beginning::After(Duration::default()),
    }
}

/// What an annotation says of a container: what names it, or else what names none.
fn told<'a>(pod: &'a Pod, annotation: &str, container: &str) -> Option<&'a str> {
    let text = pod.metadata.annotations.get(annotation)?;
    let parts = || text.split(',').map(str::trim);
    let named = parts().find_map(|it| {
        let (name, rest) = it.split_once('=')?;
        (name.trim() == container).then(|| rest.trim())
    });
    named.or_else(|| parts().find(|it| !it.contains('=')))
}

/// A length of time as Kubernetes writes it: `5s`, `1m30s`, `500ms`.
fn length(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut ms = 0u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let n_digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest.get(..n_digits)?.parse().ok()?;
        rest = &rest[n_digits..];
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
        let (unit, factor) = units.iter().find(|it| rest.starts_with(it.0))?;
        ms = ms.checked_add(number.checked_mul(*factor)?)?;
        rest = &rest[unit.len()..];
    }
    Some(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_say_how_programs_begin_and_end() {
        let mut pod = Pod::default();
        assert_eq!(exit(&pod, "web"), None);
        assert_eq!(
            beginning(&pod, "web"),
            Beginning::After(Duration::default())
        );
        let mut say = |name: &str, text: &str| {
            pod.metadata.annotations.insert(name.into(), text.into());
            (exit(&pod, "web"), beginning(&pod, "web"))
        };
        let after = |code, ms| {
            let after = Duration::from_millis(ms);
            Some(Exit { code, after })
        };
        for (text, expected) in [
            ("1 after 5s", after(1, 5000)),
            ("0", after(0, 1000)),
            ("137 after 1m30s", after(137, 90_000)),
            ("other=1 after 5s", None),
            ("other=1 after 5s, web=2 after 500ms", after(2, 500)),
            ("3 after 1h, other=1", after(3, 3_600_000)),
            ("soon", None),
            ("1 after 5", None),
            ("1 after 99999999999999999999h", None),
        ] {
            assert_eq!(say(EXITS, text).0, expected, "{text}");
        }
        assert_eq!(say(STARTS, "never").1, Beginning::Never);
        let late = Beginning::After(Duration::from_secs(30));
        assert_eq!(say(STARTS, "web=30s").1, late);
    }
}
