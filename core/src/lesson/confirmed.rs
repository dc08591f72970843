//! What a kernel has said to the lessons: when, which kernel, and how much of each was compared.
//!
//! `packetwalk verify --all-lessons --confirm FILE` writes it, and a page reads it with the lessons.
//!
//! **Left out**: what differed in words; a difference is counted here and told where it was found.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a kernel has said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    /// The day: `2026-11-27`.
    pub date: String,
    /// The kernel's release.
    pub kernel: String,
    /// What the tool that loaded the rules says of itself.
    pub nft: String,
    /// By lesson.
    pub lessons: BTreeMap<String, LessonConfirmed>,
}

/// What was compared of a lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonConfirmed {
    /// Real packets whose stories were compared.
    pub packets: usize,
    /// Steps that were compared.
    pub steps: usize,
    /// Requests that were not run on this kernel.
    pub not_run: usize,
    /// Differences.
    pub differences: usize,
}

impl LessonConfirmed {
    /// Whether something was compared and nothing differs.
    #[must_use]
    pub const fn agrees(&self) -> bool {
        self.packets > 0 && self.differences == 0
    }

    /// In words.
    #[must_use]
    pub fn told(&self) -> String {
        let LessonConfirmed {
            packets,
            steps,
            not_run,
            differences,
        } = self;
        let compared = match (packets, differences) {
            (0, _) => "nothing in it was run on this kernel".to_owned(),
            (_, 0) => format!("{packets} packets, {steps} steps, no difference"),
            (_, n) => format!("{packets} packets, {steps} steps, {n} differences"),
        };
        match not_run {
            0 => compared,
            1 => compared + "; 1 request was not run on this kernel",
            n => format!("{compared}; {n} requests were not run on this kernel"),
        }
    }
}

impl Confirmed {
    /// What a text says, unless it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Confirmed> {
        serde_json::from_str(text).ok()
    }

    /// As a text.
    ///
    /// # Panics
    /// Never: everything in it has text keys.
    #[must_use]
    pub fn written(&self) -> String {
        serde_json::to_string_pretty(self).expect("it has text keys") + "\n"
    }

    /// All of it in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let n_confirmed = self.lessons.values().filter(|it| it.agrees()).count();
        let of_all = self.lessons.values().fold([0; 4], |sum, it| {
            [
                sum[0] + it.packets,
                sum[1] + it.steps,
                sum[2] + it.not_run,
                sum[3] + it.differences,
            ]
        });
        let all = LessonConfirmed {
            packets: of_all[0],
            steps: of_all[1],
            not_run: of_all[2],
            differences: of_all[3],
        };
        format!(
            "{n_confirmed} of {} lessons confirmed by Linux {} with {} on {}: {}. IPVS and SCTP: not run on this kernel.",
            self.lessons.len(),
            self.kernel,
            self.nft,
            self.date,
            all.told()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_said_reads_back_and_nothing_run_is_no_agreement() {
        let mut confirmed = Confirmed {
            date: "2026-01-02".into(),
            kernel: "6.18".into(),
            nft: "nftables v1.0.6".into(),
            ..Confirmed::default()
        };
        let run = LessonConfirmed {
            packets: 3,
            steps: 40,
            ..LessonConfirmed::default()
        };
        let not_run = LessonConfirmed {
            not_run: 2,
            ..LessonConfirmed::default()
        };
        confirmed.lessons.insert("a".into(), run);
        confirmed.lessons.insert("b".into(), not_run.clone());
        assert_eq!(
            Confirmed::read(&confirmed.written()),
            Some(confirmed.clone())
        );
        assert!(!not_run.agrees());
        assert_eq!(
            confirmed.told(),
            "1 of 2 lessons confirmed by Linux 6.18 with nftables v1.0.6 on 2026-01-02: 3 packets, 40 steps, no difference; 2 requests were not run on this kernel. IPVS and SCTP: not run on this kernel."
        );
        assert_eq!(Confirmed::read("{"), None);
    }
}
