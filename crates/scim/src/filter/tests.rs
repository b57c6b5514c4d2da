use serde_json::json;

use super::*;
use crate::schema::ResourceSchema;

fn parse(text: &str) -> Filter {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn bjensen() -> Json {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "id": "2819c223", "externalId": "Ext-1", "userName": "bJensen", "active": true, "title": "Vice President",
        "name": {"familyName": "O'Malley", "givenName": "Barbara"},
        "emails": [{"value": "bjensen@example.com", "type": "work", "primary": true}, {"value": "babs@jensen.org", "type": "home"}],
        "nickName": "", "ims": [], "locale": null,
        "meta": {"resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34Z"},
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": "701984", "manager": {"value": "26118915"}},
        "urn:example:shoe:2.0:User": {"size": 42, "weights": [1.5, 2]}
    })
}

#[test]
fn filters_print_as_they_were_read() {
    for text in [
        "userName eq \"bjensen\"",
        "name.familyName co \"O'Malley\"",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"J\"",
        "title pr and userType eq \"Employee\" or title pr",
        "title pr and (userType eq \"Employee\" or userType eq \"Intern\")",
        "(a pr and b pr) and c pr",
        "(a pr or b pr) or c pr",
        "not (emails co \"example.com\" or emails.value co \"example.org\")",
        "not (not (a pr))",
        "userType eq \"Employee\" and emails[type eq \"work\" and value co \"@example.com\"]",
        "emails[type eq \"work\"] or ims[not (type eq \"xmpp\")]",
        "meta.lastModified gt \"2011-05-13T04:42:34Z\"",
        "a eq true and b ne false and c eq null and d ge 1 and e lt -1.5e+300",
        "a eq \"say \\\"hi\\\" \\\\ \\n\\u0001 ünï 🦀\"",
    ] {
        assert_eq!(parse(text).to_string(), text);
    }
}

#[test]
fn other_spellings_are_understood() {
    for (text, canonical) in [
        ("  USERNAME  EQ  \"x\"  ", "USERNAME eq \"x\""),
        ("a pr AND b pr OR c PR", "a pr and b pr or c pr"),
        ("not(a pr)", "not (a pr)"),
        ("NOT ( a pr )", "not (a pr)"),
        ("((a eq TRUE))", "a eq true"),
        ("(a pr and b pr) or c pr", "a pr and b pr or c pr"),
        ("a eq 1e2", "a eq 100.0"),
        ("emails[type eq \"work\"].value eq \"x\"", "emails[type eq \"work\" and value eq \"x\"]"),
        ("a eq \"\\u00e9\\/\"", "a eq \"é/\""),
    ] {
        assert_eq!(parse(text).to_string(), canonical);
    }
}

#[test]
fn and_binds_tighter_than_or() {
    let left = parse("a pr or b pr and c pr");
    assert_eq!(left, parse("a pr or (b pr and c pr)"));
    assert_ne!(left, parse("(a pr or b pr) and c pr"));
}

#[test]
fn errors_name_the_place() {
    for (text, offset, words) in [
        ("", 0, "attribute name is missing"),
        ("userName", 8, "expected an operator"),
        ("userName is \"x\"", 9, "found \"is\""),
        ("userName eq", 11, "expected a value"),
        ("userName eq bjensen", 12, "double quotes"),
        ("userName eq 'x'", 12, "double quotes"),
        ("userName eq 01", 12, "no value"),
        ("userName eq 1e999", 12, "no value"),
        ("userName eq \"x", 12, "closing quote"),
        ("userName eq \"\\x\"", 12, "JSON string"),
        ("userName eq \"x\" title pr", 16, "expected \"and\""),
        ("userName eq \"x\" and", 19, "attribute name is missing"),
        ("(a pr", 5, "\")\""),
        ("a pr)", 4, "expected \"and\""),
        ("not a pr", 4, "\"(\" after \"not\""),
        ("emails[type eq \"x\"", 18, "\"]\""),
        ("emails[ims[a pr]]", 7, "brackets inside brackets"),
        ("emails.x[a pr]", 0, "not a sub-attribute"),
        ("a.b.c pr", 2, "sub-attributes"),
        ("a:b pr", 0, "no schema URI"),
        ("é pr", 0, "no attribute name"),
    ] {
        let error = text.parse::<Filter>().unwrap_err();
        assert_eq!(error.offset, offset, "{text}: {error}");
        assert!(error.message.contains(words), "{text}: {error}");
    }
}

#[test]
fn limits_hold() {
    let deep = |depth: usize| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
    assert!(deep(MAX_FILTER_DEPTH).parse::<Filter>().is_ok());
    assert!(deep(MAX_FILTER_DEPTH + 1).parse::<Filter>().unwrap_err().message.contains("deep"));
    let many = |terms: usize| vec!["a pr"; terms].join(" or ");
    assert!(many(MAX_FILTER_TERMS).parse::<Filter>().is_ok());
    assert!(many(MAX_FILTER_TERMS + 1).parse::<Filter>().unwrap_err().message.contains("comparisons"));
    let long = format!("a eq \"{}\"", "x".repeat(MAX_FILTER_LENGTH));
    assert!(long.parse::<Filter>().unwrap_err().message.contains("octets"));
}

#[test]
fn filters_decide() {
    let (resource, schema) = (bjensen(), ResourceSchema::user().open());
    for (text, expected) in [
        ("userName eq \"BJENSEN\"", true),
        ("username eq \"bjensen\"", true),
        ("externalId eq \"ext-1\"", false),
        ("externalId eq \"Ext-1\"", true),
        ("id eq \"2819C223\"", false),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"BJ\"", true),
        ("name.familyName co \"o'm\"", true),
        ("name.familyName ew \"LEY\"", true),
        ("name.familyName gt \"N\"", true),
        ("name.familyName lt \"N\"", false),
        ("title pr", true),
        ("nickName pr", false),
        ("ims pr", false),
        ("locale pr", false),
        ("name pr", true),
        ("locale eq null", true),
        ("timezone eq null", true),
        ("title eq null", false),
        ("title ne null", true),
        ("timezone ne \"x\"", true),
        ("timezone eq \"x\"", false),
        ("active eq true", true),
        ("active eq \"True\"", true),
        ("active eq \"False\"", false),
        ("active ne false", true),
        ("emails co \"jensen.org\"", true),
        ("emails.value eq \"babs@jensen.org\"", true),
        ("emails eq \"babs@jensen.org\"", true),
        ("emails.type ne \"work\"", true),
        ("emails[type eq \"work\" and value co \"jensen.org\"]", false),
        ("emails[type eq \"home\" and value co \"jensen.org\"]", true),
        ("emails[primary eq \"True\"]", true),
        ("emails[primary eq true and type eq \"home\"]", false),
        ("emails[not (type eq \"home\")]", true),
        ("not (emails.type eq \"home\")", false),
        ("schemas eq \"urn:ietf:params:scim:schemas:core:2.0:user\"", true),
        ("schemas[value sw \"urn:example\"]", false),
        ("meta.lastModified gt \"2011-05-13T04:42:33Z\"", true),
        ("meta.lastModified eq \"2011-05-13T06:42:34+02:00\"", true),
        ("meta.lastModified le \"2011-05-13T04:42:34\"", true),
        ("meta.created lt \"2010-01-23T04:56:22.001Z\"", true),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq \"701984\"", true),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq \"26118915\"", true),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq \"26118915\"", true),
        ("employeeNumber eq \"701984\"", false),
        ("urn:example:shoe:2.0:User:size ge 42", true),
        ("urn:example:shoe:2.0:User:size gt 42.0", false),
        ("urn:example:shoe:2.0:User:weights eq 2", true),
        ("urn:example:shoe:2.0:User:weights gt 1.75", true),
        ("urn:example:shoe:2.0:User:size eq \"42\"", true),
        ("title sw \"Vice\" and (active eq false or userName co \"jen\")", true),
    ] {
        assert_eq!(parse(text).matches(&resource, &schema), expected, "{text}");
    }
}

#[test]
fn booleans_and_binaries_have_no_order() {
    let schema = ResourceSchema::user();
    for text in ["active gt true", "not (x509Certificates.value le \"a\")", "emails[primary lt true]"] {
        let error = parse(text).check(&schema).unwrap_err();
        assert_eq!(error.scim_type, Some(crate::ScimType::InvalidFilter), "{text}");
    }
    parse("active eq true and meta.created gt \"2010-01-01T00:00:00Z\" and madeUp gt 1")
        .check(&schema)
        .unwrap();
}

#[test]
fn equalities_of_a_value_filter() {
    let filter = parse("type eq \"work\" and primary eq true");
    let found: Vec<String> =
        filter.equalities().unwrap().iter().map(|(path, literal)| format!("{path}={literal}")).collect();
    assert_eq!(found, ["type=\"work\"", "primary=true"]);
    assert!(parse("type eq \"work\" or primary eq true").equalities().is_none());
    assert!(parse("not (type eq \"work\")").equalities().is_none());
}

mod properties {
    use proptest::prelude::*;

    use super::super::*;
    use crate::path::Path;
    use crate::schema::ResourceSchema;

    fn name() -> impl Strategy<Value = String> {
        "[a-zA-Z$_][a-zA-Z0-9_-]{0,8}".prop_filter("keywords are read as such", |name| {
            !["not", "and", "or"].iter().any(|word| name.eq_ignore_ascii_case(word))
        })
    }

    fn path() -> impl Strategy<Value = AttributePath> {
        (proptest::option::of("urn:[a-z0-9.:]{1,20}[a-z]"), name(), proptest::option::of(name())).prop_map(
            |(schema, attribute, sub_attribute)| AttributePath {
                schema: schema.map(|schema| schema.as_str().into()),
                attribute: attribute.as_str().into(),
                sub_attribute: sub_attribute.map(|name| name.as_str().into()),
            },
        )
    }

    fn literal() -> impl Strategy<Value = Literal> {
        prop_oneof![
            Just(Literal::Null),
            any::<bool>().prop_map(Literal::Boolean),
            any::<i64>().prop_map(|number| Literal::Number(number.into())),
            any::<u64>().prop_map(|number| Literal::Number(number.into())),
            any::<f64>().prop_filter_map("finite", |number| Number::from_f64(number).map(Literal::Number)),
            any::<String>().prop_map(Literal::Text),
        ]
    }

    fn term() -> impl Strategy<Value = Filter> {
        prop_oneof![
            path().prop_map(Filter::Present),
            (path(), proptest::sample::select(&Operator::ALL[..]), literal())
                .prop_map(|(path, operator, literal)| Filter::Compare(path, operator, literal)),
        ]
    }

    fn nested(leaf: impl Strategy<Value = Filter> + 'static) -> impl Strategy<Value = Filter> {
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
                proptest::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
                inner.prop_map(|one| Filter::Not(Box::new(one))),
            ]
        })
    }

    fn filter() -> impl Strategy<Value = Filter> {
        let bracket =
            (path(), nested(term())).prop_map(|(path, inner)| Filter::Values(path.whole(), Box::new(inner)));
        nested(prop_oneof![3 => term(), 1 => bracket])
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i32>().prop_map(Json::from),
            ".{0,6}".prop_map(Json::String),
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Json::Array),
                proptest::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn printing_then_reading_changes_nothing(filter in filter()) {
            let text = filter.to_string();
            prop_assert_eq!(text.parse::<Filter>(), Ok(filter), "{}", text);
        }

        #[test]
        fn paths_with_filters_survive_too(attribute in path(), filter in nested(term())) {
            let path = Path::Values { attribute, filter };
            prop_assert_eq!(path.to_string().parse::<Path>(), Ok(path));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
            drop(text.parse::<Filter>());
            drop(text.parse::<Path>());
        }

        #[test]
        fn nearly_right_texts_are_read_or_refused(words in proptest::collection::vec(
            proptest::sample::select(&["a", "urn:b:c", ".", "[", "]", "(", ")", "eq", "pr", "not", "and", "or", "\"x\"", "\"", "1", "-", "true", "\\", " "][..]), 0..16)) {
            for joint in ["", " "] {
                let text = words.join(joint);
                if let Ok(filter) = text.parse::<Filter>() {
                    prop_assert_eq!(filter.to_string().parse::<Filter>(), Ok(filter));
                }
                drop(text.parse::<Path>());
            }
        }

        #[test]
        fn evaluation_is_total_and_not_negates(resource in json(), filter in filter()) {
            let schema = ResourceSchema::user();
            let holds = filter.matches(&resource, &schema);
            prop_assert_eq!(Filter::Not(Box::new(filter)).matches(&resource, &schema), !holds);
        }
    }
}
