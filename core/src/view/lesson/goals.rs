//! Goals as sentences: what is to be reached, and how it stands now.
//!
//! **Left out**: how to reach them.

use crate::lesson::{Ask, MEASURES, Standing};

/// A goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoalView {
    /// What is to be reached.
    pub words: String,
    /// Whether it is; nobody knows before it was measured.
    pub is_reached: Option<bool>,
    /// What was measured.
    pub now: String,
}

/// A goal, and how it stands if that was measured.
#[must_use]
pub fn goal_view(goal: &Ask, standing: Option<&Standing>) -> GoalView {
    let now = standing.map(|it| match &it.measured {
        Ok(measured) => measured.value.clone(),
        Err(error) => error.to_string(),
    });
    GoalView {
        words: goal_words(goal),
        is_reached: standing.map(|it| it.is_reached),
        now: now.unwrap_or_default(),
    }
}

/// How all of them stand, in a sentence.
#[must_use]
pub fn goals_told(goals: &[GoalView]) -> String {
    let n_reached = goals.iter().filter(|it| it.is_reached == Some(true));
    match (n_reached.count(), goals.len()) {
        (n, all) if n == all => "Everything is reached.".to_owned(),
        (n, all) => format!("{n} of {all} goals are reached."),
    }
}

fn goal_words(goal: &Ask) -> String {
    let is = goal.is.as_deref().unwrap_or_default().trim();
    let what = match goal.of.as_str() {
        "arrives" => format!("{is} of 100 requests are answered"),
        "spread" if is == "1" => "one pod answers, always the same".to_owned(),
        "spread" => format!("{is} pods share the requests"),
        "verdict" => format!("the request is {is}"),
        "destination" => format!("the request arrives at {is}"),
        "pods" => format!("it is {is} that answers"),
        "source-seen" => format!("the receiver sees {is} as the sender"),
        "port-sent" => format!("the packet sets out for port {is}"),
        "port-seen" => format!("the packet arrives at port {is}"),
        "rewritten-on" => format!("{is} rewrites the destination"),
        "resolves" if is == "none" => "the name has no address".to_owned(),
        "resolves" => format!("the name leads to {is}"),
        "queries" if is == "1" => "the name costs one question".to_owned(),
        "queries" => format!("the name costs {is} questions"),
        "exists" if is == "yes" => format!("{} is there", goal.object),
        "exists" => format!("{} is gone", goal.object),
        "endpoints" => format!("{} has {is} ready endpoints", goal.object),
        "prints" if is.is_empty() => format!("{} prints nothing", goal.line),
        "prints" => format!("{} prints {is}", goal.line),
        "exits" => format!("{} exits with {is}", goal.line),
        other => {
            let about = MEASURES.iter().find(|it| it.name == other);
            format!("{}: {is}", about.map_or(other, |it| it.about))
        }
    };
    match (goal.from.as_str(), goal.to.as_str()) {
        ("", _) | (_, "") => what,
        (from, to) => format!("{from} asks {to}{}: {what}", entering(goal)),
    }
}

/// Where the packet comes in, if that matters.
fn entering(goal: &Ask) -> String {
    match goal.node.as_str() {
        "" => String::new(),
        node => format!(" at {node}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::Measured;

    fn goal(of: &str, is: &str) -> Ask {
        Ask {
            of: of.to_owned(),
            from: "pod/client".to_owned(),
            to: "http://web".to_owned(),
            is: Some(is.to_owned()),
            ..Ask::default()
        }
    }

    #[test]
    fn a_goal_is_a_sentence_and_says_how_it_stands() {
        let standing = Standing {
            measured: Ok(Measured { value: "0".into() }),
            is_reached: false,
        };
        let view = goal_view(&goal("arrives", "100"), Some(&standing));
        assert_eq!(
            view.words,
            "pod/client asks http://web: 100 of 100 requests are answered"
        );
        assert_eq!((view.is_reached, view.now.as_str()), (Some(false), "0"));
        assert_eq!(goals_told(&[view]), "0 of 1 goals are reached.");
    }

    #[test]
    fn whatever_can_be_measured_has_words() {
        for measure in MEASURES {
            let words = goal_view(&goal(measure.name, "x"), None).words;
            let named = format!("{}: x", measure.name);
            assert!(!words.ends_with(&named), "{words}");
        }
    }
}
