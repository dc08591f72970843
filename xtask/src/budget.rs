//! The page's budget: the one number that decides whether a change is too heavy.
//!
//! **Left out**: budgets for time; a page's start depends on the machine more than on us.

/// What the page may load before it can be used, in bytes as brotli sends them at its highest level.
/// Standard libraries of different compilers differ by about 3 %, so the slack should stay above that.
///
/// It was 350,000 while a page held one kind of rules and no control plane, and 680,000 while each kind was decoded twice.
/// Since then ipvs mode, policies, load balancers, the rules of others, shells and logs came. The aim is 450,000; the way there is in ARCHITECTURE.md: fewer maps of their own
/// for every type, and a second module for what a first look does not need.
pub(crate) const FIRST_LOAD_BROTLI: usize = 670_000;
