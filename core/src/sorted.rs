//! Putting things in order as they come.
//!
//! For lists that are short or arrive nearly in order. The standard sorts are faster on long
//! shuffled ones, and weigh a few kilobytes for every type in the browser's download.
//!
//! **Left out**: everything but insertion.

use std::cmp::Ordering;

/// Puts an item behind all that are not greater, so that equal ones keep their order.
pub fn insert_by<T>(list: &mut Vec<T>, item: T, order: impl Fn(&T, &T) -> Ordering) {
    let at = list.partition_point(|it| order(it, &item).is_le());
    list.insert(at, item);
}

/// Puts an item behind all that are not greater by `key`.
pub fn insert_by_key<T, K: Ord>(list: &mut Vec<T>, item: T, key: impl Fn(&T) -> K) {
    insert_by(list, item, |a, b| key(a).cmp(&key(b)));
}

/// Puts an item in its place, unless it is there already.
pub fn insert_once<T: Ord>(list: &mut Vec<T>, item: T) {
    if let Err(at) = list.binary_search(&item) {
        list.insert(at, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_items_keep_their_order_and_doubles_are_left_out() {
        let mut list = Vec::new();
        for item in [(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd')] {
            insert_by_key(&mut list, item, |it| it.0);
        }
        assert_eq!(list, [(1, 'b'), (1, 'd'), (2, 'a'), (2, 'c')]);
        let mut set = Vec::new();
        for item in [3, 1, 3, 2, 1] {
            insert_once(&mut set, item);
        }
        assert_eq!(set, [1, 2, 3]);
    }
}
