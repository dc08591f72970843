//! A description as it is written: lines whose tabs will line up.
//!
//! **Left out**: nothing.

use super::super::duration;
use super::super::io::Ctx;
use super::super::object::{self, at, text, texts};
use super::super::printers::tabs::{DESCRIBE, align};
use super::Events;
use crate::api::Kind;
use crate::store::Store;
use crate::time::{Clock, unix_secs};
use serde_json::Value;
use std::sync::Arc;

/// Longer annotations go on on lines of their own.
const MAX_ANNOTATION: usize = 140;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A description under way.
pub(super) struct Sheet<'c> {
    pub(super) store: &'c Store,
    pub(super) clock: Clock,
    done: String,
    open: String,
    shows_events: bool,
}

impl<'c> Sheet<'c> {
    pub(super) fn new(ctx: &'c Ctx<'_>, _: &Value, events: Events) -> Sheet<'c> {
        let cluster = ctx.target.cluster();
        Sheet {
            store: cluster.store(),
            clock: cluster.clock(),
            done: String::new(),
            open: String::new(),
            shows_events: events == Events::Shown,
        }
    }

    /// Writes a text; tabs end cells.
    pub(super) fn put(&mut self, text: &str) {
        self.open.push_str(text);
    }

    /// `Name:  value`
    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.put(&format!("{name}:\t{value}\n"));
    }

    /// Lines up what was written so far.
    pub(super) fn flush(&mut self) {
        let open = std::mem::take(&mut self.open);
        self.done.push_str(&align(&open, DESCRIBE));
    }

    pub(super) fn finish(mut self) -> String {
        self.flush();
        self.done
    }

    /// Labels or a selector, one a line.
    pub(super) fn labels(&mut self, title: &str, map: &Value) {
        let pairs = texts(map).into_iter();
        self.lines(title, pairs.map(|(key, value)| format!("{key}={value}")));
    }

    /// Things below one another beside their title, or that there are none.
    pub(super) fn lines(&mut self, title: &str, lines: impl ExactSizeIterator<Item = String>) {
        self.put(&format!("{title}:\t"));
        if lines.len() == 0 {
            self.put("<none>\n");
        }
        for (idx, line) in lines.enumerate() {
            if idx > 0 {
                self.put("\t");
            }
            self.put(&format!("{line}\n"));
        }
    }

    /// Annotations, one a line, the long ones on several.
    pub(super) fn annotations(&mut self, title: &str, map: &Value) {
        self.put(&format!("{title}:\t"));
        let pairs: Vec<_> = texts(map)
            .into_iter()
            .filter(|it| it.0 != LAST_APPLIED)
            .collect();
        if pairs.is_empty() {
            self.put("<none>\n");
        }
        for (idx, (key, value)) in pairs.into_iter().enumerate() {
            if idx > 0 {
                self.put("\t");
            }
            let value = value.strip_suffix('\n').unwrap_or(value);
            if value.len() + key.len() + 2 <= MAX_ANNOTATION && !value.contains('\n') {
                self.put(&format!("{key}: {value}\n"));
                continue;
            }
            self.put(&format!("{key}:\n"));
            for line in value.split('\n') {
                let cut: String = line.chars().take(MAX_ANNOTATION - 2).collect();
                let more = if cut.len() < line.len() { "..." } else { "" };
                self.put(&format!("\t  {cut}{more}\n"));
            }
        }
    }

    /// Name, namespace, labels and annotations, as most kinds begin.
    pub(super) fn head(&mut self, it: &Value) {
        self.field("Name", object::name(it));
        self.field("Namespace", object::namespace(it));
        self.labels("Labels", at(it, &["metadata", "labels"]));
        self.annotations("Annotations", at(it, &["metadata", "annotations"]));
    }

    /// The owner that looks after an object.
    pub(super) fn controlled_by(&mut self, it: &Value) {
        let owners = object::items(at(it, &["metadata", "ownerReferences"]));
        if let Some(owner) = owners.iter().find(|it| it["controller"] == true) {
            let shown = format!("{}/{}", text(owner, &["kind"]), text(owner, &["name"]));
            self.field("Controlled By", &shown);
        }
    }

    /// A date as `describe` writes it.
    pub(super) fn date(stamp: &str) -> String {
        match unix_secs(stamp) {
            Some(secs) => rfc1123(secs),
            None => "<unset>".to_owned(),
        }
    }

    /// How long ago a date was.
    pub(super) fn since(&self, stamp: &Value) -> String {
        duration::age(&self.clock, stamp.as_str())
    }

    /// The events about an object.
    pub(super) fn events(&mut self, it: &Value) {
        if !self.shows_events {
            return;
        }
        let events = about(self.store, it);
        if events.is_empty() {
            self.field("Events", "<none>");
            return;
        }
        self.flush();
        self.put(
            "Events:\n  Type\tReason\tAge\tFrom\tMessage\n  ----\t------\t----\t----\t-------\n",
        );
        for event in events {
            let first = match event["eventTime"].as_str() {
                Some(_) => self.since(&event["eventTime"]),
                None => self.since(&event["firstTimestamp"]),
            };
            let count = event["count"].as_i64().unwrap_or(1);
            let age = if count > 1 {
                format!(
                    "{} (x{count} over {first})",
                    self.since(&event["lastTimestamp"])
                )
            } else {
                first
            };
            let source = match text(&event, &["source", "component"]) {
                "" => text(&event, &["reportingComponent"]),
                it => it,
            };
            let (kind, reason) = (text(&event, &["type"]), text(&event, &["reason"]));
            let message = text(&event, &["message"]).trim();
            self.put(&format!("  {kind}\t{reason}\t{age}\t{source}\t{message}\n"));
        }
    }
}

/// The events about an object, the oldest first.
pub(crate) fn about(store: &Store, it: &Value) -> Vec<Arc<Value>> {
    let mut events: Vec<Arc<Value>> = store
        .documents(Kind::Event)
        .map(|it| it.1.clone())
        .filter(|event| {
            let about = &event["involvedObject"];
            let uid = text(about, &["uid"]);
            text(about, &["name"]) == object::name(it)
                && text(about, &["kind"]) == text(it, &["kind"])
                && text(about, &["namespace"]) == object::namespace(it)
                && (uid.is_empty()
                    || uid == text(it, &["metadata", "uid"])
                    || uid == object::name(it))
        })
        .collect();
    events.sort_by_key(|it| last_seen(it));
    events
}

fn last_seen(event: &Value) -> Option<i64> {
    unix_secs(text(event, &["lastTimestamp"])).or_else(|| unix_secs(text(event, &["eventTime"])))
}

/// `Thu, 19 Nov 2026 22:33:40 +0000`
fn rfc1123(secs: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let stamp = crate::time::stamp(secs);
    let number = |from: usize| {
        stamp
            .get(from..from + 2)
            .and_then(|it| it.parse().ok())
            .unwrap_or(1)
    };
    let weekday = usize::try_from(secs.div_euclid(86_400).rem_euclid(7)).unwrap_or(0);
    let month: usize = number(5);
    format!(
        "{}, {:02} {} {} {} +0000",
        DAYS[weekday],
        number(8),
        MONTHS[(month - 1) % 12],
        &stamp[..4],
        &stamp[11..19],
    )
}
