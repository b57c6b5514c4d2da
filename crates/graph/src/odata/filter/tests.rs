use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn parse(text: &str) -> Expr {
    Expr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn holds(filter: &str, resource: &Json) -> bool {
    matches(&parse(filter), resource.as_object().unwrap())
}

fn error(text: &str) -> (usize, String) {
    let error = Expr::parse(text).expect_err(text);
    (error.offset, error.message)
}

#[test]
fn precedence_is_or_and_not() {
    assert_eq!(parse("a eq 1 or b eq 2 and not c eq 3"), parse("(a eq 1) or ((b eq 2) and (not (c eq 3)))"));
    assert_eq!(parse("(a eq 1 and b eq 2) and c eq 3").to_string(), "a eq 1 and b eq 2 and c eq 3");
    assert_eq!(parse("(a eq 1 or b eq 2) and c eq 3").to_string(), "(a eq 1 or b eq 2) and c eq 3");
    assert_eq!(parse("NOT(startsWith(a,'x'))").to_string(), "not (startswith(a,'x'))");
}

#[test]
fn every_literal_is_read() {
    for (text, printed) in [
        ("a eq null", "a eq null"),
        ("a EQ TRUE", "a eq true"),
        ("a gt -12", "a gt -12"),
        ("a le 1.50", "a le 1.5"),
        ("a eq 99999999999999999999", "a eq 1e20"),
        ("a eq 'O''Neil, \u{e4}'", "a eq 'O''Neil, \u{e4}'"),
        ("a eq 03F7D90D-bf71-41b1-bda6-aaf0ddbee5d8", "a eq 03f7d90d-bf71-41b1-bda6-aaf0ddbee5d8"),
        ("a eq f3f7d90d-bf71-41b1-bda6-aaf0ddbee5d8", "a eq f3f7d90d-bf71-41b1-bda6-aaf0ddbee5d8"),
        ("a ge 2026-01-31T10:00:00.5+02:00", "a ge 2026-01-31T08:00:00.5Z"),
        ("a ge 2026-01-31", "a ge 2026-01-31T00:00:00Z"),
        ("a ge '2026-01-31T10:00:00Z'", "a ge '2026-01-31T10:00:00Z'"),
        ("a eq guid'03f7d90d-bf71-41b1-bda6-aaf0ddbee5d8'", "a eq 03f7d90d-bf71-41b1-bda6-aaf0ddbee5d8"),
        ("a ge datetime'2026-01-31T10:00:00Z'", "a ge 2026-01-31T10:00:00Z"),
        ("a eq duration'PT40M'", "a eq 'PT40M'"),
    ] {
        assert_eq!(parse(text).to_string(), printed);
    }
}

#[test]
fn a_literal_may_stand_at_the_left() {
    assert_eq!(parse("5 lt a").to_string(), "a gt 5");
    assert_eq!(parse("'x' eq a/b").to_string(), "a/b eq 'x'");
}

#[test]
fn a_condition_may_be_compared_with_a_truth() {
    assert_eq!(parse("startswith(a,'x') eq true"), parse("startswith(a,'x')"));
    assert_eq!(parse("startswith(a,'x') eq false"), parse("not startswith(a,'x')"));
    assert_eq!(parse("(a eq 1) ne true"), parse("not (a eq 1)"));
}

#[test]
fn errors_tell_the_place_and_the_mend() {
    let cases = [
        ("displayName eq Adele", 15, "texts stand between single quotes"),
        ("displayName eq 'Adele", 15, "no closing quote"),
        ("displayName is 'Adele'", 12, "'is' is no operator; use eq, ne"),
        ("displayName eq 'a' 'b'", 19, "expected 'and', 'or' or the end"),
        ("tolower(a) eq 'a'", 0, "comparisons disregard case"),
        ("startswith(a,b)", 13, "text between single quotes"),
        ("startswith(a 'b')", 13, "expected ','"),
        ("(a eq 1", 7, "expected ')'"),
        ("a in ()", 6, "expected a value"),
        ("a in ('x'", 9, "or ',' after a value"),
        ("a/any(eq 1)", 9, "expected ':' after the variable"),
        ("m/all()", 6, "expected a variable"),
        ("a eq 'x' # b", 9, "'#' has no meaning"),
        ("\u{e4}\u{e4} eq", 5, "found the end"),
        ("a/$count/b eq 1", 8, "nothing can follow $count"),
        ("", 0, "found the end"),
        ("'x'", 3, "no condition"),
        ("startswith(a,'x') eq 5", 21, "true or false"),
    ];
    for (text, offset, words) in cases {
        let (at, message) = error(text);
        assert!(message.contains(words), "{text}: {message}");
        assert_eq!(at, offset, "{text}: {message}");
    }
}

#[test]
fn limits_end_in_errors() {
    assert!(error(&format!("a eq '{}'", "x".repeat(MAX_LENGTH))).1.contains("longer than"));
    assert!(error(&"(".repeat(200)).1.contains("deeper than"));
    assert!(error(&"not ".repeat(200)).1.contains("deeper than"));
    assert!(error(&vec!["a eq 1"; MAX_TERMS + 1].join(" or ")).1.contains("terms"));
    assert!(error(&format!("a in ({})", vec!["1"; MAX_TERMS + 1].join(","))).1.contains("terms"));
    assert!(error(&format!("{} eq 1", vec!["a"; 40].join("/"))).1.contains("names"));
}

#[test]
fn texts_compare_without_regard_to_case() {
    let user = json!({"displayName": "\u{c4}dele Vance", "mail": null, "accountEnabled": true, "age": 7});
    for filter in [
        "displayName eq '\u{e4}DELE vance'",
        "DISPLAYNAME eq '\u{c4}dele Vance'",
        "startswith(displayName,'\u{e4}de')",
        "endswith(displayName,'VANCE')",
        "contains(displayName,'le v')",
        "displayName gt 'a' and displayName lt '\u{f6}'",
        "displayName in ('x','\u{e4}dele vance')",
        "mail eq null and missing eq null",
        "mail ne 'x' and not (mail eq 'x')",
        "accountEnabled",
        "accountEnabled ne false",
        "age ge 7 and age lt 7.5 and 6 lt age",
    ] {
        assert!(holds(filter, &user), "{filter}");
    }
    for filter in
        ["mail gt 'a'", "mail le 'a'", "startswith(mail,'')", "displayName eq 7", "age eq '7'", "missing"]
    {
        assert!(!holds(filter, &user), "{filter}");
    }
}

#[test]
fn moments_and_guids_compare_by_value() {
    let record = json!({"at": "2026-01-31T10:00:00.000Z", "id": "03F7D90D-BF71-41B1-BDA6-AAF0DDBEE5D8"});
    for filter in [
        "at eq 2026-01-31T10:00:00Z",
        "at eq 2026-01-31T12:00:00+02:00",
        "at gt 2026-01-31 and at lt 2026-02-01",
        "at ge '2026-01-31T10:00:00Z'",
        "id eq 03f7d90d-bf71-41b1-bda6-aaf0ddbee5d8",
        "id eq '03f7d90d-bf71-41b1-bda6-aaf0ddbee5d8'",
    ] {
        assert!(holds(filter, &record), "{filter}");
    }
    assert!(!holds("at eq 2026-01-31T10:00:01Z", &record));
}

#[test]
fn lambdas_see_members_and_the_resource() {
    let user = json!({
        "mails": ["smtp:a@x", "SMTP:b@x"],
        "identities": [{"issuer": "x", "id": "1"}, {"issuer": "y", "id": "2"}],
        "employeeOrgData": {"division": "Sales"},
        "home": "y",
        "none": [],
    });
    for filter in [
        "mails/any(m:m eq 'smtp:B@x')",
        "mails/all(m:startswith(m,'smtp:'))",
        "mails/any()",
        "not none/any()",
        "none/all(n:n eq 'x')",
        "identities/any(i:i/issuer eq 'x' and i/id eq '1')",
        "not identities/any(i:i/issuer eq 'x' and i/id eq '2')",
        "employeeOrgData/division eq 'sales'",
        "mails/$count eq 2 and none/$count eq 0 and absent/$count lt 1",
    ] {
        assert!(holds(filter, &user), "{filter}");
    }
    assert!(!holds("mails eq 'smtp:a@x'", &user));
}

fn probes(filter: &str) -> Option<Vec<String>> {
    let indexed =
        |path: &Path| ["userPrincipalName", "mail", "proxyAddresses"].iter().any(|name| path.is(name));
    parse(filter).covering(&indexed).map(|probes| {
        probes
            .into_iter()
            .map(|probe| match probe.test {
                Test::Equals(value) => format!("{}={value}", probe.path),
                Test::StartsWith(text) => format!("{}^{text}", probe.path),
            })
            .collect()
    })
}

#[test]
fn a_store_learns_which_indexes_cover_a_filter() {
    assert_eq!(probes("mail eq 'a' and city eq 'b'").unwrap(), ["mail='a'"]);
    assert_eq!(
        probes("startswith(mail,'a') and userPrincipalName eq 'b'").unwrap(),
        ["userPrincipalName='b'"]
    );
    assert_eq!(probes("mail eq 'a' or MAIL in ('b','c')").unwrap(), ["mail='a'", "MAIL='b'", "MAIL='c'"]);
    assert_eq!(probes("proxyAddresses/any(p:p eq 'a')").unwrap(), ["proxyAddresses='a'"]);
    assert_eq!(probes("proxyAddresses/any(p:startswith(p,'a'))").unwrap(), ["proxyAddresses^a"]);
    for filter in [
        "mail eq 'a' or city eq 'b'",
        "mail eq null",
        "not (mail eq 'a')",
        "startswith(mail,'')",
        "mail ne 'a'",
    ] {
        assert_eq!(probes(filter), None, "{filter}");
    }
    assert_eq!(parse("a eq 1 and b eq 2").conjuncts().len(), 2);
    assert_eq!(parse("a eq 1 or b eq 2").conjuncts().len(), 1);
}

fn name() -> impl Strategy<Value = Name> {
    "p[a-zA-Z0-9_]{0,6}".prop_map(Name::from)
}

fn path() -> impl Strategy<Value = Path> {
    prop::collection::vec(name(), 1..4).prop_map(|names| Path::new(names).unwrap())
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Boolean),
        any::<i64>().prop_map(Literal::Integer),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Literal::Decimal),
        ".{0,8}".prop_map(Literal::Text),
        any::<u128>().prop_map(|bits| Literal::Guid(Uuid::from_u128(bits))),
        (-62_135_596_800_i64..253_402_300_799, 0_i32..1_000_000_000)
            .prop_map(|(second, nano)| Literal::DateTime(Timestamp::new(second, nano).unwrap())),
    ]
}

fn operator() -> impl Strategy<Value = Operator> {
    prop::sample::select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Less,
        Operator::LessOrEqual,
    ])
}

fn expression() -> impl Strategy<Value = Expr> {
    let function =
        prop::sample::select(vec![TextFunction::StartsWith, TextFunction::EndsWith, TextFunction::Contains]);
    let leaf = prop_oneof![
        (path(), operator(), literal()).prop_map(|(path, operator, value)| Expr::Compare {
            path,
            operator,
            value
        }),
        (path(), prop::collection::vec(literal(), 1..4)).prop_map(|(path, values)| Expr::In { path, values }),
        (function, path(), ".{0,8}").prop_map(|(function, path, value)| Expr::Text { function, path, value }),
        path().prop_map(Expr::True),
        path().prop_map(|path| Expr::Lambda {
            path,
            quantifier: Quantifier::Any,
            variable: "".into(),
            condition: None
        }),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|members| Expr::and(members).unwrap()),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|members| Expr::or(members).unwrap()),
            inner.clone().prop_map(|member| Expr::Not(Box::new(member))),
            (path(), prop::sample::select(vec![Quantifier::Any, Quantifier::All]), name(), inner).prop_map(
                |(path, quantifier, variable, condition)| Expr::Lambda {
                    path,
                    quantifier,
                    variable,
                    condition: Some(Box::new(condition)),
                }
            ),
        ]
    })
}

proptest! {
    #[test]
    fn printing_and_reading_gives_the_same(expression in expression()) {
        let printed = expression.to_string();
        prop_assert_eq!(Expr::parse(&printed).map_err(|error| format!("{printed}: {error}")), Ok(expression));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        let _ = Expr::parse(&text);
    }

    #[test]
    fn whatever_is_read_prints_and_reads_again(
        text in prop::collection::vec(
            prop::sample::select(vec![
                "a", "b/c", "any(", "all(x:", "x", "(", ")", " and ", " or ", "not ", " eq ", " in ", "'t'", "''", ",", "/",
                "$count", " null", " 1", " -2.5", "startswith(", "true", "'", ":", "2026-01-31", "guid",
            ]),
            0..24,
        )
    ) {
        if let Ok(expression) = Expr::parse(&text.concat()) {
            let printed = expression.to_string();
            prop_assert_eq!(Expr::parse(&printed).map_err(|error| format!("{printed}: {error}")), Ok(expression));
        }
    }

    #[test]
    fn a_filter_and_its_negation_never_agree(expression in expression(), value in ".{0,4}") {
        let resource = json!({"p": value, "pa": [value], "pb": {"p": value}});
        let resource = resource.as_object().unwrap();
        let negation = Expr::Not(Box::new(expression.clone()));
        prop_assert_ne!(matches(&expression, resource), matches(&negation, resource));
    }
}
