//! What is refused when a schema is saved.

use expression::{AnyAttributes, Placement, ResultType, check, check_fit, parse};
use model::schema::{AttributeDefinition, AttributeType, FlowType, ObjectDefinition};

fn user() -> ObjectDefinition {
    let attribute = |name: &str, kind: AttributeType, multivalued: bool| AttributeDefinition {
        name: name.into(),
        kind,
        multivalued,
        ..AttributeDefinition::default()
    };
    ObjectDefinition {
        name: "User".into(),
        attributes: vec![
            attribute("mail", AttributeType::String, false),
            attribute("userPrincipalName", AttributeType::String, false),
            attribute("proxyAddresses", AttributeType::String, true),
            attribute("enabled", AttributeType::Boolean, false),
            attribute("created", AttributeType::DateTime, false),
            attribute("manager", AttributeType::Reference, false),
            attribute("photo", AttributeType::Binary, false),
            attribute("logins", AttributeType::Integer, false),
        ],
        ..ObjectDefinition::default()
    }
}

fn checked(text: &str) -> Result<ResultType, Vec<(usize, String)>> {
    check(&parse(text).unwrap(), &user(), Placement::ANYWHERE)
        .map_err(|errors| errors.into_iter().map(|error| (error.offset, error.message)).collect())
}

#[test]
fn the_type_of_the_result_is_known() {
    use AttributeType::{Boolean, DateTime, Integer, String};
    for (text, kind, multivalued) in [
        ("[manager]", Some(AttributeType::Reference), false),
        ("[proxyAddresses]", Some(String), true),
        ("\"x\"", Some(String), false),
        ("5", Some(Integer), false),
        ("1.5", Some(String), false),
        ("[mail] = \"x\"", Some(Boolean), false),
        ("Not([enabled])", Some(Boolean), false),
        ("Join(\";\", [proxyAddresses])", Some(String), false),
        ("Split([mail], \"@\")", Some(String), true),
        ("CDate([mail])", Some(DateTime), false),
        ("Coalesce([logins], Count([proxyAddresses]))", Some(Integer), false),
        ("Coalesce([logins], \"none\")", None, false),
        ("IIF([enabled], [mail], [proxyAddresses])", Some(String), true),
        ("Switch([mail], , [proxyAddresses], [logins])", Some(Integer), false),
        ("Redact([created])", Some(DateTime), false),
        ("Item([proxyAddresses], 1)", None, false),
    ] {
        assert_eq!(checked(text), Ok(ResultType { kind, multivalued }), "{text}");
    }
}

#[test]
fn what_cannot_work_is_refused_with_its_place() {
    for (text, offset, message) in [
        ("Append([Mail], \"x\")", 7, "the source object has no attribute 'Mail'; did you mean [mail]?"),
        ("[userPrincipelName]", 0, "did you mean [userPrincipalName]?"),
        ("[xyz]", 0, "no attribute 'xyz'; add it to the directory definition first"),
        ("Mid([mail], [enabled], 1)", 12, "'start' of Mid takes a whole number, not a boolean"),
        ("Mid([mail], [created], 1)", 12, "'start' of Mid takes a whole number, not a date-time"),
        ("Not([manager])", 4, "'source' of Not takes True or False, not a reference"),
        ("CDate([logins])", 6, "'source' of CDate takes a date-time, not a whole number"),
        ("ToLower([proxyAddresses])", 8, "takes one value; choose one with Item or combine them with Join"),
        ("[proxyAddresses] < \"a\"", 0, "'<' compares one value"),
        ("InStr([mail], \"a\", 1, \"vbTextCompare\")", 22, "takes vbTextCompare or vbBinaryCompare"),
        ("Append([mail], vbTextCompare)", 15, "takes no word"),
        ("vbTextCompare", 0, "this word is only an argument of InStr"),
        ("[mail] = vbTextCompare", 9, "this word cannot be compared"),
        ("Trim(SelectUniqueValue([mail], \"x\"))", 5, "SelectUniqueValue must be the outermost function"),
        ("Replace([mail], , \"(\", , \"x\", , )", 18, "Replace: the pattern cannot be read"),
        ("Replace([mail], , \"a\", \"g\", \"x\", , )", 23, "Replace: the pattern has no group 'g'"),
        ("Replace([mail], , , , \"x\", , )", 0, "Replace: needs Find with Replacement"),
        ("DateAdd(\"q\", 1, [created])", 8, "DateAdd: \"q\" is no interval; take yyyy, m, ww, d, h, n or s"),
        ("FormatDateTime([mail], , \"q\", \"d\")", 25, "FormatDateTime: 'q' is no standard format"),
        ("FormatDateTime([mail], \"Loose\", \"d\", \"d\")", 23, "'Loose' is none of .NET's DateTimeStyles"),
    ] {
        let errors = checked(text).unwrap_err();
        let [(found_offset, found)] = &errors[..] else { panic!("{text}: {errors:?}") };
        assert_eq!(*found_offset, offset, "{text}: {found}");
        assert!(found.contains(message), "{text}: {found}");
    }
}

#[test]
fn all_errors_are_found_in_the_order_of_the_text() {
    let errors = checked("Join([a1], Replace([b1], , \"(\", , \"x\", , ), Not([photo]))").unwrap_err();
    let offsets: Vec<usize> = errors.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, [5, 19, 27, 48]);
}

#[test]
fn constants_are_judged_by_evaluation_not_by_type() {
    assert!(checked("Mid([mail], \"x\", 1)").is_ok());
    assert!(checked("CDate(\"never\")").is_ok());
}

#[test]
fn unique_values_need_a_mapping_that_creates_and_does_not_match() {
    let tree = parse("SelectUniqueValue([mail], Append([mail], \"2\"))").unwrap();
    let refused = |flow_type: FlowType, matching: bool| {
        let placement = Placement { flow_type, matching };
        check(&tree, &AnyAttributes, placement).map_err(|errors| errors.len())
    };
    assert!(refused(FlowType::ObjectAddOnly, false).is_ok());
    assert_eq!(refused(FlowType::ObjectAddOnly, true), Err(1));
    assert_eq!(refused(FlowType::Always, false), Err(1));
    assert_eq!(refused(FlowType::AttributeAddOnly, true), Err(2));
}

#[test]
fn the_target_attribute_must_be_able_to_take_the_result() {
    use AttributeType::{Binary, Boolean, DateTime, Integer, Reference, String};
    let fit = |text: &str, kind: AttributeType| {
        let tree = parse(text).unwrap();
        let result = check(&tree, &user(), Placement::ANYWHERE).unwrap();
        let target = AttributeDefinition { name: "target".into(), kind, ..AttributeDefinition::default() };
        check_fit(&tree, result, &target).map_err(|error| error.to_string())
    };
    for (text, kinds) in [
        ("[mail]", vec![String, Boolean, Integer, DateTime, Binary]),
        ("[enabled]", vec![String, Boolean, Binary]),
        ("[logins]", vec![String, Integer, Binary]),
        ("[created]", vec![String, DateTime, Binary]),
        ("[manager]", vec![String, Reference, Binary]),
        ("[photo]", vec![String, Binary]),
        ("IIF([enabled], [mail], [logins])", vec![String, Boolean, Integer, DateTime, Reference, Binary]),
        ("Not([enabled])", vec![String, Boolean, Binary]),
        ("Count([proxyAddresses])", vec![String, Integer, Binary]),
        ("Now()", vec![String, DateTime, Binary]),
        ("\"true\"", vec![String, Boolean, Binary]),
        ("\" 12 \"", vec![String, Integer, Binary]),
        ("\"2024-01-01T00:00:00Z\"", vec![String, DateTime, Binary]),
        ("\"\"", vec![String, Boolean, Integer, DateTime, Binary]),
        ("1.5", vec![String, Binary]),
        ("[proxyAddresses]", vec![String, Boolean, Integer, DateTime, Binary]),
    ] {
        for kind in [String, Boolean, Integer, DateTime, Reference, Binary] {
            assert_eq!(fit(text, kind).is_ok(), kinds.contains(&kind), "{text} as {kind:?}");
        }
    }
    assert_eq!(
        fit("BitAnd([logins], 2)", Boolean).unwrap_err(),
        "character 1: the attribute 'target' takes a boolean, not a whole number; convert it with CBool, or compare it"
    );
    assert_eq!(
        fit("\"yes\"", Boolean).unwrap_err(),
        "character 1: the attribute 'target' takes a boolean, not \"yes\"; convert it with CBool, or compare it"
    );
}
