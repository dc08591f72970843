//! A set of numbers, kept as runs of neighbours.
//!
//! Kubernetes keeps a bitmap, or an object an address, and scans; a range as large as 10.96.0.0/12
//! has a million addresses, and they are handed out next to each other when it fills up. Runs find
//! the next number that is free in the time of one look-up.
//!
//! **Left out**: everything but what the allocators ask.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    /// The first number of each run, and the first one behind it. Runs never touch.
    runs: BTreeMap<u128, u128>,
    len: u128,
}

impl Runs {
    /// How many numbers are in it.
    pub(super) fn len(&self) -> u128 {
        self.len
    }

    /// Whether a number is in it.
    pub(super) fn contains(&self, number: u128) -> bool {
        self.run_at(number).is_some()
    }

    /// Puts a number in; false if it was in already.
    pub(super) fn insert(&mut self, number: u128) -> bool {
        if self.contains(number) {
            return false;
        }
        let before = self.runs.range(..=number).next_back();
        let start = match before {
            Some((start, end)) if *end == number => *start,
            _ => number,
        };
        let end = self.runs.remove(&(number + 1)).unwrap_or(number + 1);
        self.runs.insert(start, end);
        self.len += 1;
        true
    }

    /// Takes a number out; false if it was not in.
    pub(super) fn remove(&mut self, number: u128) -> bool {
        let Some((start, end)) = self.run_at(number) else {
            return false;
        };
        self.runs.remove(&start);
        if start < number {
            self.runs.insert(start, number);
        }
        if number + 1 < end {
            self.runs.insert(number + 1, end);
        }
        self.len -= 1;
        true
    }

    /// The first number of a range that is not in it.
    pub(super) fn first_free(&self, within: Range<u128>) -> Option<u128> {
        let at = self.run_at(within.start).map_or(within.start, |it| it.1);
        (at < within.end).then_some(at)
    }

    fn run_at(&self, number: u128) -> Option<(u128, u128)> {
        let (start, end) = self.runs.range(..=number).next_back()?;
        (number < *end).then_some((*start, *end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((any::<bool>(), 0u128..12), 0..60)) {
            let mut runs = Runs::default();
            let mut set = BTreeSet::new();
            for (is_insert, number) in steps {
                if is_insert {
                    prop_assert_eq!(runs.insert(number), set.insert(number));
                } else {
                    prop_assert_eq!(runs.remove(number), set.remove(&number));
                }
                prop_assert_eq!(runs.len(), set.len() as u128);
                for start in 0..12 {
                    prop_assert_eq!(runs.contains(start), set.contains(&start));
                    let free = (start..12).find(|it| !set.contains(it));
                    prop_assert_eq!(runs.first_free(start..12), free);
                }
            }
        }

        #[test]
        fn what_is_emptied_is_equal_to_what_is_new(
            numbers in prop::collection::btree_set(0u128..40, 0..40)
        ) {
            let mut runs = Runs::default();
            for number in &numbers {
                runs.insert(*number);
            }
            for number in numbers.iter().rev() {
                runs.remove(*number);
            }
            prop_assert_eq!(runs, Runs::default());
        }
    }
}
