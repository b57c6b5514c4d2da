//! Trees in the form of the Graph API.

use expression::{from_source, parse, to_source};
use model::schema::MappingSource;
use serde_json::json;

fn source(json: serde_json::Value) -> MappingSource {
    serde_json::from_value(json).unwrap()
}

fn constant(text: &str) -> serde_json::Value {
    json!({"expression": format!("\"{text}\""), "name": text, "parameters": [], "type": "Constant"})
}

fn attribute(name: &str) -> serde_json::Value {
    json!({"expression": format!("[{name}]"), "name": name, "parameters": [], "type": "Attribute"})
}

fn function(name: &str, expression: &str, parameters: &[(&str, serde_json::Value)]) -> serde_json::Value {
    let parameters: Vec<_> =
        parameters.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    json!({"expression": expression, "name": name, "parameters": parameters, "type": "Function"})
}

#[test]
fn trees_have_the_shape_of_real_schemas() {
    for (expression, expected) in [
        (
            "Mid([userPrincipalName], 1, 8)",
            function(
                "Mid",
                "Mid([userPrincipalName], 1, 8)",
                &[
                    ("source", attribute("userPrincipalName")),
                    ("start", constant("1")),
                    ("length", constant("8")),
                ],
            ),
        ),
        (
            "Replace([preferredLanguage], \"-\", , , \"_\", , )",
            function(
                "Replace",
                "Replace([preferredLanguage], \"-\", , , \"_\", , )",
                &[
                    ("source", attribute("preferredLanguage")),
                    ("Find", constant("-")),
                    ("Replacement", constant("_")),
                ],
            ),
        ),
        (
            "Switch([IsSoftDeleted], , \"False\", \"True\")",
            function(
                "Switch",
                "Switch([IsSoftDeleted], , \"False\", \"True\")",
                &[
                    ("source", attribute("IsSoftDeleted")),
                    ("switchValue", constant("False")),
                    ("switchValue", constant("True")),
                ],
            ),
        ),
        (
            "IIF([country] = \"USA\", [state])",
            function(
                "IIF",
                "IIF([country] = \"USA\", [state], )",
                &[
                    ("one", attribute("country")),
                    ("two", constant("=")),
                    ("three", constant("USA")),
                    ("four", attribute("state")),
                ],
            ),
        ),
        (
            "IIF([enabled], [a], [b])",
            function(
                "IIF",
                "IIF([enabled], [a], [b])",
                &[("one", attribute("enabled")), ("four", attribute("a")), ("five", attribute("b"))],
            ),
        ),
        (
            "CBool([a] = [b])",
            function(
                "CBool",
                "CBool([a] = [b])",
                &[(
                    "source",
                    function("=", "[a] = [b]", &[("left", attribute("a")), ("right", attribute("b"))]),
                )],
            ),
        ),
    ] {
        let tree = parse(expression).unwrap();
        assert_eq!(serde_json::to_value(to_source(&tree)).unwrap(), expected);
        assert_eq!(from_source(&source(expected.clone())).unwrap(), tree);
        let mut bare = expected;
        bare["expression"] = serde_json::Value::Null;
        assert_eq!(from_source(&source(bare)).unwrap(), tree);
    }
}

#[test]
fn the_text_decides_where_text_and_tree_differ() {
    let mut differing = attribute("a");
    differing["name"] = "b".into();
    assert_eq!(from_source(&source(differing)).unwrap(), parse("[a]").unwrap());
}

#[test]
fn settings_and_words_survive_without_text() {
    for text in ["%DomainFQDN%", "\"%DomainFQDN%\"", "InStr([a], \"b\", 1, vbTextCompare)"] {
        let tree = parse(text).unwrap();
        let mut bare = to_source(&tree);
        if !bare.parameters.is_empty() {
            bare.expression = None;
        }
        assert_eq!(from_source(&bare).unwrap(), tree, "{text}");
    }
    let bare = source(json!({"name": "%DomainNetBios%", "type": "Constant"}));
    assert_eq!(from_source(&bare).unwrap(), parse("%DomainNetBios%").unwrap());
}

#[test]
fn trees_that_mean_nothing_are_refused() {
    let argument = |key: &str| json!({"key": key, "value": {"name": "a", "type": "Attribute"}});
    for (json, message) in [
        (json!({"type": "Constant"}), "a name or an expression"),
        (json!({"name": "a] = [b", "type": "Attribute"}), "an attribute name with paired brackets"),
        (json!({"name": "Foo", "type": "Function"}), "the name of a function"),
        (json!({"name": "Trim", "type": "Function"}), "the argument 'source' of Trim(source)"),
        (
            json!({"name": "Trim", "type": "Function", "parameters": [argument("x")]}),
            "a parameter of Trim (source)",
        ),
        (
            json!({"name": "Trim", "type": "Function", "parameters": [argument("source"), argument("source")]}),
            "one 'source' of Trim",
        ),
        (json!({"name": "=", "type": "Function", "parameters": [argument("left")]}), "two operands of '='"),
    ] {
        let error = from_source(&source(json.clone())).unwrap_err();
        assert!(error.to_string().contains(message), "{json}: {error}");
    }
}

#[test]
fn deep_trees_are_refused() {
    let mut nested = MappingSource { name: Some("a".to_owned()), ..MappingSource::default() };
    for _ in 0..500 {
        let value = nested;
        nested = source(json!({"name": "Trim", "type": "Function"}));
        nested.parameters.push(model::schema::MappingParameter {
            key: "source".to_owned(),
            value,
            ..Default::default()
        });
    }
    assert!(from_source(&nested).unwrap_err().to_string().contains("at most 64 functions"));
}
