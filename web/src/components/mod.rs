//! The panels of the page. Each takes its part of the view and draws it; none decides anything.

pub mod clock;
pub mod cluster_text;
pub mod controls;
pub mod editor;
pub mod guidance;
pub mod header;
pub mod inspector;
pub mod leg;
pub mod outcomes;
pub mod question;
pub mod rest;
pub mod share;
pub mod stage;
pub mod theme;
pub mod verdict;
pub mod walk_list;
pub mod yaml_words;
