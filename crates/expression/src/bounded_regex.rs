//! Regular expressions in .NET's spelling that end soon on any pattern and any text.

mod blocks;
mod dotnet;

use std::ops::Range;
use std::sync::Mutex;

use regex::CaptureLocations;

use self::dotnet::{END_GROUP, EndForm, Spelled, dotnet_numbers, spell};

/// The longest pattern, in bytes.
const LONGEST_PATTERN: usize = 10_000;

/// The memory that a compiled pattern may take, in bytes.
const SIZE: usize = 1 << 20;

/// The bytes that the linear engine may look at in one evaluation, counting each search from where it starts to the
/// end of the text.
const READ_LINEAR: usize = 1 << 25;

/// The same for the backtracking engine.
const READ_BACKTRACKING: usize = 1 << 17;

/// The longest text for the backtracking engine, in bytes: each of its steps may look at all of it.
const LONGEST_BACKTRACKING: usize = 1 << 14;

/// The steps back that the backtracking engine may take for one match.
const STEPS: usize = 50_000;

/// A regular expression that ends soon, whatever it is applied to.
///
/// Patterns are spelled as in .NET. An engine that runs in linear time takes all of them except those that look around
/// or refer back; for these a backtracking engine counts its steps and gives up.
#[derive(Debug)]
pub struct BoundedRegex {
    engine: Engine,
    /// The names of the groups in the order of their parentheses; the whole match comes first.
    names: Vec<Option<String>>,
    /// The positions in `names`, by the numbers that .NET gives the groups: those without a name before the others.
    numbers: Vec<usize>,
}

#[derive(Debug)]
enum Engine {
    Linear(Linear),
    Backtracking(fancy_regex::Regex),
}

/// The engine that runs in linear time.
#[derive(Debug)]
struct Linear {
    regex: regex::Regex,
    /// For texts that end in a newline, where the pattern has an end that may come before it.
    before_newline: Option<BeforeNewline>,
    /// Where the groups of the last match were; kept so that the next evaluation need not make it.
    spare: Mutex<Option<CaptureLocations>>,
}

/// A pattern whose end takes a final newline into a group of its own, from which the match is cut again.
#[derive(Debug)]
struct BeforeNewline {
    regex: regex::Regex,
    /// The groups that take the newline.
    ends: Vec<usize>,
    /// The groups of the pattern itself.
    kept: Vec<usize>,
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegexError {
    /// It is no pattern.
    #[error("the pattern cannot be read: {0}")]
    Syntax(String),
    /// It is too long, or has too many repetitions inside one another.
    #[error("the pattern is too large")]
    TooLarge,
    /// It takes too long on this text.
    #[error("the pattern takes too many steps on this value; make it simpler")]
    TooSlow,
}

/// Where a pattern matched.
pub(crate) enum Groups<'m> {
    /// The groups were not asked for.
    Whole(Range<usize>),
    /// Groups of the linear engine.
    Linear(&'m CaptureLocations),
    /// Groups of a pattern that took the final newline: what there is of them before a position counts.
    Cut(&'m CaptureLocations, &'m [usize], usize),
    /// Groups of the backtracking engine.
    Backtracking(&'m fancy_regex::Captures<'m, str>),
}

impl Groups<'_> {
    /// Where a group matched; 0 is the whole match.
    pub(crate) fn get(&self, group: usize) -> Option<Range<usize>> {
        match self {
            Self::Whole(range) => (group == 0).then(|| range.clone()),
            Self::Linear(groups) => groups.get(group).map(|(start, end)| start..end),
            Self::Cut(groups, kept, limit) => {
                let (start, end) = groups.get(*kept.get(group)?)?;
                Some(start.min(*limit)..end.min(*limit))
            }
            Self::Backtracking(groups) => groups.get(group).map(|found| found.range()),
        }
    }
}

impl BoundedRegex {
    /// Makes a pattern ready.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        if pattern.len() > LONGEST_PATTERN {
            return Err(RegexError::TooLarge);
        }
        let spelled = spell(pattern);
        if let Some(mistake) = spelled.mistake {
            return Err(RegexError::Syntax(mistake));
        }
        let engine = match linear(&spelled)? {
            Ok(linear) => Engine::Linear(linear),
            Err(reason) => {
                let regex = backtracking(&spelled.render(EndForm::Seen));
                Engine::Backtracking(regex.map_err(|error| error.or(reason))?)
            }
        };
        let numbers = dotnet_numbers(&spelled.groups);
        let names = std::iter::once(None).chain(spelled.groups).collect();
        Ok(Self { engine, names, numbers })
    }

    /// Whether the pattern matches somewhere in a text.
    pub fn is_match(&self, text: &str) -> Result<bool, RegexError> {
        match &self.engine {
            Engine::Linear(linear) => Ok(match linear.before(text) {
                Some(before) => before.regex.is_match(text),
                None => linear.regex.is_match(text),
            }),
            Engine::Backtracking(_) if text.len() > LONGEST_BACKTRACKING => Err(RegexError::TooSlow),
            Engine::Backtracking(regex) => regex.is_match(text).map_err(|_| RegexError::TooSlow),
        }
    }

    /// The position of a group, by its name or by the number that .NET gives it.
    pub(crate) fn group(&self, name: &str) -> Option<usize> {
        let named = self.names.iter().rposition(|known| known.as_deref() == Some(name));
        named.or_else(|| self.numbers.get(name.parse::<usize>().ok()?).copied())
    }

    /// The group with the highest number.
    pub(crate) fn last_group(&self) -> usize {
        self.numbers.last().copied().unwrap_or_default()
    }

    /// Hands the matches in a text to a consumer, from left to right, until it has enough. Without `with_groups` it gets
    /// the whole matches only, which are found faster.
    pub(crate) fn each_match(
        &self,
        text: &str,
        with_groups: bool,
        mut consume: impl FnMut(&Groups<'_>) -> bool,
    ) -> Result<(), RegexError> {
        match &self.engine {
            Engine::Linear(linear) => match linear.before(text) {
                Some(before) => {
                    let mut groups = before.regex.capture_locations();
                    walk(text, READ_LINEAR, |from| {
                        Ok(before.found(text, from, &mut groups).and_then(|found| told(&found, &mut consume)))
                    })
                }
                None if with_groups => linear.with_groups(text, &mut consume),
                None => walk(text, READ_LINEAR, |from| {
                    let found = linear.regex.find_at(text, from);
                    Ok(found.and_then(|found| told(&Groups::Whole(found.range()), &mut consume)))
                }),
            },
            Engine::Backtracking(_) if text.len() > LONGEST_BACKTRACKING => Err(RegexError::TooSlow),
            Engine::Backtracking(regex) => walk(text, READ_BACKTRACKING, |from| {
                let found = regex.captures_from_pos(text, from).map_err(|_| RegexError::TooSlow)?;
                Ok(found.and_then(|found| told(&Groups::Backtracking(&found), &mut consume)))
            }),
        }
    }
}

/// Tells a consumer of a match, and gives the range of the match if the consumer wants more.
fn told(groups: &Groups<'_>, consume: &mut impl FnMut(&Groups<'_>) -> bool) -> Option<Range<usize>> {
    let whole = groups.get(0)?;
    consume(groups).then_some(whole)
}

/// Goes from match to match; `next` gives the next one from a position on, or None where it is the last that counts.
fn walk(
    text: &str,
    mut budget: usize,
    mut next: impl FnMut(usize) -> Result<Option<Range<usize>>, RegexError>,
) -> Result<(), RegexError> {
    let mut from = 0;
    while from <= text.len() {
        budget = budget.checked_sub(text.len() - from + 1).ok_or(RegexError::TooSlow)?;
        let Some(whole) = next(from)? else { return Ok(()) };
        from = if whole.is_empty() { after_character(text, whole.end) } else { whole.end };
    }
    Ok(())
}

fn after_character(text: &str, position: usize) -> usize {
    let next = text.get(position..).and_then(|rest| rest.chars().next());
    position + next.map_or(1, char::len_utf8)
}

impl Linear {
    /// The form of the pattern for a text that ends in a newline, if that makes a difference.
    fn before(&self, text: &str) -> Option<&BeforeNewline> {
        self.before_newline.as_ref().filter(|_| text.ends_with('\n'))
    }

    fn with_groups(
        &self,
        text: &str,
        consume: &mut impl FnMut(&Groups<'_>) -> bool,
    ) -> Result<(), RegexError> {
        let spare = self.spare.lock().ok().and_then(|mut spare| spare.take());
        let mut groups = spare.unwrap_or_else(|| self.regex.capture_locations());
        let outcome = walk(text, READ_LINEAR, |from| {
            let found = self.regex.captures_read_at(&mut groups, text, from);
            Ok(found.and_then(|_| told(&Groups::Linear(&groups), consume)))
        });
        if let Ok(mut spare) = self.spare.lock() {
            *spare = Some(groups);
        }
        outcome
    }
}

impl BeforeNewline {
    fn found<'g>(&'g self, text: &str, from: usize, groups: &'g mut CaptureLocations) -> Option<Groups<'g>> {
        self.regex.captures_read_at(groups, text, from)?;
        let is_taken = self.ends.iter().any(|end| groups.get(*end).is_some());
        let limit = if is_taken { text.len().saturating_sub(1) } else { text.len() };
        Some(Groups::Cut(groups, &self.kept, limit))
    }
}

/// The pattern for the linear engine; or why that cannot read it, in words.
fn linear(spelled: &Spelled) -> Result<Result<Linear, String>, RegexError> {
    if spelled.end_is_inner || spelled.chooses {
        return Ok(Err(String::new()));
    }
    let regex = match build(&spelled.render(EndForm::Plain)) {
        Ok(regex) => regex,
        Err(RegexError::Syntax(reason)) => return Ok(Err(reason)),
        Err(error) => return Err(error),
    };
    let before_newline = if spelled.has_end { Some(before_newline(spelled)?) } else { None };
    Ok(Ok(Linear { regex, before_newline, spare: Mutex::new(None) }))
}

fn build(pattern: &str) -> Result<regex::Regex, RegexError> {
    let built = regex::RegexBuilder::new(pattern).size_limit(SIZE).dfa_size_limit(SIZE).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => RegexError::TooLarge,
        other => RegexError::Syntax(last_line(&other)),
    })
}

fn before_newline(spelled: &Spelled) -> Result<BeforeNewline, RegexError> {
    let regex = build(&spelled.render(EndForm::Taken))?;
    let (mut ends, mut kept) = (Vec::new(), Vec::new());
    for (at, name) in regex.capture_names().enumerate() {
        let is_end = name.is_some_and(|name| name.starts_with(END_GROUP));
        if is_end { ends.push(at) } else { kept.push(at) }
    }
    Ok(BeforeNewline { regex, ends, kept })
}

fn backtracking(pattern: &str) -> Result<fancy_regex::Regex, RegexError> {
    fancy_regex::RegexBuilder::new(pattern)
        .backtrack_limit(STEPS)
        .delegate_size_limit(SIZE)
        .delegate_dfa_size_limit(SIZE)
        .max_prog_size(LONGEST_PATTERN)
        .build()
        .map_err(|error| RegexError::Syntax(last_line(&error)))
}

/// The last line of an error's words, which says what is wrong; those before show the pattern.
fn last_line(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

impl RegexError {
    /// The error of the backtracking engine, or the reason that the linear one gave where it is the better one: it
    /// names the mistake, unless it only lacks what the other has.
    fn or(self, reason: String) -> Self {
        let lacks = reason.is_empty() || reason.contains("look-around") || reason.contains("backreferences");
        if lacks || !matches!(self, Self::Syntax(_)) { self } else { Self::Syntax(reason) }
    }
}

#[cfg(test)]
mod tests;
