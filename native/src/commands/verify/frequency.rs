//! Whether lots fall as often as they should.
//!
//! A flow with several ways is sent a number of times that is fixed beforehand, and who answered is counted. The test is the exact
//! binomial one, for each way by itself and from both sides: a count is a disagreement when counts as unlikely as it, or more so, have
//! together a probability below [`LEVEL`]. All flows of a run whose ways are equally many and equally likely are tested once more
//! together, first way with first way, so that a small bias that every Service has is seen as well. A run tests fewer than 100,000
//! counts, so that by Bonferroni's bound a run without a fault finds a difference less than once in 10,000 runs.
//!
//! **Left out**: whether one lot depends on another.

use super::flows::FlowPlan;
use super::rounds::way_name;
use crate::compare::Comparison;
use packetwalk_core::sim::Outcomes;
use serde::Serialize;
use std::collections::BTreeMap;

/// How unlikely a count must be.
pub(super) const LEVEL: f64 = 1e-9;

/// How often each way of a flow was taken.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// Who asked.
    pub from: String,
    /// Whom.
    pub to: String,
    /// How often.
    pub n_connections: usize,
    /// Each way, with its probability and how often it was taken, in the order of the rules.
    pub ways: Vec<(String, f64, usize)>,
    #[serde(skip)]
    pub(super) plan: Option<FlowPlan>,
}

/// Who answers, with which probability, in the order of the rules.
pub(super) fn expected(ways: &Outcomes) -> Vec<(String, f64)> {
    let mut all: Vec<(String, f64)> = Vec::new();
    for branch in &ways.ways.branches {
        let name = way_name(&branch.result);
        match all.iter_mut().find(|it| it.0 == name) {
            Some(it) => it.1 += branch.probability,
            None => all.push((name, branch.probability)),
        }
    }
    all
}

/// Tests every way of a sample.
pub(super) fn test(sample: &Sample) -> Comparison {
    let mut comparison = Comparison::default();
    let n = sample.n_connections;
    for (name, probability, count) in &sample.ways {
        let about = format!(
            "how often {name} is drawn in {n} connections to {}",
            sample.to
        );
        check(
            &sample.from,
            &about,
            n,
            (*probability, *count),
            &mut comparison,
        );
    }
    comparison
}

/// Tests all samples of a run together.
pub(super) fn test_together(samples: &[Sample]) -> Comparison {
    let mut classes: BTreeMap<Vec<u64>, Vec<&Sample>> = BTreeMap::new();
    for sample in samples {
        let likely = sample.ways.iter().map(|it| (it.1 * 1e6).round() as u64);
        classes.entry(likely.collect()).or_default().push(sample);
    }
    let mut comparison = Comparison::default();
    for alike in classes.values() {
        let n: usize = alike.iter().map(|it| it.n_connections).sum();
        let n_ways = alike[0].ways.len();
        for idx in 0..n_ways {
            let count = alike.iter().map(|it| it.ways[idx].2).sum();
            let about = format!(
                "how often way {} of {n_ways} is drawn in {n} connections",
                idx + 1
            );
            let probability = alike[0].ways[idx].1;
            check(
                "all flows together",
                &about,
                n,
                (probability, count),
                &mut comparison,
            );
        }
    }
    comparison
}

fn check(
    place: &str,
    about: &str,
    n: usize,
    (probability, count): (f64, usize),
    comparison: &mut Comparison,
) {
    let expected = format!("about {:.0}", probability * n as f64);
    let told = match likelihood(n, probability, count) < LEVEL {
        true => count.to_string(),
        false => expected.clone(),
    };
    comparison.check(place, about, expected, told);
}

/// The probability of counts that are as unlikely as this one, or more so.
fn likelihood(n: usize, probability: f64, count: usize) -> f64 {
    if probability <= 0.0 || probability >= 1.0 {
        let certain = if probability <= 0.0 { 0 } else { n };
        return if count == certain { 1.0 } else { 0.0 };
    }
    let mut logarithms = vec![0.0; n + 1];
    for k in 1..=n {
        logarithms[k] = logarithms[k - 1] + (k as f64).ln();
    }
    let of = |k: usize| {
        let ways = logarithms[n] - logarithms[k] - logarithms[n - k];
        let logarithm =
            ways + k as f64 * probability.ln() + (n - k) as f64 * (-probability).ln_1p();
        logarithm.exp()
    };
    // Equally likely counts on the other side must not be lost to rounding.
    let limit = of(count) * (1.0 + 1e-7);
    (0..=n).map(of).filter(|it| *it <= limit).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likelihoods_are_those_of_the_binomial_distribution() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(likelihood(10, 0.5, 5), 1.0));
        // Both tails: none and all.
        assert!(near(likelihood(10, 0.5, 0), 2.0 / 1024.0));
        assert!(near(likelihood(3, 0.25, 3), 1.0 / 64.0));
        assert!(near(likelihood(5, 1.0, 5), 1.0) && likelihood(5, 1.0, 4) == 0.0);
    }

    #[test]
    fn a_biased_lot_is_found_and_a_fair_one_is_not() {
        let sample = |count| Sample {
            from: "a".into(),
            to: "b".into(),
            n_connections: 48,
            ways: vec![("x".into(), 0.5, count), ("y".into(), 0.5, 48 - count)],
            plan: None,
        };
        assert!(test(&sample(14)).disagreements.is_empty());
        assert_eq!(test(&sample(1)).disagreements.len(), 2);
        // One alone proves nothing; a hundred of them do.
        assert!(test(&sample(30)).disagreements.is_empty());
        assert_eq!(test_together(&vec![sample(30); 100]).disagreements.len(), 2);
        assert!(
            test_together(&vec![sample(24); 100])
                .disagreements
                .is_empty()
        );
    }
}
