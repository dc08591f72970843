//! Putting things in order: as they come, or afterwards.
//!
//! The standard sorts are faster on long shuffled lists, and weigh a few kilobytes for every type in the
//! browser's download. Here one merge sort of places serves all types; only comparing and swapping are a type's own.
//!
//! **Left out**: sorting that does not keep the order of equal items.

use std::cmp::Ordering;

/// Puts a list in order. Equal items keep theirs.
pub fn sort<T: Ord>(list: &mut [T]) {
    sort_by(list, T::cmp);
}

/// Puts a list in the order of a key. Equal items keep theirs.
pub fn sort_by_key<T, K: Ord>(list: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(list, |a, b| key(a).cmp(&key(b)));
}

/// Puts a list in some order. Equal items keep theirs.
pub fn sort_by<T>(list: &mut [T], order: impl Fn(&T, &T) -> Ordering) {
    let places = merged(list.len(), &|a, b| order(&list[a], &list[b]));
    moved(&places, &mut |a, b| list.swap(a, b));
}

/// What comes, put into an ordered map or set piece by piece. `collect` would sort it first, with a sort for every type.
pub fn gathered<M: Default + Extend<T>, T>(items: impl IntoIterator<Item = T>) -> M {
    let mut gathered = M::default();
    gathered.extend(items);
    gathered
}

/// Where each item of a sorted list comes from.
fn merged(n: usize, order: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut from: Vec<usize> = (0..n).collect();
    let mut to = Vec::with_capacity(n);
    let mut width = 1;
    while width < n {
        to.clear();
        for start in (0..n).step_by(2 * width) {
            let middle = (start + width).min(n);
            let end = (middle + width).min(n);
            let (mut left, mut right) = (start, middle);
            // Most lists come nearly in order.
            let is_in_order = middle == end || order(from[middle - 1], from[middle]).is_le();
            while !is_in_order && left < middle && right < end {
                if order(from[left], from[right]).is_le() {
                    to.push(from[left]);
                    left += 1;
                } else {
                    to.push(from[right]);
                    right += 1;
                }
            }
            to.extend_from_slice(&from[left..middle]);
            to.extend_from_slice(&from[right..end]);
        }
        std::mem::swap(&mut from, &mut to);
        width *= 2;
    }
    from
}

/// Moves every item to its place by swaps, one an item.
fn moved(places: &[usize], swap: &mut dyn FnMut(usize, usize)) {
    let mut targets = vec![0; places.len()];
    for (target, from) in places.iter().enumerate() {
        targets[*from] = target;
    }
    for at in 0..targets.len() {
        while targets[at] != at {
            let target = targets[at];
            swap(at, target);
            targets.swap(at, target);
        }
    }
}

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
    fn a_list_of_any_length_is_sorted_as_the_standard_sort_does() {
        for n in 0..70_u64 {
            let shuffled: Vec<(u64, u64)> = (0..n).map(|it| (it * 7919 % 23, it)).collect();
            let mut ours = shuffled.clone();
            sort_by_key(&mut ours, |it| it.0);
            let mut theirs = shuffled.clone();
            theirs.sort_by_key(|it| it.0);
            assert_eq!(ours, theirs);
            sort(&mut ours);
            theirs.sort();
            assert_eq!(ours, theirs);
        }
    }

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
