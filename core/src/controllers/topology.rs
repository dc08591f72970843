//! Hints by `service.kubernetes.io/topology-mode: Auto`: every zone gets endpoints in proportion to its processors.
//!
//! `staging/src/k8s.io/endpointslice/topologycache` of Kubernetes 1.36: endpoints are for their own zone first; zones with
//! more than their share give to those with less; slices that need not change are left alone while their hints still
//! allow every zone its minimum. Where that cannot work there are no hints at all, and an event says why.
//!
//! **Left out**: looking again at a Service when a node without its pods comes, goes or changes. Of zones that are equal
//! the first by name is taken, where Kubernetes takes any.

use super::Look;
use crate::api::{Endpoint, EndpointHints, EndpointSlice, HintFor, Kind, ObjectRef, Service};
use crate::sorted::gathered;
use std::collections::BTreeMap;
use std::sync::Arc;

const MODES: [&str; 2] = [
    "service.kubernetes.io/topology-mode",
    "service.kubernetes.io/topology-aware-hints",
];
const ZONE: &str = "topology.kubernetes.io/zone";
const CONTROL_PLANE: [&str; 2] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
];

/// How much more than its share an endpoint may have to bear.
const OVERLOAD: f64 = 0.2;

/// Whether a Service asks for these hints.
pub(super) fn is_asked_for(service: &Service) -> bool {
    let annotations = &service.metadata.annotations;
    let told = MODES.iter().find_map(|it| annotations.get(*it));
    told.is_some_and(|it| matches!(it.as_str(), "Auto" | "auto"))
}

/// The slices of one family of a Service.
pub(super) struct Family<'a> {
    pub(super) creates: &'a mut [EndpointSlice],
    pub(super) updates: &'a mut Vec<EndpointSlice>,
    pub(super) unchanged: Vec<Arc<EndpointSlice>>,
}

/// The part of all processors that each zone has, by name; none if some node does not say enough.
pub(super) type Shares = BTreeMap<String, f64>;

/// The shares of the zones, of nodes that are ready and no control planes.
pub(super) fn shares(look: &Look<'_>) -> Option<Shares> {
    let mut by_zone: BTreeMap<String, u32> = BTreeMap::new();
    for node in look.objects.nodes.values() {
        let labels = &node.metadata.labels;
        let is_control_plane = CONTROL_PLANE.iter().any(|it| labels.contains_key(*it));
        let mut conditions = node.status.conditions.iter();
        let is_ready = conditions.any(|it| it.kind == "Ready" && it.status == "True");
        if is_control_plane || !is_ready {
            continue;
        }
        let object = ObjectRef::new(Kind::Node, "", &node.metadata.name);
        let document = look.store.document(&object)?;
        let cpu = &document["status"]["allocatable"]["cpu"];
        let text = cpu.as_str().map(str::to_owned);
        let millis = millis(&text.unwrap_or_else(|| cpu.to_string())).filter(|it| *it > 0)?;
        let zone = labels.get(ZONE).filter(|it| !it.is_empty())?;
        let sum = by_zone.entry(zone.clone()).or_default();
        *sum = sum.saturating_add(millis);
    }
    let total: f64 = by_zone.values().map(|it| f64::from(*it)).sum();
    (by_zone.len() >= 2).then(|| {
        let shares = by_zone.into_iter();
        shares
            .map(|(zone, cpu)| (zone, f64::from(cpu) / total))
            .collect()
    })
}

/// Thousandths of a processor: `2`, `1.5`, `3920m`.
fn millis(text: &str) -> Option<u32> {
    if let Some(millis) = text.strip_suffix('m') {
        return millis.parse().ok();
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    let whole: u32 = whole.parse().ok()?;
    whole.checked_mul(1000)?.checked_add(part.parse().ok()?)
}

/// What a zone should have.
struct Allocation {
    minimum: usize,
    maximum: usize,
    desired: f64,
}

/// Puts hints on the endpoints of a family, or takes all away and says why.
pub(super) fn add_hints(family: &mut Family<'_>, shares: Option<&Shares>) -> Result<(), String> {
    let result = try_hints(family, shares);
    if result.is_err() {
        remove_hints(family);
    }
    result
}

/// How many of something, for reckoning with shares.
fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn try_hints(family: &mut Family<'_>, shares: Option<&Shares>) -> Result<(), String> {
    let shares = shares.ok_or(
        "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes",
    )?;
    let fresh = family.creates.iter().chain(&*family.updates);
    let all = fresh.chain(family.unchanged.iter().map(|it| &**it));
    let n_ready = all
        .flat_map(|it| &it.endpoints)
        .filter(|it| is_ready(it))
        .count();
    let allocations = allocations(shares, n_ready)?;
    let mut allocated = sum_of_unchanged(family, &allocations);
    let slices = || family.creates.iter().chain(family.updates.iter());
    for endpoint in slices()
        .flat_map(|it| &it.endpoints)
        .filter(|it| is_ready(it))
    {
        let zone = endpoint.zone.clone().filter(|it| !it.is_empty());
        let zone = zone.ok_or("One or more endpoints do not have a zone specified")?;
        *allocated.entry(zone).or_default() += 1;
    }
    if allocated.is_empty() {
        return Err("No hints allocated for zones".into());
    }
    let (mut giving, mut receiving) = exchanges(&allocations, &allocated);
    let slices = family.creates.iter_mut().chain(family.updates.iter_mut());
    for endpoint in slices.flat_map(|it| &mut it.endpoints) {
        endpoint.hints = None;
        let Some(own) = endpoint.zone.clone().filter(|_| is_ready(endpoint)) else {
            continue;
        };
        let zone = match receiving.keys().next().cloned() {
            Some(other) if giving.contains_key(&own) => {
                take_one(&mut giving, &own);
                take_one(&mut receiving, &other);
                other
            }
            _ => own,
        };
        endpoint.hints = Some(EndpointHints {
            for_zones: vec![HintFor { name: zone }],
            for_nodes: Vec::new(),
        });
    }
    Ok(())
}

fn take_one(zones: &mut BTreeMap<String, usize>, zone: &str) {
    if let Some(n) = zones.get_mut(zone) {
        *n -= 1;
        if *n == 0 {
            zones.remove(zone);
        }
    }
}

fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.ready == Some(true)
}

fn allocations(shares: &Shares, n: usize) -> Result<BTreeMap<String, Allocation>, String> {
    let n_zones = shares.len();
    if n_zones > n {
        return Err(format!(
            "Insufficient number of endpoints ({n} endpoints, {n_zones} zones)"
        ));
    }
    let shared = shares.iter().map(|(zone, share)| {
        let desired = share * count(n);
        let minimum = ceiling(desired * (1.0 / (1.0 + OVERLOAD)));
        let allocation = Allocation {
            minimum,
            maximum: 0,
            desired: desired.max(count(minimum)),
        };
        (zone.clone(), allocation)
    });
    let mut allocations: BTreeMap<String, Allocation> = gathered(shared);
    let n_minimum: usize = allocations.values().map(|it| it.minimum).sum();
    if n_minimum > n {
        return Err(format!(
            "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ({n} endpoints, {n_zones} zones)"
        ));
    }
    for it in allocations.values_mut() {
        it.maximum = it.minimum + n - n_minimum;
    }
    Ok(allocations)
}

/// The least whole number that is no less than this one.
fn ceiling(number: f64) -> usize {
    let mut n = 0;
    while count(n) < number {
        n += 1;
    }
    n
}

/// Counts the hints of slices that stay as they are; those that cannot stay are to be updated.
fn sum_of_unchanged(
    family: &mut Family<'_>,
    allocations: &BTreeMap<String, Allocation>,
) -> BTreeMap<String, usize> {
    let mut allocated: BTreeMap<String, usize> = BTreeMap::new();
    for slice in std::mem::take(&mut family.unchanged) {
        match hints_of(&slice, &allocated, allocations) {
            None => family.updates.push(EndpointSlice::clone(&slice)),
            Some(hints) => {
                for (zone, n) in hints {
                    *allocated.entry(zone).or_default() += n;
                }
                family.unchanged.push(slice);
            }
        }
    }
    allocated
}

fn hints_of(
    slice: &EndpointSlice,
    allocated: &BTreeMap<String, usize>,
    allocations: &BTreeMap<String, Allocation>,
) -> Option<BTreeMap<String, usize>> {
    let mut hints: BTreeMap<String, usize> = BTreeMap::new();
    for endpoint in slice.endpoints.iter().filter(|it| is_ready(it)) {
        let zones = &endpoint.hints.as_ref()?.for_zones;
        if zones.is_empty() {
            return None;
        }
        for zone in zones {
            *hints.entry(zone.name.clone()).or_default() += 1;
        }
    }
    let fits = hints.iter().all(|(zone, n)| {
        let before = allocated.get(zone).copied().unwrap_or_default();
        let most = allocations.get(zone).map(|it| it.maximum);
        most.is_some_and(|most| n + before <= most)
    });
    fits.then_some(hints)
}

/// How many endpoints each zone gives and receives, so that all come near to what they should have.
fn exchanges(
    allocations: &BTreeMap<String, Allocation>,
    allocated: &BTreeMap<String, usize>,
) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let (mut too_many, mut too_few) = (BTreeMap::new(), BTreeMap::new());
    for (zone, it) in allocations {
        let has = count(allocated.get(zone).copied().unwrap_or_default());
        if has > it.desired {
            too_many.insert(zone.as_str(), has - it.desired);
        } else if has < it.desired {
            too_few.insert(zone.as_str(), it.desired - has);
        }
    }
    let (mut giving, mut receiving) = (BTreeMap::new(), BTreeMap::new());
    while let (Some((giver, gives)), Some((receiver, receives))) = (most(&too_many), most(&too_few))
    {
        if (gives < 1.0 && receives < 1.0) || gives < 0.5 || receives < 0.5 {
            break;
        }
        *giving.entry(giver.to_owned()).or_default() += 1;
        *receiving.entry(receiver.to_owned()).or_default() += 1;
        too_many.insert(giver, gives - 1.0);
        too_few.insert(receiver, receives - 1.0);
    }
    (giving, receiving)
}

fn most<'a>(zones: &BTreeMap<&'a str, f64>) -> Option<(&'a str, f64)> {
    let mut best: Option<(&str, f64)> = None;
    for (zone, n) in zones {
        if *n > best.map_or(0.0, |it| it.1) {
            best = Some((zone, *n));
        }
    }
    best
}

/// Takes all hints away; slices that had some are to be updated.
fn remove_hints(family: &mut Family<'_>) {
    for slice in std::mem::take(&mut family.unchanged) {
        if slice.endpoints.iter().any(|it| it.hints.is_some()) {
            family.updates.push(EndpointSlice::clone(&slice));
        } else {
            family.unchanged.push(slice);
        }
    }
    let slices = family.creates.iter_mut().chain(family.updates.iter_mut());
    for endpoint in slices.flat_map(|it| &mut it.endpoints) {
        endpoint.hints = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(zones: &[(&str, usize)]) -> EndpointSlice {
        let mut slice = EndpointSlice::default();
        for (zone, n) in zones {
            let mut endpoint = Endpoint {
                zone: Some((*zone).to_owned()),
                ..Endpoint::default()
            };
            endpoint.conditions.ready = Some(true);
            slice.endpoints.extend(vec![endpoint; *n]);
        }
        slice
    }

    fn hints(
        shares: &[(&str, f64)],
        zones: &[(&str, usize)],
    ) -> Result<Vec<(String, usize)>, String> {
        let shares: Shares = shares.iter().map(|it| (it.0.to_owned(), it.1)).collect();
        let mut creates = [slice(zones)];
        let mut updates = Vec::new();
        let mut family = Family {
            creates: &mut creates,
            updates: &mut updates,
            unchanged: Vec::new(),
        };
        add_hints(&mut family, Some(&shares))?;
        let mut counted: BTreeMap<String, usize> = BTreeMap::new();
        for endpoint in &creates[0].endpoints {
            let hints = endpoint.hints.clone().unwrap_or_default();
            *counted.entry(hints.for_zones[0].name.clone()).or_default() += 1;
        }
        // A second look finds nothing to do.
        let mut family = Family {
            creates: &mut [],
            updates: &mut updates,
            unchanged: creates.iter().cloned().map(Arc::new).collect(),
        };
        add_hints(&mut family, Some(&shares))?;
        assert!(updates.is_empty(), "{shares:?} {zones:?}");
        Ok(counted.into_iter().collect())
    }

    #[test]
    fn zones_get_endpoints_in_proportion_to_their_processors() {
        let even = [("a", 1.0 / 3.0), ("b", 1.0 / 3.0), ("c", 1.0 / 3.0)];
        for (zones, expected) in [
            (vec![("a", 3), ("b", 3), ("c", 3)], vec![3, 3, 3]),
            (vec![("a", 5), ("b", 2), ("c", 2)], vec![3, 3, 3]),
            (vec![("a", 9), ("b", 0), ("c", 0)], vec![3, 3, 3]),
            (vec![("a", 40), ("b", 20), ("c", 30)], vec![30, 30, 30]),
        ] {
            let found = hints(&even, &zones).expect("hints");
            let found: Vec<usize> = found.into_iter().map(|it| it.1).collect();
            assert_eq!(found, expected, "{zones:?}");
        }
    }

    #[test]
    fn where_it_cannot_work_there_are_no_hints_and_a_reason() {
        let even = [("a", 0.5), ("b", 0.5)];
        assert_eq!(
            hints(&even, &[("a", 1)]),
            Err("Insufficient number of endpoints (1 endpoints, 2 zones)".into())
        );
        let three = [("a", 0.45), ("b", 0.45), ("c", 0.1)];
        assert_eq!(
            hints(&three, &[("a", 1), ("b", 1), ("c", 1)]),
            Err("Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (3 endpoints, 3 zones)".into())
        );
        assert_eq!(
            hints(&even, &[("a", 1), ("", 1)]),
            Err("One or more endpoints do not have a zone specified".into())
        );
    }

    #[test]
    fn quantities_of_processors_are_read() {
        for (text, expected) in [
            ("2", Some(2000)),
            ("1.5", Some(1500)),
            ("3920m", Some(3920)),
            ("x", None),
        ] {
            assert_eq!(millis(text), expected, "{text}");
        }
    }
}
