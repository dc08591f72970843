//! The page's budget: the one number that decides whether a change is too heavy.
//!
//! **Left out**: budgets for time; a page's start depends on the machine more than on us.

/// What the page may load before it can be used, in bytes as brotli sends them at its highest level.
/// Standard libraries of different compilers differ by about 3 %, so the slack should stay above that.
pub(crate) const FIRST_LOAD_BROTLI: usize = 350_000;
