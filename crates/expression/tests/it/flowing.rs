//! What the engine asks of a compiled expression.

use expression::{Compiled, Flow, compile, parse};
use model::Value;

use crate::support::{attributes, context, texts};

fn compiled(text: &str) -> Compiled {
    compile(&parse(text).unwrap())
}

#[test]
fn attributes_become_slots_in_the_order_of_the_text() {
    let compiled = compiled("Join(\".\", [b], [a], ToLower([b]))");
    assert_eq!(compiled.attributes(), ["b", "a"]);
    assert!(compiled.reads("a") && !compiled.reads("c"));
    let values = [Value::from("B"), Value::from("A")];
    let flow = compiled.evaluate(&values[..], &mut context()).unwrap();
    assert_eq!(texts(&flow), ["B.A.b"]);
    // A slot without a value is null.
    let flow = compiled.evaluate(&[&values[0]][..], &mut context()).unwrap();
    assert_eq!(texts(&flow), ["B.b"]);
}

#[test]
fn folded_constants_read_nothing_but_dead_branches_do() {
    assert!(compiled("ToLower(Append(\"A\", \"B\"))").attributes().is_empty());
    assert!(compiled("Coalesce(\"x\", [IsSoftDeleted])").reads("IsSoftDeleted"));
}

#[test]
fn ignoring_the_flow_differs_from_flowing_null() {
    let none = attributes([]);
    let flow = |text: &str| compiled(text).evaluate_object(&none, &mut context()).unwrap();
    assert_eq!(flow("[a]"), Flow::Value(Value::Null));
    assert_eq!(flow("IgnoreFlowIfNullOrEmpty([a])"), Flow::Ignore);
    assert_eq!(flow("IgnoreFlowIfNullOrEmpty(\"\")"), Flow::Ignore);
    assert_eq!(flow("IgnoreFlowIfNullOrEmpty(Left([a], 1))"), Flow::Ignore);
    assert_eq!(flow("Redact(IIF(IsNull([a]), IgnoreFlowIfNullOrEmpty([a]), \"x\"))"), Flow::Ignore);
    assert_eq!(flow("Switch([a], , \"\", IgnoreFlowIfNullOrEmpty([a]))"), Flow::Ignore);
    // Where another function works on it, it is null as any other.
    assert_eq!(flow("Coalesce(IgnoreFlowIfNullOrEmpty([a]), \"x\")"), Flow::Value("x".into()));
    assert_eq!(flow("Append(IgnoreFlowIfNullOrEmpty([a]), \"x\")"), Flow::Value(Value::Null));
    assert_eq!(flow("Join(\",\", IgnoreFlowIfNullOrEmpty([a]), \"x\")"), Flow::Value("x".into()));
}

#[test]
fn redaction_anywhere_redacts_the_value() {
    assert!(compiled("Append(\"x\", Redact([a]))").is_redacted());
    assert!(compiled("Redact(\"constant\")").is_redacted());
    assert!(!compiled("Append(\"Redact\", [a])").is_redacted());
}

#[test]
fn unique_candidates_come_in_order_without_gaps() {
    let compiled = compiled("SelectUniqueValue([a], Left([b], 5), [a], [c], Append([a], \"2\"))");
    assert!(compiled.selects_unique_value());
    let values = [Value::from("ada"), Value::Null, Value::Null];
    let candidates = compiled.unique_candidates(&values[..], &mut context()).unwrap();
    assert_eq!(candidates, [Value::from("ada"), Value::from("ada2")]);
    let flow = compiled.evaluate(&values[..], &mut context()).unwrap();
    assert_eq!(flow, Flow::Value("ada".into()));
}

#[test]
fn values_keep_their_types() {
    let compiled = compiled("Coalesce([a])");
    for value in [
        Value::Integer(5),
        Value::Boolean(true),
        Value::Binary([1, 2].into()),
        Value::Reference("r".into()),
        Value::List(vec!["a".into(), "b".into()]),
    ] {
        let flow = compiled.evaluate(std::slice::from_ref(&value), &mut context()).unwrap();
        assert_eq!(flow, Flow::Value(value));
    }
}

#[test]
fn texts_cannot_grow_without_bound() {
    let mut text = "[a]".to_owned();
    for _ in 0..12 {
        text = format!("Replace({text}, \"a\", , , \"aaaaaaaaaa\", , )");
    }
    let error = compiled(&text).evaluate(&[Value::from("a")][..], &mut context()).unwrap_err();
    assert!(error.to_string().contains("the text grows beyond 1048576 bytes"), "{error}");
    let huge = Value::text("x".repeat(600_000));
    let error = compiled("Join(\"\", [a], [a])").evaluate(&[huge][..], &mut context()).unwrap_err();
    assert!(error.to_string().starts_with("Join at character 1: the text grows"), "{error}");
}
