//! What MUST hold of every connector, as functions that panic where it does not.
//!
//! A connector's own tests run [`targets::every_behaviour`] or [`sources::every_behaviour`] on it, against a real
//! server where there is one. Each behaviour makes objects of its own, so that all can run on one server.
#![expect(clippy::expect_used, clippy::panic, reason = "what does not hold is told by panicking")]

pub mod sources;
pub mod targets;

use connector::Selection;
use model::Name;

/// Texts that escaping, encoding or comparing may break.
pub const ODD_TEXTS: [&str; 12] = [
    "o'neil",
    "say \"hi\"",
    "back\\slash",
    "a+b&c=d?e#f/g",
    "100% sure%20",
    "Ünïcødé Straße",
    "日本語 🦀",
    "[type eq \"work\"]",
    "(and) or not pr",
    "comma, semicolon; colon:",
    "true",
    "0012",
];

fn selection(kind: &Name, attributes: &[&Name]) -> Selection {
    Selection {
        kind: kind.clone(),
        attributes: attributes.iter().map(|name| (*name).clone()).collect(),
        ..Selection::default()
    }
}
