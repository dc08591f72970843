//! The one source of luck.
//!
//! Two kinds of luck are kept apart. A *choice* decides where a packet goes (`numgen random`,
//! iptables' `statistic`): it can be drawn from a seed, fixed by a learner, or explored in full
//! with the probability of every branch. A *draw* only fills in a number nobody decides anything
//! by, such as a client's source port: it always comes from the seed.
//!
//! The generator is SplitMix64 (Steele, Lea, Flood 2014), chosen because its output never
//! changes with a library's version.
//!
//! **Left out**: cryptographic strength, which a simulator has no use for.

use serde::Serialize;

/// How the branching choices of one walk are made, and what was chosen.
#[derive(Clone, Debug)]
pub struct Chooser {
    seed: SplitMix64,
    script: Vec<u32>,
    beyond_script: BeyondScript,
    made: Vec<Choice>,
}

/// One branching choice: which of how many, and how likely that branch was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// How many branches there were.
    pub n_branches: u32,
    /// The branch taken, counted from zero.
    pub picked: u32,
    /// The probability of that branch, between 0 and 1.
    pub probability: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BeyondScript {
    Seeded,
    First,
}

/// Every way a computation can go, with its probability.
#[derive(Clone, Debug)]
pub struct Exploration<T> {
    /// The branches in the order of their choices.
    pub branches: Vec<Branch<T>>,
    /// False when `limit` was reached before all branches were seen.
    pub complete: bool,
}

/// One way a computation went.
#[derive(Clone, Debug)]
pub struct Branch<T> {
    /// The product of its choices' probabilities.
    pub probability: f64,
    /// The choices that lead here, as [`Chooser::fixed`] takes them.
    pub picks: Vec<u32>,
    /// What came out.
    pub result: T,
}

impl Chooser {
    /// Choices and draws from `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::new(seed, Vec::new(), BeyondScript::Seeded)
    }

    /// The first choices as given, later ones from `seed`. A pick beyond the number of
    /// branches stands for the last branch.
    #[must_use]
    pub fn fixed(seed: u64, picks: Vec<u32>) -> Self {
        Self::new(seed, picks, BeyondScript::Seeded)
    }

    fn new(seed: u64, script: Vec<u32>, beyond_script: BeyondScript) -> Self {
        Self {
            seed: SplitMix64(seed),
            script,
            beyond_script,
            made: Vec::new(),
        }
    }

    /// Chooses one of `n_branches` equally likely branches.
    ///
    /// # Panics
    /// If there is no branch to choose.
    pub fn choose(&mut self, n_branches: u32) -> u32 {
        assert!(n_branches > 0, "a choice needs at least one branch");
        let drawn = self.seed.below(u64::from(n_branches));
        let picked = self
            .scripted()
            .unwrap_or_else(|| u32::try_from(drawn).expect("below a u32 bound"))
            .min(n_branches - 1);
        self.made.push(Choice {
            n_branches,
            picked,
            probability: 1.0 / f64::from(n_branches),
        });
        picked
    }

    /// Chooses yes with `probability`; yes is branch 0 and no is branch 1.
    pub fn toss(&mut self, probability: f64) -> bool {
        let drawn = u32::from(self.seed.unit() >= probability);
        let picked = self.scripted().unwrap_or(drawn).min(1);
        let yes = picked == 0;
        self.made.push(Choice {
            n_branches: 2,
            picked,
            probability: if yes { probability } else { 1.0 - probability },
        });
        yes
    }

    /// A number below `bound` that decides nothing, always from the seed.
    pub fn draw(&mut self, bound: u64) -> u64 {
        self.seed.below(bound.max(1))
    }

    /// The choices made so far.
    #[must_use]
    pub fn made(&self) -> &[Choice] {
        &self.made
    }

    fn scripted(&self) -> Option<u32> {
        match self.script.get(self.made.len()) {
            Some(pick) => Some(*pick),
            None if self.beyond_script == BeyondScript::First => Some(0),
            None => None,
        }
    }
}

/// Runs `compute` once for every combination of choices, at most `limit` times.
///
/// A computation whose choices depend on earlier ones is explored as the tree it is. Choices of
/// a single branch count, but add no run.
pub fn explore<T>(
    seed: u64,
    limit: usize,
    mut compute: impl FnMut(&mut Chooser) -> T,
) -> Exploration<T> {
    let mut branches = Vec::new();
    let mut script: Vec<u32> = Vec::new();
    loop {
        if branches.len() >= limit {
            return Exploration {
                branches,
                complete: false,
            };
        }
        let mut chooser = Chooser::new(seed, script, BeyondScript::First);
        let result = compute(&mut chooser);
        let made = chooser.made;
        branches.push(Branch {
            probability: made.iter().map(|it| it.probability).product(),
            picks: made.iter().map(|it| it.picked).collect(),
            result,
        });
        // The next script: the last choice that has a branch left, moved on by one.
        let Some(last) = made.iter().rposition(|it| it.picked + 1 < it.n_branches) else {
            return Exploration {
                branches,
                complete: true,
            };
        };
        script = made[..=last].iter().map(|it| it.picked).collect();
        script[last] += 1;
    }
}

#[derive(Clone, Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        it ^ (it >> 31)
    }

    /// Lemire's multiplication, without the rejection: the bias is below 2^-32 for our bounds.
    fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the high half of a u128")
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_choices() {
        let run = |seed| {
            let mut chooser = Chooser::seeded(seed);
            (0..20).map(|_| chooser.choose(7)).collect::<Vec<_>>()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn choices_from_a_seed_are_spread_evenly() {
        let mut chooser = Chooser::seeded(3);
        let mut seen = [0u32; 3];
        for _ in 0..3000 {
            seen[chooser.choose(3) as usize] += 1;
        }
        assert!(seen.iter().all(|it| (900..1100).contains(it)), "{seen:?}");
    }

    #[test]
    fn a_fixed_choice_is_obeyed_and_a_wild_one_is_bounded() {
        let mut chooser = Chooser::fixed(1, vec![1, 9]);
        assert_eq!(chooser.choose(2), 1);
        assert_eq!(chooser.choose(3), 2);
    }

    #[test]
    fn every_branch_is_seen_once_with_its_probability() {
        let seen = explore(1, 100, |chooser| {
            if chooser.toss(0.25) {
                (0, 0)
            } else {
                (1, chooser.choose(3))
            }
        });
        assert!(seen.complete);
        let results: Vec<_> = seen.branches.iter().map(|it| it.result).collect();
        assert_eq!(results, [(0, 0), (1, 0), (1, 1), (1, 2)]);
        let probabilities: Vec<_> = seen.branches.iter().map(|it| it.probability).collect();
        assert_eq!(probabilities, [0.25, 0.25, 0.25, 0.25]);
    }

    #[test]
    fn a_limit_is_reported_as_incomplete() {
        let seen = explore(1, 2, |chooser| chooser.choose(5));
        assert_eq!((seen.branches.len(), seen.complete), (2, false));
    }
}
