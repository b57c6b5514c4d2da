//! The fuzz targets of the language on their seeds and on mutations of them.

#[path = "../../../../fuzz/mutations.rs"]
mod mutations;
#[path = "../../../../fuzz/targets.rs"]
mod targets;

use mutations::Mutations;

/// Mutations of expressions.
const LANGUAGE: Mutations = Mutations { words: &WORDS, longest: 400 };

/// What they put in.
const WORDS: [&str; 40] = [
    "(",
    ")",
    "[",
    "]",
    ",",
    "\"",
    "\\",
    "%",
    "&H",
    "=",
    "<>",
    "<=",
    "-",
    "\0",
    "\0a=",
    "\n",
    "é",
    "한",
    "0",
    "-1",
    "999999999999",
    "9223372036854775807",
    "[a]",
    "\"\"",
    "Join(",
    "Replace(",
    "Switch(",
    "Split(",
    "Mid(",
    "CDate(",
    "FormatDateTime(",
    "(?<n>",
    "(?=",
    "\\1",
    "$",
    "{2,}",
    "yyyy",
    "zzz",
    "2024-02-29",
    "*",
];

#[test]
fn parsing_survives_mutations() {
    LANGUAGE.run("parse", targets::parse);
}

#[test]
fn evaluation_survives_mutations() {
    LANGUAGE.run("evaluate", targets::evaluate);
}

#[test]
fn patterns_survive_mutations() {
    LANGUAGE.run("pattern", targets::pattern);
}
