//! Names that were nearly right: the one that was probably meant, or all there are.
//!
//! Imitates the suggestions of a compiler: letters added, left out, replaced or swapped count one each.
//!
//! **Left out.** Names that mean the same and are spelled otherwise.

/// All the names, unless there are too many to read.
pub(super) fn listed(what: &str, names: &[&str]) -> Option<String> {
    const MANY: usize = 12;
    if names.is_empty() || names.len() > MANY {
        return None;
    }
    Some(format!("{what}: {}", names.join(", ")))
}

/// The name that was probably meant, as a question.
pub(super) fn nearest(name: &str, known: &[&str]) -> Option<String> {
    nearest_name(name, known).map(|it| format!("did you mean \"{it}\"?"))
}

/// The name that was probably meant, if one of the known ones is near.
pub fn nearest_name<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let same = known.iter().find(|it| it.eq_ignore_ascii_case(name));
    let near = || {
        let allowed = (name.chars().count() / 3).clamp(1, 3);
        known
            .iter()
            .filter(|it| it.len().abs_diff(name.len()) <= allowed)
            .map(|it| {
                (
                    distance(
                        &name.to_ascii_lowercase(),
                        &it.to_ascii_lowercase(),
                        allowed,
                    ),
                    it,
                )
            })
            .filter(|(distance, _)| *distance <= allowed)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, it)| it)
    };
    same.or_else(near).copied()
}

/// How many letters must be added, removed, replaced or swapped with their neighbour; anything over
/// `allowed` when it is certainly more.
fn distance(from: &str, to: &str, allowed: usize) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    if from.len().abs_diff(to.len()) > allowed {
        return allowed + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = row[j] + usize::from(a != b);
            let mut best = replaced.min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_alone_is_the_first_guess() {
        let known = ["targetPorts", "targetPort"];
        assert_eq!(
            nearest("targetport", &known).as_deref(),
            Some("did you mean \"targetPort\"?")
        );
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let known = ["selector", "ports", "type", "clusterIP"];
        for (slip, meant) in [
            ("selecter", "selector"),
            ("prots", "ports"),
            ("tpye", "type"),
            ("clusterIp", "clusterIP"),
        ] {
            assert_eq!(
                nearest(slip, &known),
                Some(format!("did you mean \"{meant}\"?"))
            );
        }
    }

    #[test]
    fn another_word_is_no_slip() {
        assert_eq!(nearest("replicas", &["selector", "ports", "type"]), None);
        assert_eq!(nearest("x", &["port"]), None);
    }

    #[test]
    fn a_short_list_of_names_is_shown_and_a_long_one_is_not() {
        assert_eq!(
            listed("values are", &["A", "B"]).as_deref(),
            Some("values are: A, B")
        );
        assert_eq!(listed("values are", &[]), None);
        assert_eq!(listed("values are", &["A"; 13]), None);
    }
}
