//! The page's budget: the one number that decides whether a change is too heavy.
//!
//! **Left out**: budgets for time; a page's start depends on the machine more than on us.

/// What the page may load before it can be used, in bytes as brotli sends them at its highest level.
/// Standard libraries of different compilers differ by about 3 %, so the slack should not go below 2 %.
///
/// The aim is at most 450,000. It was 670,000 while the first module held the whole engine, and 225,000 before the stage could be
/// zoomed and time went both ways. It was 270,000 before one could choose a language. Now it shows a walk that was computed before, and the engine comes later: ARCHITECTURE.md
/// says how.
pub(crate) const FIRST_LOAD_BROTLI: usize = 280_000;
