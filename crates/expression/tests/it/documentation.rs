//! docs/expressions.md agrees with the function table. With `ENTENTE_UPDATE_DOCS=1` in the environment the test writes
//! the tables instead of comparing them.

use std::fmt::Write as _;
use std::path::Path;

use expression::{Family, Function, Parameter, Returns};

const BEGIN: &str = "<!-- functions -->\n";
const END: &str = "<!-- end of functions -->\n";

fn tables() -> String {
    let mut text = String::new();
    for family in Family::ALL {
        writeln!(text, "\n### {}\n", family.as_str()).unwrap();
        text.push_str("| function | parameters | gives | where null | example |\n|---|---|---|---|---|\n");
        for function in family.functions() {
            writeln!(
                text,
                "| `{}`<br>{} | {} | {} | {} | {} |",
                function.signature(),
                cell(function.summary),
                parameters(function),
                gives(function.returns),
                cell(function.null.as_str()),
                example(function)
            )
            .unwrap();
        }
    }
    text
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

fn parameters(function: &Function) -> String {
    let all: Vec<String> = function.parameters.iter().map(|one| parameter(function, one)).collect();
    if all.is_empty() { "none".to_owned() } else { all.join("<br>") }
}

fn gives(returns: Returns) -> String {
    match returns {
        Returns::One(kind) => kind.as_str().to_owned(),
        Returns::Several(kind) => format!("several: {}", kind.as_str()),
        Returns::Argument => "an argument".to_owned(),
    }
}

fn parameter(function: &Function, parameter: &Parameter) -> String {
    let mut text = format!("`{}` {}", parameter.name, parameter.kind.as_str());
    if parameter.multivalued {
        text.push_str(", also several");
    }
    if !parameter.required {
        text.push_str("; optional");
    }
    if function.in_pairs && parameter.repeats {
        text.push_str("; key and value, again and again");
    } else if parameter.repeats {
        text.push_str(if function.least_repeats > 1 { "; twice or more" } else { "; once or more" });
    }
    text
}

fn example(function: &Function) -> String {
    let example = &function.example;
    let mut text = code(example.expression);
    for (name, values) in example.attributes {
        write!(text, "<br>{} = {}", name, quoted(values)).unwrap();
    }
    write!(text, "<br>gives {}", quoted(example.result)).unwrap();
    text
}

fn quoted(values: &[&str]) -> String {
    values
        .iter()
        .map(|value| if value.is_empty() { "an empty text".to_owned() } else { code(value) })
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn the_tables_of_the_guide_are_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/expressions.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let tables = tables();
    if std::env::var_os("ENTENTE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{tables}\n{END}{after}")).unwrap();
        return;
    }
    let hint = "run: ENTENTE_UPDATE_DOCS=1 cargo nextest run -p expression documentation";
    assert_eq!(found.trim(), tables.trim(), "docs/expressions.md is out of date; {hint}");
}
