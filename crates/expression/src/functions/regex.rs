//! Search and replacement.

use crate::bounded_regex::{BoundedRegex, Groups, RegexError};
use crate::convert;
use crate::error::EvaluationError;
use crate::evaluate::{Invocation, Item, Outcome, Text};
use crate::prepare::{Arguments, Known, Prepared, Unprepared};
use crate::registry::{Example, Family, Function, Kind, NullRule, Parameter};
use crate::run::{MAX_TEXT, Run};

const SOURCE: usize = 0;
const FIND: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const REPLACEMENT: usize = 4;
const PROPERTY: usize = 5;
const TEMPLATE: usize = 6;

/// What `Replace` does, as its arguments tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Every occurrence of a text in the source becomes another.
    Plain,
    /// Every occurrence of a text in the template becomes the source.
    Template,
    /// Every match in the source becomes a text built of its groups.
    Pattern,
    /// A group of every match in the source becomes another text.
    Group,
    /// A source without a value becomes a group of the first match in the property.
    Extract,
}

/// What `Replace` has ready of its constant arguments.
#[derive(Debug)]
pub(crate) struct Replacing {
    mode: Mode,
    pattern: Option<Ready>,
}

/// A pattern with what depends on it.
#[derive(Debug)]
struct Ready {
    regex: BoundedRegex,
    /// The engine's number of the group that is named; 0 where none is.
    group: usize,
}

fn mode(arguments: &Arguments<'_>) -> Option<Mode> {
    let says_something = |position: usize| {
        !matches!(arguments.text(position), Known::Omitted) && !arguments.is_empty_text(position)
    };
    let has_replacement = arguments.text(REPLACEMENT) != Known::Omitted;
    if says_something(PATTERN) {
        match (says_something(GROUP), has_replacement, says_something(PROPERTY)) {
            (true, _, true) => Some(Mode::Extract),
            (true, true, false) => Some(Mode::Group),
            (false, true, _) => Some(Mode::Pattern),
            _ => None,
        }
    } else if arguments.text(FIND) == Known::Omitted {
        None
    } else if says_something(TEMPLATE) {
        Some(Mode::Template)
    } else {
        has_replacement.then_some(Mode::Plain)
    }
}

fn prepare(arguments: &Arguments<'_>) -> Result<Prepared, Unprepared> {
    let Some(mode) = mode(arguments) else {
        return Err(Unprepared {
            argument: None,
            message: "needs Find with Replacement or Template; or RegularExpression with Replacement; or \
                      RegularExpression and RegularExpressionGroupName with Replacement or ReplacementPropertyName"
                .to_owned(),
        });
    };
    let mut replacing = Replacing { mode, pattern: None };
    if !matches!(mode, Mode::Plain | Mode::Template)
        && let Known::Text(pattern) = arguments.text(PATTERN)
    {
        let group = match (mode, arguments.text(GROUP)) {
            (Mode::Pattern, _) => None,
            (_, Known::Text(group)) => Some(group),
            // The group's name is only known with the object.
            _ => return Ok(Prepared::Replacing(Box::new(replacing))),
        };
        replacing.pattern = Some(
            ready(&pattern, group.as_deref())
                .map_err(|(argument, message)| Unprepared { argument: Some(argument), message })?,
        );
    }
    Ok(Prepared::Replacing(Box::new(replacing)))
}

/// Makes a pattern ready; the error names the argument that is wrong.
fn ready(pattern: &str, group: Option<&str>) -> Result<Ready, (usize, String)> {
    let regex = BoundedRegex::new(pattern).map_err(|error| (PATTERN, error.to_string()))?;
    let group = match group {
        Some(name) => regex.group(name).ok_or_else(|| {
            (GROUP, format!("the pattern has no group '{}'; write it as (?<name>…)", convert::excerpt(name)))
        })?,
        None => 0,
    };
    Ok(Ready { regex, group })
}

fn replace<'a>(call: &'a Invocation, run: &mut Run<'a, '_>) -> Outcome<'a> {
    let Prepared::Replacing(replacing) = &call.prepared else { return Ok(Item::Null) };
    let source = run.text(call, SOURCE)?;
    match (replacing.mode, source) {
        (Mode::Plain, Some(source)) => {
            let find = run.text(call, FIND)?;
            let replacement = run.text(call, REPLACEMENT)?;
            occurrences(call, run, source, find, replacement.as_ref())
        }
        (Mode::Template, Some(source)) => {
            let find = run.text(call, FIND)?;
            let Some(template) = run.text(call, TEMPLATE)? else { return Ok(Item::Null) };
            occurrences(call, run, template, find, Some(&source))
        }
        (Mode::Extract, Some(source)) if !run.str(&source).is_empty() => Ok(Item::Text(source)),
        (Mode::Extract, _) => {
            let Some(property) = run.text(call, PROPERTY)? else { return Ok(Item::Null) };
            with_pattern(call, run, replacing, |run, ready| extract(call, run, ready, &property))
        }
        (Mode::Group | Mode::Pattern, Some(source)) => {
            let replacement = run.text(call, REPLACEMENT)?;
            with_pattern(call, run, replacing, |run, ready| {
                rewrite_matches(call, run, ready, replacing.mode, &source, replacement.as_ref())
            })
        }
        (_, None) => Ok(Item::Null),
    }
}

fn occurrences<'a>(
    call: &Invocation,
    run: &mut Run<'a, '_>,
    text: Text<'a>,
    find: Option<Text<'a>>,
    replacement: Option<&Text<'a>>,
) -> Outcome<'a> {
    let Some(find) = find.filter(|find| !run.str(find).is_empty()) else { return Ok(Item::Text(text)) };
    if !run.str(&text).contains(run.str(&find)) {
        return Ok(Item::Text(text));
    }
    run.rewrite(|run, output| {
        let (text, find) = (run.str(&text), run.str(&find));
        let replacement = replacement.map_or("", |text| run.str(text));
        let mut end = 0;
        for (at, _) in text.match_indices(find) {
            output.push_str(text.get(end..at).unwrap_or_default());
            output.push_str(replacement);
            end = at + find.len();
            if output.len() > MAX_TEXT {
                return Err(call.error(format!("the text grows beyond {MAX_TEXT} bytes")));
            }
        }
        output.push_str(text.get(end..).unwrap_or_default());
        Ok(())
    })
}

/// Goes on with the prepared pattern, or with the one that the arguments are for this object. A null pattern or group
/// gives null.
fn with_pattern<'a>(
    call: &'a Invocation,
    run: &mut Run<'a, '_>,
    replacing: &'a Replacing,
    then: impl FnOnce(&mut Run<'a, '_>, &Ready) -> Outcome<'a>,
) -> Outcome<'a> {
    if let Some(ready) = &replacing.pattern {
        return then(run, ready);
    }
    let Some(pattern) = run.text(call, PATTERN)? else { return Ok(Item::Null) };
    let group = if replacing.mode == Mode::Pattern {
        None
    } else {
        let Some(group) = run.text(call, GROUP)? else { return Ok(Item::Null) };
        Some(group)
    };
    let ready = ready(run.str(&pattern), group.as_ref().map(|group| run.str(group)))
        .map_err(|(_, message)| call.error(message))?;
    then(run, &ready)
}

fn extract<'a>(call: &Invocation, run: &mut Run<'a, '_>, ready: &Ready, property: &Text<'a>) -> Outcome<'a> {
    let mut found = None;
    ready
        .regex
        .each_match(run.str(property), true, |groups| {
            found = groups.get(ready.group);
            false
        })
        .map_err(|error| too_slow(call, &error))?;
    Ok(found.map_or(Item::Null, |range| {
        Item::Text(match property {
            Text::Borrowed(text) => Text::Borrowed(text.get(range).unwrap_or_default()),
            Text::Built(built) => Text::Built(built.start + range.start..built.start + range.end),
        })
    }))
}

fn too_slow(call: &Invocation, error: &RegexError) -> EvaluationError {
    call.error(error.to_string())
}

fn rewrite_matches<'a>(
    call: &Invocation,
    run: &mut Run<'a, '_>,
    ready: &Ready,
    mode: Mode,
    source: &Text<'a>,
    replacement: Option<&Text<'a>>,
) -> Outcome<'a> {
    run.rewrite(|run, output| {
        let text = run.str(source);
        let replacement = replacement.map_or("", |text| run.str(text));
        let mut end = 0;
        let with_groups = mode == Mode::Group || replacement.contains('$');
        let outcome = ready.regex.each_match(text, with_groups, |groups| {
            let replaced = groups.get(ready.group);
            // A group that matched nothing has nothing to replace.
            let Some(replaced) = replaced.filter(|range| mode == Mode::Pattern || !range.is_empty()) else {
                return true;
            };
            output.push_str(text.get(end..replaced.start).unwrap_or_default());
            if mode == Mode::Pattern {
                expand(replacement, &ready.regex, groups, text, output);
            } else {
                output.push_str(replacement);
            }
            end = replaced.end;
            output.len() <= MAX_TEXT
        });
        outcome.map_err(|error| too_slow(call, &error))?;
        if output.len() > MAX_TEXT {
            return Err(call.error(format!("the text grows beyond {MAX_TEXT} bytes")));
        }
        output.push_str(text.get(end..).unwrap_or_default());
        Ok(())
    })
}

/// Adds a replacement with .NET's substitutions: `$1`, `${name}`, `$&`, `$$`, `` $` ``, `$'`, `$+` and `$_`. What names
/// no group stays as it is.
fn expand(replacement: &str, regex: &BoundedRegex, groups: &Groups<'_>, text: &str, output: &mut String) {
    let group = |number: usize| groups.get(number).and_then(|range| text.get(range)).unwrap_or_default();
    let whole = groups.get(0).unwrap_or(0..0);
    let mut rest = replacement;
    while let Some(at) = rest.find('$') {
        let (before, dollar) = rest.split_at(at);
        output.push_str(before);
        let behind = dollar.get(1..).unwrap_or_default();
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let name = behind.strip_prefix('{').and_then(|name| name.split_once('}')).map(|(name, _)| name);
        let (added, length) = match (behind.chars().next(), name) {
            (Some('$'), _) => ("$", 1),
            (Some('&'), _) => (group(0), 1),
            (Some('`'), _) => (text.get(..whole.start).unwrap_or_default(), 1),
            (Some('\''), _) => (text.get(whole.end..).unwrap_or_default(), 1),
            (Some('_'), _) => (text, 1),
            (Some('+'), _) => (group(regex.last_group()), 1),
            (_, Some(name)) if regex.group(name).is_some() => {
                (group(regex.group(name).unwrap_or_default()), name.len() + 2)
            }
            _ => match behind.get(..digits).and_then(|number| regex.group(number)) {
                Some(number) => (group(number), digits),
                None => ("$", 0),
            },
        };
        output.push_str(added);
        if output.len() > MAX_TEXT {
            return;
        }
        rest = behind.get(length..).unwrap_or_default();
    }
    output.push_str(rest);
}

pub(crate) static FUNCTIONS: &[Function] = &[Function {
    name: "Replace",
    family: Family::Regex,
    parameters: &[
        Parameter::required("source", Kind::Text),
        Parameter::optional("Find", Kind::Text),
        Parameter::optional("RegularExpression", Kind::Text),
        Parameter::optional("RegularExpressionGroupName", Kind::Text),
        Parameter::optional("Replacement", Kind::Text),
        Parameter::optional("ReplacementPropertyName", Kind::Text),
        Parameter::optional("Template", Kind::Text),
    ],
    prints_omitted: true,
    null: NullRule::Other("null, where the source is null; but see ReplacementPropertyName"),
    summary: "With Find and Replacement: the source with every occurrence replaced. With Find and Template: the template \
              with every occurrence replaced by the source. With RegularExpression and Replacement: the source with \
              every match replaced; the replacement may use groups as ${name}. With RegularExpressionGroupName too: only \
              that group of every match is replaced. With RegularExpressionGroupName and ReplacementPropertyName: the \
              source where it has a value, else that group of the first match in the other property. Case matters.",
    example: Example {
        expression: r#"Replace([mail], "@contoso.com", , , "", , )"#,
        attributes: &[("mail", &["ada@contoso.com"])],
        result: &["ada"],
    },
    prepare,
    evaluate: replace,
    ..Function::DEFAULT
}];
