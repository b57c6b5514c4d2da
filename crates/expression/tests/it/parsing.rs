//! Texts that are no expressions, and the limits.

use expression::{MAX_DEPTH, ParseError, parse, render_caret};

fn error(text: &str) -> ParseError {
    parse(text).unwrap_err()
}

#[test]
fn errors_name_the_place_and_what_was_expected() {
    for (text, offset, message) in [
        (
            "",
            0,
            "an attribute in brackets, a text in quotes, a number or a function, found the end of the text",
        ),
        ("Append([a]", 10, "',' or ')', found the end of the text"),
        ("Append([a] \"x\")", 11, "',' or ')', found a text"),
        ("[a] = ", 6, "a text in quotes, a number or a function, found the end of the text"),
        ("[a] = [b] = [c]", 10, "the end of the expression, found '='"),
        ("[ä] [b]", 4, "the end of the expression, found the attribute [b]"),
        ("mail", 0, "an attribute as [mail], a text as \"mail\", or a function as Name(…), found 'mail'"),
        ("ToLower", 0, "'(' after the function ToLower"),
        ("ToLower([a]))", 12, "the end of the expression, found ')'"),
        ("%Domain%", 0, "%DomainFQDN% or %DomainNetBios%, found %Domain%"),
        ("99999999999999999999", 0, "a number of at most 64 bits"),
        ("Append([a])", 10, "the argument 'suffix' of Append(source, suffix), found nothing"),
        ("Append([a],)", 11, "the argument 'suffix' of Append(source, suffix), found nothing"),
        ("Append(, [a])", 12, "the argument 'source' of Append(source, suffix), found nothing"),
        ("Guid([a])", 0, "at most 0 arguments in Guid(), found 1 argument"),
        ("ToLower([a], \"\", )", 0, "at most 2 arguments in ToLower(source, culture), found 3 arguments"),
        ("Join(\",\")", 8, "the argument 'source' of Join(separator, source, …), found nothing"),
        ("Join(\",\", , [a])", 15, "the argument 'source' of Join(separator, source, …), found nothing"),
        ("And([a])", 7, "at least 2 arguments in And(condition, …), found 1 argument"),
        ("SelectUniqueValue([a])", 21, "at least 2 arguments"),
        ("Switch([a], \"d\", \"k\")", 20, "a value for the last key of Switch("),
        ("Switch([a], \"d\")", 15, "the argument 'switchValue' of Switch("),
    ] {
        let found = error(text);
        assert_eq!(found.offset, offset, "{text}: {found}");
        assert!(found.to_string().contains(message), "{text}: {found}");
    }
}

#[test]
fn a_wrong_function_name_offers_the_nearest() {
    let found = error("Join(\" \", toLower([a]))");
    assert_eq!((found.offset, found.nearest), (10, Some("ToLower")));
    assert_eq!(
        render_caret("Join(\" \", toLower([a]))", &found),
        "Join(\" \", toLower([a]))\n          ^\n\
         character 11: expected the name of a function, found 'toLower'; did you mean ToLower?"
    );
}

#[test]
fn the_longest_expression_has_ten_thousand_characters() {
    let text = |length: usize| format!("\"{}\"", "ü".repeat(length - 2));
    assert!(parse(&text(10_000)).is_ok());
    let found = error(&text(10_001));
    assert_eq!(found.offset, 10_000);
    assert!(found.to_string().contains("at most 10000 characters"), "{found}");
}

#[test]
fn functions_stand_at_most_sixty_four_levels_deep() {
    let text = |depth: usize| format!("{}[a]{}", "Trim(".repeat(depth), ")".repeat(depth));
    assert!(parse(&text(MAX_DEPTH)).is_ok());
    let found = error(&text(MAX_DEPTH + 1));
    assert!(found.to_string().contains("at most 64 functions inside one another"), "{found}");
    assert!(parse(&text(1_600)).is_err());
    // Calls beside one another are not deeper.
    assert!(parse(&format!("Join(\"\", {})", vec!["Trim([a])"; 500].join(", "))).is_ok());
}

#[test]
fn white_space_may_stand_anywhere_between_tokens() {
    let tree = parse("\n Join (\t\",\" ,\r\n[ a ] , [b] = \"x\" )\u{a0}").unwrap();
    assert_eq!(tree.to_string(), "Join(\",\", [a], [b] = \"x\")");
}

#[test]
fn omitted_arguments_print_as_the_service_prints_them() {
    for (text, printed) in [
        ("Replace([a],\"-\",,,\"_\",,)", "Replace([a], \"-\", , , \"_\", , )"),
        ("Replace([a],\"-\",,,\"_\")", "Replace([a], \"-\", , , \"_\", , )"),
        ("Switch([a],,\"k\",\"v\")", "Switch([a], , \"k\", \"v\")"),
        ("ToLower([a],)", "ToLower([a])"),
        ("IIF([a]=\"x\",\"y\",)", "IIF([a] = \"x\", \"y\", )"),
        ("IIF([a]=\"x\",\"y\")", "IIF([a] = \"x\", \"y\", )"),
        ("Guid( )", "Guid()"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), printed);
    }
}
