//! What is fuzzed: functions of octets that must come back, without a panic, whatever the octets are. The fuzz
//! programs and a test of crates/expression share them.

use expression::{AnyAttributes, BoundedRegex, Context, Flow, Placement, render_caret};
use model::{Attributes, Entropy, Name, Timestamp, Value};

/// Every octet is the same, so that what is drawn repeats itself.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0x5a);
    }
}

/// Lexer, parser, checker and printer: a text is an expression that prints as itself, or it has an error with a place.
pub(crate) fn parse(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    match expression::parse(&text) {
        Ok(tree) => {
            let printed = tree.to_string();
            assert_eq!(expression::parse(&printed).ok().as_ref(), Some(&tree), "{printed}");
            assert_eq!(expression::from_source(&expression::to_source(&tree)).ok(), Some(tree), "{printed}");
        }
        Err(error) => {
            assert!(error.offset <= text.chars().count(), "{error}");
            assert!(render_caret(&text, &error).contains('^'), "{error}");
        }
    }
}

/// Compiler and evaluator. The expression comes first, then attributes as `name=value`, each behind a zero octet; a
/// name that is repeated has several values.
pub(crate) fn evaluate(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let mut parts = text.split('\0');
    let Some(Ok(tree)) = parts.next().map(expression::parse) else { return };
    let mut attributes = Attributes::new();
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        let before = attributes.get(name).clone();
        attributes.set(Name::from(name), Value::list([before, value.into()]));
    }
    // What the checker refuses must not harm the evaluator either.
    drop(expression::check(&tree, &AnyAttributes, Placement::ANYWHERE));
    let compiled = expression::compile(&tree);
    let mut context = Context::new(Timestamp::UNIX_EPOCH, &Fixed);
    let first = compiled.evaluate_object(&attributes, &mut context);
    assert_eq!(first, compiled.evaluate_object(&attributes, &mut context), "{tree}");
    if let Ok(Flow::Value(Value::List(values))) = first {
        assert!(values.iter().all(|one| !matches!(one, Value::List(_) | Value::Null)), "{tree}");
    }
}

/// Regular expressions: the pattern comes first, then a text behind a zero octet.
pub(crate) fn pattern(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let (pattern, value) = text.split_once('\0').unwrap_or((&text, ""));
    if let Ok(regex) = BoundedRegex::new(pattern) {
        drop(regex.is_match(value));
    }
    // The same pattern as an expression reaches it, with its matches and groups.
    let quoted = pattern.replace('\\', "\\\\").replace('"', "\\\"");
    let replace = format!("Replace([value], , \"{quoted}\", , \"<$1|$&>\", , )\0value={value}");
    evaluate(replace.as_bytes());
}
