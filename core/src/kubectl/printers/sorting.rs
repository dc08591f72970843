//! `--sort-by`
//!
//! `k8s.io/kubectl/pkg/cmd/get/sorter.go` of 1.32: numbers within texts count as numbers; what lacks the field comes first, and
//! since Go's sort compares it as less than anything, in reverse where there are at most twelve.
//!
//! **Left out**: how Go's sort mixes more than twelve such; quantities, which are compared as texts.

use super::jsonpath::{JsonPath, Missing, relaxed};
use serde_json::Value;
use std::cmp::Ordering;
use std::sync::Arc;

/// Up to so many Go sorts by insertion.
const BY_INSERTION: usize = 12;

/// Sorts objects by what a path finds in them. `None` where no object has it.
///
/// # Errors
/// When the path cannot be read.
pub(crate) fn sort(
    objects: Vec<Arc<Value>>,
    path: &str,
) -> Result<Option<Vec<Arc<Value>>>, String> {
    let path = JsonPath::new(&relaxed(path)?, Missing::Allowed)?;
    let mut keyed = Vec::new();
    for it in objects {
        let found = path.find(&it)?.into_iter().flatten().next();
        let found = found.map(std::borrow::Cow::into_owned);
        keyed.push((found, it));
    }
    if keyed.iter().all(|it| it.0.is_none()) && !keyed.is_empty() {
        return Ok(None);
    }
    if keyed.len() <= BY_INSERTION {
        for i in 1..keyed.len() {
            let mut j = i;
            while j > 0 && less(keyed[j].0.as_ref(), keyed[j - 1].0.as_ref()) {
                keyed.swap(j, j - 1);
                j -= 1;
            }
        }
    } else {
        keyed.sort_by(|a, b| match (&a.0, &b.0) {
            (None, None) => Ordering::Equal,
            (None, _) => Ordering::Less,
            (_, None) => Ordering::Greater,
            (Some(a), Some(b)) => order(a, b),
        });
    }
    Ok(Some(keyed.into_iter().map(|it| it.1).collect()))
}

fn less(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one, other) {
        (None, _) => true,
        (_, None) => false,
        (Some(one), Some(other)) => order(one, other) == Ordering::Less,
    }
}

fn order(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a
            .as_f64()
            .partial_cmp(&b.as_f64())
            .unwrap_or(Ordering::Equal),
        (Value::String(a), Value::String(b)) => natural(a, b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

/// Runs of digits by their number (`github.com/fvbommel/sortorder`).
fn natural(one: &str, other: &str) -> Ordering {
    let (a, b) = (one.as_bytes(), other.as_bytes());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if !(a[i].is_ascii_digit() && b[j].is_ascii_digit()) {
            if a[i] != b[j] {
                return a[i].cmp(&b[j]);
            }
            i += 1;
            j += 1;
            continue;
        }
        let skip =
            |of: &[u8], at: usize| at + of[at..].iter().take_while(|it| **it == b'0').count();
        let (si, sj) = (skip(a, i), skip(b, j));
        let run = |of: &[u8], at: usize| {
            at + of[at..].iter().take_while(|it| it.is_ascii_digit()).count()
        };
        let (ei, ej) = (run(a, si), run(b, sj));
        let by_value = (ei - si)
            .cmp(&(ej - sj))
            .then_with(|| a[si..ei].cmp(&b[sj..ej]));
        let by_zeros = (si - i).cmp(&(sj - j));
        if by_value != Ordering::Equal {
            return by_value;
        }
        if by_zeros != Ordering::Equal {
            return by_zeros;
        }
        (i, j) = (ei, ej);
    }
    (a.len() - i).cmp(&(b.len() - j))
}
