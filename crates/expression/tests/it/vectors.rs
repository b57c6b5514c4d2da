//! The shared examples of the language, whole.

use expression::{AnyAttributes, Placement};
use model::Attributes;
use serde_json::Value as Json;

use crate::support::{attributes, context, texts};

const VECTORS: &str = include_str!("vectors/expressions.json");

fn given(vector: &Json) -> Attributes {
    let named = vector["attributes"].as_object().unwrap();
    attributes(named.iter().map(|(name, value)| {
        let values = match value {
            Json::Array(values) => values.iter().map(|one| one.as_str().unwrap()).collect(),
            one => vec![one.as_str().unwrap()],
        };
        (name.as_str(), values)
    }))
}

/// The values, or the stage at which the expression fails.
fn outcome(vector: &Json) -> Result<Vec<String>, (&'static str, String)> {
    let text = vector["expression"].as_str().unwrap();
    let tree = expression::parse(text).map_err(|error| ("parse", error.to_string()))?;
    expression::check(&tree, &AnyAttributes, Placement::ANYWHERE)
        .map_err(|errors| ("parse", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    let flow = expression::compile(&tree).evaluate_object(&given(vector), &mut context());
    flow.map(|flow| texts(&flow)).map_err(|error| ("evaluation", error.to_string()))
}

#[test]
fn every_shared_example_holds() {
    let vectors: Vec<Json> = serde_json::from_str(VECTORS).unwrap();
    assert!(vectors.len() > 100);
    let mut failures = Vec::new();
    for vector in &vectors {
        let found = outcome(vector);
        let holds = match (&found, vector["error"].as_str()) {
            (Err((stage, _)), Some(expected)) => *stage == expected,
            (Ok(values), None) => vector["result"] == Json::from(values.clone()),
            _ => false,
        };
        if !holds {
            failures.push(format!("{}\n  gives {found:?}\n  not {}", vector["expression"], vector["result"]));
        }
    }
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), vectors.len(), failures.join("\n"));
}
