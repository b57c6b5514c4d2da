//! Functions of text. Characters are Unicode scalar values; positions count from 1.

use unicode_normalization::char::is_combining_mark;

use crate::case::{self, Culture};
use crate::diacritics;
use crate::error::EvaluationError;
use crate::evaluate::{Invocation, Item, Outcome, Text};
use crate::prepare::{Arguments, Known, Prepared, Unprepared};
use crate::registry::{Example, Family, Function, Kind, NullRule, Parameter, Returns};
use crate::run::{MAX_TEXT, Run};
use crate::tree::Word;

fn append<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let (Some(first), Some(second)) = (run.text(call, 0)?, run.text(call, 1)?) else {
        return Ok(Item::Null);
    };
    let begin = run.top();
    run.push_text(&first);
    run.push_text(&second);
    Ok(run.since(begin))
}

fn in_str<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let (Some(text), Some(sought)) = (run.text(call, 0)?, run.text(call, 1)?) else {
        return Ok(Item::Null);
    };
    let start = match run.integer(call, 2)? {
        Some(start) => start,
        None if call.argument(2).is_some() => return Ok(Item::Null),
        None => 1,
    };
    let skipped = match usize::try_from(start) {
        Ok(start @ 1..) => start - 1,
        _ => return Err(call.error(format!("'start' counts from 1, not {start}"))),
    };
    let compare = run.text(call, 3)?;
    let folds = compare.is_some_and(|word| run.str(&word) == Word::TextCompare.as_str());
    let position = position(run.str(&text), run.str(&sought), skipped, folds);
    Ok(Item::Owned(i64::try_from(position).unwrap_or(i64::MAX).into()))
}

/// Where a text is found behind the skipped characters, counted from 1; 0 where it is not.
fn position(text: &str, sought: &str, skipped: usize, folds: bool) -> usize {
    if text.chars().count() <= skipped {
        return 0;
    }
    let begin = text.char_indices().nth(skipped).map_or(text.len(), |(at, _)| at);
    let rest = text.get(begin..).unwrap_or_default();
    let counted = |text: &str, sought: &str| {
        text.find(sought).and_then(|at| text.get(..at)).map(|before| before.chars().count())
    };
    let found = if folds {
        let folded = |text: &str| text.chars().map(fold).collect::<String>();
        counted(&folded(rest), &folded(sought))
    } else {
        counted(rest, sought)
    };
    found.map_or(0, |before| before + skipped + 1)
}

fn fold(character: char) -> char {
    case::lower(case::upper(character))
}

fn join<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let separator = run.text(call, 0)?.unwrap_or(Text::Borrowed(""));
    let begin = run.top();
    for code in call.arguments.iter().skip(1).flatten() {
        let before = run.top();
        if before > begin {
            run.push_text(&separator);
        }
        let source = run.top();
        match run.evaluate(code)? {
            // A built text already stands where it belongs.
            Item::Null | Item::Ignored | Item::Text(Text::Built(_)) => {}
            Item::Text(Text::Borrowed(text)) => run.push(text),
            Item::Borrowed(value) => join_values(run, value.values(), &separator),
            Item::Owned(value) => join_values(run, value.values(), &separator),
        }
        if run.top() == source {
            run.cut(before);
        }
        if run.top() > begin + MAX_TEXT {
            break;
        }
    }
    Ok(run.since(begin))
}

fn join_values(run: &mut Run<'_, '_>, values: &[model::Value], separator: &Text<'_>) {
    let begin = run.top();
    for value in values {
        let before = run.top();
        if before > begin {
            run.push_text(separator);
        }
        let source = run.top();
        run.write(value);
        if run.top() == source {
            run.cut(before);
        }
    }
}

fn left<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(run.built("")) };
    let Some(count) = run.integer(call, 1)? else { return Ok(Item::Null) };
    Ok(match usize::try_from(count) {
        Ok(count) => part(run, text, 0, count),
        Err(_) => Item::Text(text),
    })
}

fn mid<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    let (Some(start), Some(length)) = (run.integer(call, 1)?, run.integer(call, 2)?) else {
        return Ok(Item::Null);
    };
    let (Ok(start @ 1..), Ok(length)) = (usize::try_from(start), usize::try_from(length)) else {
        return Err(call.error(format!(
            "'start' counts from 1 and 'length' from 0; there is no part of {length} characters from {start} on"
        )));
    };
    Ok(part(run, text, start - 1, length))
}

/// A stretch of a text, in characters.
fn part<'a>(run: &Run<'a, '_>, text: Text<'a>, skipped: usize, length: usize) -> Item<'a> {
    let whole = run.str(&text);
    let at = |from: usize, count: usize| {
        let rest = whole.get(from..).unwrap_or_default();
        rest.char_indices().nth(count).map_or(whole.len(), |(at, _)| from + at)
    };
    let begin = at(0, skipped);
    let end = at(begin, length);
    Item::Text(match text {
        Text::Borrowed(text) => Text::Borrowed(text.get(begin..end).unwrap_or_default()),
        Text::Built(range) => Text::Built(range.start + begin..range.start + end),
    })
}

fn normalize_diacritics<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    if run.str(&text).is_ascii() {
        return Ok(Item::Text(text));
    }
    run.rewrite(|run, output| {
        diacritics::normalize(run.str(&text), output);
        Ok(())
    })
}

/// An argument that is a set of characters. Its size is bounded, since every character of the source is looked up in it.
fn characters<'a>(
    call: &'a Invocation,
    run: &mut Run<'a, '_>,
    position: usize,
) -> Result<Option<Text<'a>>, EvaluationError> {
    const MOST: usize = 1_000;
    let text = run.text(call, position)?;
    if text.as_ref().is_some_and(|text| run.str(text).len() > MOST) {
        return Err(call.error(format!("'{}' takes at most {MOST} characters", call.parameter(position))));
    }
    Ok(text)
}

fn p_case<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    let separators = characters(call, run, 1)?;
    run.rewrite(|run, output| {
        match separators {
            Some(separators) => capitalize(run.str(&text), run.str(&separators), output),
            None => title_case(run.str(&text), output),
        }
        Ok(())
    })
}

fn capitalize(text: &str, separators: &str, output: &mut String) {
    let mut begins = true;
    for character in text.chars() {
        output.push(if begins { case::title(case::lower(character)) } else { case::lower(character) });
        begins = separators.contains(character);
    }
}

/// Capitals as .NET's `TextInfo.ToTitleCase` sets them in a text in lower case: a letter begins a word unless it
/// follows a letter, a mark, a digit or an apostrophe within the word.
fn title_case(text: &str, output: &mut String) {
    let mut within = false;
    for character in text.chars() {
        let is_letter = character.is_alphabetic();
        output.push(if is_letter && !within {
            case::title(case::lower(character))
        } else {
            case::lower(character)
        });
        within = is_letter || within && !separates_words(character);
    }
}

/// Spaces, controls, punctuation and symbols end a word; marks, numbers and the apostrophe do not.
fn separates_words(character: char) -> bool {
    !(character == '\'' || character.is_numeric() || is_combining_mark(character))
}

fn strip_spaces<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    if !run.str(&text).contains(' ') {
        return Ok(Item::Text(text));
    }
    run.rewrite(|run, output| {
        output.extend(run.str(&text).split(' '));
        Ok(())
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that the function table asks for")]
fn prepare_culture(arguments: &Arguments<'_>) -> Result<Prepared, Unprepared> {
    Ok(match arguments.text(1) {
        Known::Omitted => Prepared::Culture(Culture::Invariant),
        Known::Text(name) => Prepared::Culture(Culture::of_name(&name)),
        Known::Later => Prepared::Nothing,
    })
}

fn change_case<'a>(
    call: &'a Invocation,
    run: &mut Run<'a, '_>,
    change: fn(Culture, &str, &mut String),
) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    let culture = match call.prepared {
        Prepared::Culture(culture) => culture,
        _ => run.text(call, 1)?.map_or(Culture::Invariant, |name| Culture::of_name(run.str(&name))),
    };
    run.rewrite(|run, output| {
        change(culture, run.str(&text), output);
        Ok(())
    })
}

fn to_lower<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    change_case(call, run, Culture::lower)
}

fn to_upper<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    change_case(call, run, Culture::upper)
}

fn trim<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(Item::Null) };
    let whole = run.str(&text);
    let before = whole.len() - whole.trim_start().len();
    let length = whole.trim().len();
    Ok(Item::Text(match text {
        Text::Borrowed(text) => Text::Borrowed(text.trim()),
        Text::Built(range) => Text::Built(range.start + before..range.start + before + length),
    }))
}

fn word<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Some(text) = run.text(call, 0)? else { return Ok(run.built("")) };
    let (Some(number), Some(delimiters)) = (run.integer(call, 1)?, characters(call, run, 2)?) else {
        return Ok(Item::Null);
    };
    let Ok(number @ 1..) = usize::try_from(number) else { return Ok(run.built("")) };
    run.rewrite(|run, output| {
        let delimiters = run.str(&delimiters);
        let mut words =
            run.str(&text).split(|character| delimiters.contains(character)).filter(|word| !word.is_empty());
        output.push_str(words.nth(number - 1).unwrap_or_default());
        Ok(())
    })
}

const SOURCE: Parameter = Parameter::required("source", Kind::Text);

pub(crate) static FUNCTIONS: &[Function] = &[
    Function {
        name: "Append",
        parameters: &[SOURCE, Parameter::required("suffix", Kind::Text)],
        summary: "The source with the suffix behind it.",
        example: Example {
            expression: r#"Append([userPrincipalName], ".test")"#,
            attributes: &[("userPrincipalName", &["ada@contoso.com"])],
            result: &["ada@contoso.com.test"],
        },
        evaluate: append,
        ..TEXT
    },
    Function {
        name: "InStr",
        parameters: &[
            Parameter::required("value1", Kind::Text),
            Parameter::required("value2", Kind::Text),
            Parameter::optional("start", Kind::Integer),
            Parameter::optional("compareType", Kind::Compare),
        ],
        returns: Returns::One(Kind::Integer),
        summary: "Where the second text begins in the first, from the start position on; 0 where it does not occur. \
                  Case matters unless the last argument is vbTextCompare.",
        example: Example {
            expression: r#"InStr("The quick brown fox", "quick")"#,
            attributes: &[],
            result: &["5"],
        },
        evaluate: in_str,
        ..TEXT
    },
    Function {
        name: "Join",
        parameters: &[
            Parameter::required("separator", Kind::Text),
            Parameter::required("source", Kind::Any).repeating().multivalued(),
        ],
        null: NullRule::Other("null and empty sources are left out; without any the result is an empty text"),
        summary: "All sources in one text, the separator between them; each value of a multi-valued attribute counts.",
        example: Example {
            expression: r#"Join(" ", [givenName], [middleName], [surname])"#,
            attributes: &[("givenName", &["Ada"]), ("surname", &["Lovelace"])],
            result: &["Ada Lovelace"],
        },
        evaluate: join,
        ..TEXT
    },
    Function {
        name: "Left",
        parameters: &[SOURCE, Parameter::required("length", Kind::Integer)],
        null: NullRule::Other("an empty text, where the source is null"),
        summary: "The first characters of the source; all of them where the length is negative.",
        example: Example { expression: r#"Left("Ada Lovelace", 3)"#, attributes: &[], result: &["Ada"] },
        evaluate: left,
        ..TEXT
    },
    Function {
        name: "Mid",
        parameters: &[
            SOURCE,
            Parameter::required("start", Kind::Integer),
            Parameter::required("length", Kind::Integer),
        ],
        summary: "A stretch of the source: so many characters from the start position, or fewer where it ends before.",
        example: Example { expression: r#"Mid("abcdef", 2, 3)"#, attributes: &[], result: &["bcd"] },
        evaluate: mid,
        ..TEXT
    },
    Function {
        name: "NormalizeDiacritics",
        parameters: &[SOURCE],
        summary: "The source with plain letters in place of Latin letters that carry marks.",
        example: Example {
            expression: "NormalizeDiacritics([givenName])",
            attributes: &[("givenName", &["Zoë"])],
            result: &["Zoe"],
        },
        evaluate: normalize_diacritics,
        ..TEXT
    },
    Function {
        name: "PCase",
        parameters: &[SOURCE, Parameter::optional("wordSeparators", Kind::Text)],
        summary: "The source in lower case with a capital at the beginning of each word. Words end at the given \
                  separators, or else at spaces, punctuation and symbols, but not at an apostrophe.",
        example: Example {
            expression: r#"PCase([surname], " '-")"#,
            attributes: &[("surname", &["PINTO-DE'SILVA"])],
            result: &["Pinto-De'Silva"],
        },
        evaluate: p_case,
        ..TEXT
    },
    Function {
        name: "Prepend",
        parameters: &[Parameter::required("prefix", Kind::Text), SOURCE],
        summary: "The source with the prefix before it.",
        example: Example {
            expression: r#"Prepend("x-", [mailNickname])"#,
            attributes: &[("mailNickname", &["ada"])],
            result: &["x-ada"],
        },
        evaluate: append,
        ..TEXT
    },
    Function {
        name: "StripSpaces",
        parameters: &[SOURCE],
        summary: "The source without its spaces.",
        example: Example { expression: r#"StripSpaces("a b  c")"#, attributes: &[], result: &["abc"] },
        evaluate: strip_spaces,
        ..TEXT
    },
    Function {
        name: "ToLower",
        parameters: &[SOURCE, Parameter::optional("culture", Kind::Text)],
        summary: "The source in lower case, by the rules of a culture such as tr-TR.",
        example: Example { expression: r#"ToLower("TITLE", "tr-TR")"#, attributes: &[], result: &["tıtle"] },
        prepare: prepare_culture,
        evaluate: to_lower,
        ..TEXT
    },
    Function {
        name: "ToUpper",
        parameters: &[SOURCE, Parameter::optional("culture", Kind::Text)],
        summary: "The source in upper case, by the rules of a culture such as tr-TR.",
        example: Example { expression: r#"ToUpper("title")"#, attributes: &[], result: &["TITLE"] },
        prepare: prepare_culture,
        evaluate: to_upper,
        ..TEXT
    },
    Function {
        name: "Trim",
        parameters: &[SOURCE],
        summary: "The source without white space at its ends.",
        example: Example { expression: r#"Trim("  a b ")"#, attributes: &[], result: &["a b"] },
        evaluate: trim,
        ..TEXT
    },
    Function {
        name: "Word",
        parameters: &[
            SOURCE,
            Parameter::required("wordNumber", Kind::Integer),
            Parameter::required("delimiters", Kind::Text),
        ],
        null: NullRule::Other("an empty text, where the source is null"),
        summary: "One of the words that the delimiter characters separate, counted from 1; empty where there is none.",
        example: Example {
            expression: r#"Word("The quick brown fox", 3, " ")"#,
            attributes: &[],
            result: &["brown"],
        },
        evaluate: word,
        ..TEXT
    },
];

const TEXT: Function = Function { family: Family::Text, ..Function::DEFAULT };
