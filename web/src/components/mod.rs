//! The panels of the page. Each takes its part of the view and draws it; none decides anything.

pub mod clock;
pub mod cluster_text;
pub mod controls;
#[cfg(feature = "everything")]
pub mod doctor;
pub mod editor;
pub mod guidance;
pub mod header;
pub mod inspector;
pub mod lecture;
#[cfg(feature = "everything")]
pub mod ledger;
pub mod leg;
pub mod outcomes;
pub mod question;
pub mod rest;
pub mod share;
pub mod stage;
#[cfg(not(feature = "everything"))]
pub mod stand_in;
#[cfg(feature = "everything")]
pub mod terminal;
pub mod theme;
pub mod verdict;
pub mod walk_list;
pub mod yaml_words;
