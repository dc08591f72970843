//! Worlds by lot, for `packetwalk verify --random` and for tests: the same seed, the same world.
//!
//! **Left out**: what is done with them.

pub mod objects;
mod world;

pub use world::{RandomWorld, text_of};

use packetwalk_core::chance::Chooser;

/// The core's luck, in the words that making worlds needs.
#[derive(Clone, Debug)]
pub struct Dice(Chooser);

impl Dice {
    /// Luck of its own for every seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Dice(Chooser::seeded(seed))
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.0.draw(n as u64)).unwrap_or(0)
    }

    /// One of these.
    pub fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// Once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Each of these or not.
    pub fn some_of(&mut self, choices: &[&str]) -> Vec<String> {
        let chosen = choices.iter().filter(|_| self.one_in(2));
        chosen.map(|it| (*it).to_owned()).collect()
    }

    /// The same things in another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            things.swap(last, self.below(last + 1));
        }
    }
}
