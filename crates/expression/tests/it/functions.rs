//! The functions at their edges. What the shared examples show is not repeated here.

use expression::{NodeKind, NullRule, functions, parse};

use crate::support::{attributes, evaluate};

fn values(text: &str) -> Result<Vec<String>, String> {
    let object = attributes([
        ("name", vec!["Ada"]),
        ("empty", vec![""]),
        ("upper", vec!["O'BRIEN-SMITH mcDONALD 1st"]),
        ("several", vec!["b", "", "a", "b"]),
        ("roles", vec![r#"{"id":"1","value":"","displayName":"Read"}"#, "Writer", "{broken"]),
        ("number", vec!["41"]),
        ("date", vec!["2024-02-29T10:20:30.1234567Z"]),
        ("pattern", vec!["(?<n>d)a"]),
        ("group", vec!["n"]),
        ("german", vec!["Ä-Straße"]),
    ]);
    evaluate(text, &object)
}

fn all_give(cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        let expected = expected.iter().map(ToString::to_string).collect();
        assert_eq!(values(text), Ok(expected), "{text}");
    }
}

fn all_fail(cases: &[(&str, &str)]) {
    for (text, message) in cases {
        let error = values(text).unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn null_gives_null_where_the_table_says_so() {
    let mut tried = 0;
    for function in functions().filter(|function| function.null == NullRule::Null) {
        let example = &function.example;
        let tree = parse(example.expression).unwrap();
        let NodeKind::Call(call) = &tree.root().kind else { panic!("{} is no call", example.expression) };
        assert_eq!(call.function.name, function.name);
        let object = attributes(example.attributes.iter().map(|(name, values)| (*name, values.to_vec())));
        for (position, _) in
            function.parameters.iter().enumerate().filter(|(_, parameter)| parameter.required)
        {
            let arguments: Vec<String> = call
                .arguments
                .iter()
                .enumerate()
                .map(|(at, argument)| match argument {
                    _ if at == position => "[missing]".to_owned(),
                    Some(argument) => argument.to_string(),
                    None => String::new(),
                })
                .collect();
            let text = format!("{}({})", function.name, arguments.join(", "));
            assert_eq!(evaluate(&text, &object), Ok(Vec::new()), "{text}");
            tried += 1;
        }
    }
    assert!(tried > 40);
}

#[test]
fn text_is_counted_in_characters() {
    all_give(&[
        ("Left([german], 3)", &["Ä-S"]),
        ("Mid([german], 3, 5)", &["Straß"]),
        ("Mid([german], 9, 5)", &[""]),
        ("Mid([german], 99, 5)", &[""]),
        ("Mid([german], 1, 0)", &[""]),
        ("InStr([german], \"ß\")", &["7"]),
        ("InStr([german], \"SS\", 1, vbTextCompare)", &["0"]),
        ("InStr([german], \"STRA\", 1, vbTextCompare)", &["3"]),
        ("InStr([german], \"\", 4)", &["4"]),
        ("InStr([german], \"ä\", 2)", &["0"]),
        ("InStr(\"\", \"\")", &["0"]),
    ]);
    all_fail(&[
        ("Mid([german], 0, 1)", "Mid at character 1: 'start' counts from 1"),
        ("Mid([german], 1, -1)", "there is no part of -1 characters"),
        ("InStr([german], \"a\", 0)", "'start' counts from 1, not 0"),
        ("Mid([german], [name], 1)", "'start' takes a whole number, not \"Ada\""),
    ]);
}

#[test]
fn joining_skips_what_is_empty_wherever_it_stands() {
    all_give(&[
        ("Join(\", \", [missing], [name], \"\", [missing])", &["Ada"]),
        ("Join(\",\", [several], [name])", &["b,a,b,Ada"]),
        ("Join(\"\", [missing])", &[""]),
        ("Join([missing], [name], [name])", &["AdaAda"]),
        (
            "Join(ToLower(\"-X-\"), ToUpper([name]), Join(\"+\", [several], ToLower([name])), 5)",
            &["ADA-x-b+a+b+ada-x-5"],
        ),
    ]);
}

#[test]
fn words_begin_where_dotnet_begins_them() {
    all_give(&[
        ("PCase([upper])", &["O'brien-Smith Mcdonald 1St"]),
        ("PCase([upper], \" \")", &["O'brien-smith Mcdonald 1st"]),
        ("PCase(\"a1b c_d\u{a0}e—f (g) «h» i’j\")", &["A1b C_D\u{a0}E—F (G) «H» I’J"]),
        ("PCase(\"ǆa\")", &["ǅa"]),
        ("Word(\",,a,,b\", 2, \",\")", &["b"]),
        ("Word([name], 1, \"\")", &["Ada"]),
        ("Word([missing], 1, \",\")", &[""]),
    ]);
}

#[test]
fn splitting_drops_empty_values_at_the_ends_only() {
    all_give(&[
        ("Split(\" , a,, b ,,\", \",\")", &["a", "", "b"]),
        ("Split(\"a--b\", \"--\")", &["a", "b"]),
        ("Split([name], \"\")", &["Ada"]),
        ("Split([empty], \",\")", &[]),
        ("Split(\",,\", \",\")", &[]),
        ("Split(ToUpper([name]), \"D\")", &["A", "A"]),
    ]);
}

#[test]
fn several_values_are_handled_as_such() {
    all_give(&[
        ("Count([several])", &["4"]),
        ("Count([empty])", &["1"]),
        ("Count(Split(\"a,b\", \",\"))", &["2"]),
        ("Item([several], 3)", &["a"]),
        ("Item([several], 0)", &[]),
        ("Item([several], -1)", &[]),
        ("Item([name], 1)", &["Ada"]),
        ("Item(Split(\"a,b\", \",\"), 2)", &["b"]),
        ("RemoveDuplicates([several])", &["b", "", "a"]),
        ("RemoveDuplicates([name])", &["Ada"]),
        ("[several] = [several]", &["True"]),
        ("[several] = \"b\"", &["False"]),
        ("IsString([several])", &["True"]),
        ("IsPresent([several])", &["True"]),
    ]);
    all_fail(&[
        (
            "ToLower([several])",
            "'source' takes one value, not 4; choose one with Item or combine them with Join",
        ),
        ("Switch([several], , \"a\", \"b\")", "'source' takes one value, not 4"),
        ("[several] < \"b\"", "compares one value, not 4"),
    ]);
}

#[test]
fn comparisons_know_numbers_dates_and_text() {
    all_give(&[
        ("[number] < 100", &["True"]),
        ("\"9\" < \"10\"", &["True"]),
        ("\"9\" < \"10a\"", &["False"]),
        ("\"1.5\" >= 1.50", &["True"]),
        ("9007199254740993 > 9007199254740992", &["True"]),
        ("\"B\" < \"a\"", &["True"]),
        ("CDate(\"2024-10-01\") > CDate(\"2024-9-30\")", &["True"]),
        ("[number] = 41", &["True"]),
        ("\"01\" = 1", &["False"]),
        ("Not(\"x\") = \"True\"", &["True"]),
        ("\"true\" = Not(\"x\")", &["False"]),
        ("[missing] = [missing]", &["True"]),
        ("[missing] = \"\"", &["False"]),
        ("[missing] <> \"\"", &["True"]),
        ("[missing] < 1", &["False"]),
        ("[missing] >= [missing]", &["False"]),
        ("CDate(\"2024-02-29\") = \"2/29/2024 12:00:00 AM\"", &["True"]),
        ("CDate(\"9999-12-31\") > Now()", &["True"]),
        ("CDate(\"9999-12-31\") < CDate(\"2024-02-01\")", &["False"]),
        ("CDate(\"9999-12-31T10:00:00Z\") > CDate(\"9999-12-31T09:00:00Z\")", &["True"]),
    ]);
}

#[test]
fn conditions_take_truth_in_any_form() {
    all_give(&[
        ("IIF(\"TRUE\", 1, 2)", &["1"]),
        ("IIF(0, 1, 2)", &["2"]),
        ("IIF([missing], 1, 2)", &["2"]),
        ("IIF([missing], 1)", &[]),
        ("IIF([empty], 1, 2)", &["2"]),
        ("And([missing], Error(\"not reached\"))", &["False"]),
        ("Or(1, Error(\"not reached\"))", &["True"]),
        ("And(\"true\", 2, [name] = \"Ada\")", &["True"]),
        ("Not(\"yes\")", &["True"]),
        ("Not([missing])", &[]),
        ("CBool(\"0.0\")", &["False"]),
        ("IsString(5)", &["False"]),
        ("IsNothing([empty])", &["False"]),
        ("Coalesce([missing], [empty], [name])", &[""]),
        ("Switch([missing], \"d\", [missing], \"null\")", &["null"]),
        ("Switch([name], \"d\", [name], [several])", &["b", "", "a", "b"]),
        ("Switch(Not(\"x\"), , \"True\", 1)", &["1"]),
        ("Switch(ToUpper([name]), \"d\", ToUpper(\"x\"), 1, ToUpper([name]), ToLower([name]))", &["ada"]),
    ]);
    all_fail(&[
        ("IIF([name], 1, 2)", "'condition' takes True, False or a number, not \"Ada\""),
        ("CBool([name])", "\"Ada\" is neither a truth nor a number"),
    ]);
}

#[test]
fn replacing_follows_its_arguments() {
    all_give(&[
        ("Replace([name], \"a\", , , [missing], , )", &["Ad"]),
        ("Replace([name], \"\", , , \"x\", , )", &["Ada"]),
        ("Replace([missing], \"a\", , , \"x\", , )", &[]),
        ("Replace([name], \"A\", , , , , [missing])", &[]),
        ("Replace([name], \"$\", , , , , \"$-$\")", &["Ada-Ada"]),
        ("Replace([name], \"\", \"d\", \"\", \"t\", \"\", \"\")", &["Ata"]),
        (
            "Replace([name], , \"(?<x>.)d(.)\", , \"$1${x}$2$3${y}$$$&$`|$'|$_|$+\", , )",
            &["aAA$3${y}$Ada||Ada|A"],
        ),
        ("Replace(\"baac\", , \"a*\", , \"x\", , )", &["xbxxcx"]),
        ("Replace([name], , [pattern], , \"-\", , )", &["A-"]),
        ("Replace([name], , [pattern], [group], \"-\", , )", &["A-a"]),
        ("Replace([name], , \"(?<x>z)?d\", \"x\", \"-\", , )", &["Ada"]),
        ("Replace([empty], , [pattern], [group], , [name])", &["d"]),
        ("Replace([missing], , \"(?<n>.)$\", \"n\", , ToUpper([name]))", &["A"]),
        ("Replace([missing], , \"(?<n>z)\", \"n\", , [name])", &[]),
        ("Replace([missing], , \"(?<n>z)\", \"n\", , [missing])", &[]),
        ("Replace([name], , \"(?<n>z)\", \"n\", , \"other\")", &["Ada"]),
        ("Replace(\"1234567\", , \"(?<=\\d)(?=(\\d{3})+$)\", , \",\", , )", &["1,234,567"]),
        ("Replace([name], , [missing], , \"x\", , )", &[]),
    ]);
    all_fail(&[
        ("Replace([name], , \"(\", , \"x\", , )", "the pattern cannot be read"),
        ("Replace([name], , \"a\", \"[\", \"x\", , )", "the pattern has no group '['"),
        ("Replace([name], , [upper], [group], \"x\", , )", "the pattern has no group 'n'"),
        ("Replace([name], , , , \"x\", , )", "needs Find with Replacement"),
    ]);
    let hostile = format!("Replace(\"{}!\", , \"^(a|aa)+\\\\1b?$\", , \"\", , )", "a".repeat(60));
    all_fail(&[(hostile.as_str(), "takes too many steps")]);
}

#[test]
fn dates_are_read_and_written_by_their_formats() {
    all_give(&[
        (
            "FormatDateTime([date], , \"o\", \"dddd, dd MMMM yyyy h:mm:ss.FFF tt\")",
            &["Thursday, 29 February 2024 10:20:30.123 AM"],
        ),
        (
            "FormatDateTime(\"29.2.24 1 p\", , \"d.M.yy h t\", \"yyyy-MM-dd'T'HH:mm:ssK\")",
            &["2024-02-29T13:00:00"],
        ),
        ("FormatDateTime(\"29 Feb 2024 12:05 am\", , \"dd MMM yyyy hh:mm tt\", \"HH:mm\")", &["00:05"]),
        ("FormatDateTime(\"Thursday, February 29, 2024\", , \"dddd, MMMM d, yyyy\", \"d\")", &["02/29/2024"]),
        (
            "FormatDateTime(\"2024-02-29T10:00:00+01:00\", , \"yyyy-MM-ddTHH:mm:ssK\", \"u\")",
            &["2024-02-29 09:00:00Z"],
        ),
        (
            "FormatDateTime(\"2024-02-29T10:00:00Z\", , \"yyyy-MM-ddTHH:mm:ssK\", \"o\")",
            &["2024-02-29T10:00:00.0000000Z"],
        ),
        ("FormatDateTime(\" 20240229 \", , \"yyyyMMdd\", \"%d\")", &["29"]),
        ("FormatDateTime(\"2024 - 02\", \"AllowInnerWhite\", \"yyyy-MM\", \"yyyy MM dd\")", &["2024 02 01"]),
        ("FormatDateTime(\"10:00\", \"NoCurrentDateDefault\", \"HH:mm\", \"s\")", &["0001-01-01T10:00:00"]),
        ("FormatDateTime(\"10:00\", , \"HH:mm\", \"s\")", &["2021-07-02T10:00:00"]),
        ("FormatDateTime(\"3/4\", , \"d/M\", \"s\")", &["2021-04-03T00:00:00"]),
        ("FormatDateTime(\"10:00:00\", , \"HH:mm:ss.FFF\", \"HH:mm:ss.FFF|f\")", &["10:00:00|0"]),
        (
            "FormatDateTime(\"10:00:00.12\", , \"HH:mm:ss.FFF\", \"HH:mm:ss.FFF|fffff\")",
            &["10:00:00.12|12000"],
        ),
        ("FormatDateTime(\"9999-12-31\", , \"yyyy-MM-dd\", \"M/d/yyyy\")", &["12/31/9999"]),
        ("FormatDateTime(CDate(\"2024-02-29\"), , \"ignored\", \"yyyy\")", &["2024"]),
        ("FormatDateTime(Now(), , \"M/d/yyyy h:mm:ss tt\", \"r\")", &["Fri, 02 Jul 2021 15:33:38 GMT"]),
        (
            "FormatDateTime(\"2024-02-29 +5\", , \"yyyy-MM-dd z\", \"yyyy-MM-ddTHH zz z\")",
            &["2024-02-28T19 +00 +0"],
        ),
    ]);
    all_fail(&[
        (
            "FormatDateTime(\"2024-02-30\", , \"yyyy-MM-dd\", \"d\")",
            "\"2024-02-30\" does not have the input format",
        ),
        ("FormatDateTime(\"2024-2-3\", , \"yyyy-MM-dd\", \"d\")", "does not have the input format"),
        ("FormatDateTime(\"24-02-03\", , \"yyyy-MM-dd\", \"d\")", "does not have the input format"),
        ("FormatDateTime(\" 2024\", \"None\", \"yyyy\", \"d\")", "does not have the input format"),
        ("FormatDateTime(\"2024 2023\", , \"yyyy yyyy\", \"d\")", "does not have the input format"),
        ("FormatDateTime(\"13 PM\", , \"hh tt\", \"d\")", "does not have the input format"),
        (
            "FormatDateTime(\"Monday 2024-02-29\", , \"dddd yyyy-MM-dd\", \"d\")",
            "does not have the input format",
        ),
        ("FormatDateTime([empty], , \"yyyy\", \"d\")", "\"\" does not have the input format"),
        ("FormatDateTime([name], , [name], \"d\")", "\"Ada\" does not have the input format"),
        ("FormatDateTime([name], , \"yyyy\", [group])", "\"Ada\" does not have the input format"),
        ("FormatDateTime([date], [name], \"o\", \"d\")", "'Ada' is none of .NET's DateTimeStyles"),
        (
            "FormatDateTime([date], \"RoundtripKind, AssumeUniversal\", \"o\", \"d\")",
            "RoundtripKind goes with none of AssumeLocal, AssumeUniversal and AdjustToUniversal",
        ),
        (
            "FormatDateTime([date], \"AssumeLocal,AssumeUniversal\", \"o\", \"d\")",
            "AssumeLocal or AssumeUniversal",
        ),
    ]);
}

#[test]
fn dates_move_and_are_measured() {
    all_give(&[
        ("CDate(\"9999-12-31\")", &["12/31/9999 12:00:00 AM"]),
        ("DateAdd(\"n\", -1, CDate(\"9999-12-31\"))", &["12/30/9999 11:59:00 PM"]),
        ("NumFromDate(CDate(\"9999-12-31T23:59:59Z\"))", &["2650467743990000000"]),
        ("DateFromNum(0)", &["1/1/1601 12:00:00 AM"]),
        ("DateAdd(\"M\", 1, \"1/31/2023\")", &["2/28/2023 12:00:00 AM"]),
        ("DateAdd(\"s\", &H10, Now())", &["7/2/2021 3:33:54 PM"]),
        ("DateDiff(\"m\", CDate(\"8/25/2021 5:41:18 PM\"), CDate(\"2012-03-16-07:00\"))", &["-113"]),
        ("DateDiff(\"yyyy\", CDate(\"8/25/2021 5:41:18 PM\"), CDate(\"2012-03-16-07:00\"))", &["-9"]),
        ("DateDiff(\"n\", CDate(\"2021-08-24\"), CDate(\"2021-08-25\"))", &["1440"]),
    ]);
    all_fail(&[
        ("DateFromNum(9223372036854775807)", "is no file time of the years 1601 to 9999"),
        ("DateAdd(\"yyyy\", 9000, Now())", "the date lies beyond the years 1 to 9999"),
        ("DateAdd(\"x\", 1, Now())", "\"x\" is no interval"),
        ("DateAdd([name], 1, Now())", "\"Ada\" is no interval"),
        ("DateDiff(\"d\", Now(), [name])", "\"Ada\" is no date"),
        ("NumFromDate(\"1600-01-01\")", "file times begin in 1601"),
    ]);
}

#[test]
fn numbers_are_read_in_every_spelling() {
    all_give(&[
        ("BitAnd(\"&HFF\", \" 255 \")", &["255"]),
        ("BitAnd(-1, 7)", &["7"]),
        ("Left([name], \"2\")", &["Ad"]),
        ("007", &["7"]),
        ("1.50", &["1.50"]),
        ("CStr(&H10)", &["16"]),
    ]);
    all_fail(&[("BitAnd(1.5, 1)", "'left' takes a whole number, not \"1.5\"")]);
}

#[test]
fn role_assignments_show_their_value() {
    all_give(&[
        ("AppRoleAssignments([roles])", &["Read", "Writer", "{broken"]),
        ("SingleAppRoleAssignment([roles])", &["Read"]),
        ("AppRoleAssignmentsComplex([name])", &["Ada"]),
        ("Count(AssertiveAppRoleAssignmentsComplex([roles]))", &["3"]),
        ("SingleAppRoleAssignment([missing])", &[]),
    ]);
}

#[test]
fn random_strings_keep_to_their_conditions() {
    let drawn = |text: &str| values(text).unwrap().remove(0);
    let text = drawn("RandomString(20, 5, 5, 5, 5)");
    let count = |test: fn(char) -> bool| text.chars().filter(|one| test(*one)).count();
    assert_eq!(count(|one| one.is_ascii_digit()), 5);
    assert_eq!(count(|one| one.is_ascii_uppercase()), 5);
    assert_eq!(count(|one| one.is_ascii_lowercase()), 5);
    assert_eq!(count(|one| one.is_ascii_punctuation()), 5);
    assert_eq!(drawn("RandomString(256, 0, 0, 0, 0)").len(), 256);
    assert_eq!(drawn("RandomString(0, 0, 0, 0, 0)"), "");
    all_fail(&[
        ("RandomString(257, 0, 0, 0, 0)", "'length' is 257; take 0 to 256"),
        ("RandomString(3, 1, 1, 1, 1)", "4 required characters do not fit into 3"),
        ("RandomString(5, 5, 0, 0, 0, \"0123456789\")", "no character is left that need not be avoided"),
        ("RandomString(-1, 0, 0, 0, 0)", "'length' is -1"),
    ]);
}

#[test]
fn settings_come_from_the_job() {
    all_give(&[
        ("Join(\"@\", [name], %DomainFQDN%)", &["Ada@corp.contoso.com"]),
        ("Append(%DomainNetBios%, \"\\x\")", &["CORP\\x"]),
    ]);
    let tree = parse("%DomainFQDN%").unwrap();
    let mut bare = expression::Context::new(model::Timestamp::UNIX_EPOCH, &crate::support::Zeroes);
    let error = expression::compile(&tree).evaluate_object(&model::Attributes::new(), &mut bare).unwrap_err();
    assert!(error.to_string().contains("the job has no setting DomainFQDN"), "{error}");
    let flow = expression::compile(&parse("DefaultDomain()").unwrap())
        .evaluate_object(&model::Attributes::new(), &mut bare);
    assert_eq!(flow, Ok(expression::Flow::Value(model::Value::Null)));
}

#[test]
fn a_raised_error_is_its_message() {
    assert_eq!(
        values("Coalesce([missing], Error(Append(\"no mail for \", [name])))"),
        Err("no mail for Ada".to_owned())
    );
    assert_eq!(values("Error([missing])"), Err(String::new()));
}
