//! `packetwalk lab list`: the labs of this machine, and how they fare.
//!
//! **Left out**: labs of `packetwalk verify`, which do not stay.

use crate::error::Error;
use crate::keeper::{Home, State};
use crate::output;
use packetwalk_core::kubectl::human_duration;
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// List the labs there are
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The form of the list
    #[arg(short, long, default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

/// Lists them.
pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut labs = Vec::new();
    for home in Home::all()? {
        if let Some(state) = home.state()? {
            labs.push((home, state));
        }
    }
    if arguments.output == "json" {
        let labs: Vec<Value> = labs
            .iter()
            .map(|(home, state)| as_json(home, state))
            .collect();
        return output::json(&json!(labs));
    }
    if labs.is_empty() {
        output::remark("there is no lab: build one with packetwalk lab up -f FILE");
        return Ok(());
    }
    let mut rows =
        vec![["NAME", "STATE", "MODE", "NODES", "PODS", "KEEPER", "AGE"].map(str::to_owned)];
    rows.extend(labs.iter().map(|(home, state)| row(home, state)));
    output::answer(&table(&rows))
}

fn word(state: &State) -> &'static str {
    match state {
        State::Kept => "up",
        State::LeftBehind => "left behind",
    }
}

fn as_json(home: &Home, state: &State) -> Value {
    let about = home.about();
    json!({
        "name": home.id().to_string(),
        "state": word(state),
        "about": about,
    })
}

fn row(home: &Home, state: &State) -> [String; 7] {
    let name = home.id().to_string();
    let word = word(state).to_owned();
    let Some(it) = home.about() else {
        let unknown = || "-".to_owned();
        return [
            name,
            word,
            unknown(),
            unknown(),
            unknown(),
            unknown(),
            unknown(),
        ];
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let age = now.map_or(0, |it| it.as_secs()).saturating_sub(it.since);
    [
        name,
        word,
        it.mode,
        it.nodes.to_string(),
        it.pods.to_string(),
        it.pid.to_string(),
        human_duration(i64::try_from(age).unwrap_or_default()),
    ]
}

fn table(rows: &[[String; 7]]) -> String {
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (idx, cell) in row.iter().enumerate() {
            let width = rows
                .iter()
                .map(|it| it[idx].len())
                .max()
                .unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:width$}   ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
