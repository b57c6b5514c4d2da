//! Regular expressions in .NET's spelling that end soon on any pattern and any text.

use std::ops::Range;

/// The longest pattern, in bytes.
const LONGEST_PATTERN: usize = 10_000;

/// The memory that a compiled pattern may take, in bytes.
const SIZE: usize = 1 << 20;

/// The bytes that the linear engine may look at in one evaluation, counting each search from where it starts to the
/// end of the text.
const READ_LINEAR: usize = 1 << 25;

/// The same for the backtracking engine. Each of its steps may look at all of these bytes.
const READ_BACKTRACKING: usize = 1 << 17;

/// The steps back that the backtracking engine may take for one match.
const STEPS: usize = 50_000;

/// A regular expression that ends soon, whatever it is applied to.
///
/// Patterns are spelled as in .NET. An engine that runs in linear time takes all of them except those that look around
/// or refer back; for these a backtracking engine counts its steps and gives up.
#[derive(Debug)]
pub struct BoundedRegex {
    engine: Engine,
    /// The groups as .NET numbers them: those without a name before those with one.
    numbers: Vec<usize>,
    names: Vec<Option<String>>,
}

#[derive(Debug)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(fancy_regex::Regex),
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

/// Where a pattern matched: the whole first, then its groups as the engine counts them.
pub(crate) type Groups = Vec<Option<Range<usize>>>;

impl BoundedRegex {
    /// Makes a pattern ready.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        if pattern.len() > LONGEST_PATTERN {
            return Err(RegexError::TooLarge);
        }
        let spelled = translate(pattern);
        let linear = regex::RegexBuilder::new(&spelled).size_limit(SIZE).dfa_size_limit(SIZE).build();
        let engine = match linear {
            Ok(regex) => Engine::Linear(regex),
            Err(regex::Error::CompiledTooBig(_)) => return Err(RegexError::TooLarge),
            Err(_) => Engine::Backtracking(backtracking(&spelled)?),
        };
        let names: Vec<Option<String>> = match &engine {
            Engine::Linear(regex) => regex.capture_names().map(|name| name.map(str::to_owned)).collect(),
            Engine::Backtracking(regex) => {
                regex.capture_names().map(|name| name.map(str::to_owned)).collect()
            }
        };
        let of_kind = |named: bool| {
            let groups = names.iter().enumerate().filter(move |(_, name)| name.is_some() == named);
            groups.map(|(at, _)| at)
        };
        let numbers = of_kind(false).chain(of_kind(true)).collect();
        Ok(Self { engine, numbers, names })
    }

    /// Whether the pattern matches somewhere in a text.
    pub fn is_match(&self, text: &str) -> Result<bool, RegexError> {
        match &self.engine {
            Engine::Linear(regex) => Ok(regex.is_match(text)),
            Engine::Backtracking(_) if text.len() > READ_BACKTRACKING => Err(RegexError::TooSlow),
            Engine::Backtracking(regex) => regex.is_match(text).map_err(|_| RegexError::TooSlow),
        }
    }

    /// The engine's number of a group, by its name or by the number that .NET gives it.
    pub(crate) fn group(&self, name: &str) -> Option<usize> {
        let named = self.names.iter().rposition(|known| known.as_deref() == Some(name));
        named.or_else(|| self.numbers.get(name.parse::<usize>().ok()?).copied())
    }

    /// Hands the matches in a text to a consumer, from left to right, until it has enough.
    pub(crate) fn each_match(
        &self,
        text: &str,
        mut consume: impl FnMut(&Groups) -> bool,
    ) -> Result<(), RegexError> {
        let mut budget = match self.engine {
            Engine::Linear(_) => READ_LINEAR,
            Engine::Backtracking(_) => READ_BACKTRACKING,
        };
        let mut from = 0;
        while from <= text.len() {
            budget = budget.checked_sub(text.len() - from + 1).ok_or(RegexError::TooSlow)?;
            let Some(groups) = self.match_from(text, from)? else { return Ok(()) };
            let Some(whole) = groups.first().cloned().flatten() else { return Ok(()) };
            from = if whole.is_empty() { after_character(text, whole.end) } else { whole.end };
            if !consume(&groups) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn match_from(&self, text: &str, from: usize) -> Result<Option<Groups>, RegexError> {
        Ok(match &self.engine {
            Engine::Linear(regex) => regex
                .captures_at(text, from)
                .map(|found| found.iter().map(|group| group.map(|group| group.range())).collect()),
            Engine::Backtracking(regex) => regex
                .captures_from_pos(text, from)
                .map_err(|_| RegexError::TooSlow)?
                .map(|found| found.iter().map(|group| group.map(|group| group.range())).collect()),
        })
    }
}

fn after_character(text: &str, position: usize) -> usize {
    let next = text.get(position..).and_then(|rest| rest.chars().next());
    position + next.map_or(1, char::len_utf8)
}

fn backtracking(pattern: &str) -> Result<fancy_regex::Regex, RegexError> {
    fancy_regex::RegexBuilder::new(pattern)
        .backtrack_limit(STEPS)
        .delegate_size_limit(SIZE)
        .delegate_dfa_size_limit(SIZE)
        .max_prog_size(LONGEST_PATTERN)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            RegexError::Syntax(last.trim_start_matches("error: ").to_owned())
        })
}

/// Spells a .NET pattern as the engines read it.
fn translate(pattern: &str) -> String {
    let mut output = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => escape(&mut rest, &mut output, false),
            '[' => class(&mut rest, &mut output),
            '(' if rest.as_str().starts_with("?'") => {
                output.push_str("(?<");
                rest.nth(1);
                output.extend(rest.by_ref().take_while(|next| *next != '\''));
                output.push('>');
            }
            '(' if rest.as_str().starts_with("?#") => {
                rest.by_ref().find(|next| *next == ')');
            }
            other => output.push(other),
        }
    }
    output
}

/// What stands behind a backslash.
fn escape(rest: &mut std::str::Chars<'_>, output: &mut String, in_class: bool) {
    match rest.next() {
        Some('Z') => output.push_str("\\z"),
        Some('e') => output.push_str("\\x1B"),
        Some('b') if in_class => output.push_str("\\x08"),
        // These two mean the ends of a word to the engines.
        Some(sign @ ('<' | '>')) => output.push(sign),
        Some(sign) if !sign.is_ascii_punctuation() && !sign.is_ascii_alphanumeric() => output.push(sign),
        Some('_') => output.push('_'),
        Some(other) => output.extend(['\\', other]),
        None => output.push('\\'),
    }
}

/// A character class: what the engines would read as an operator is literal in .NET, and only `-[` takes away.
fn class(rest: &mut std::str::Chars<'_>, output: &mut String) {
    output.push('[');
    let mut depth = 1_usize;
    let mut is_first = true;
    while let Some(character) = rest.next() {
        match character {
            '^' if is_first => {
                output.push('^');
                continue;
            }
            ']' if is_first => output.push_str("\\]"),
            ']' => {
                output.push(']');
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
            '\\' => escape(rest, output, true),
            '-' if !is_first && rest.as_str().starts_with('[') => {
                output.push_str("--[");
                rest.next();
                depth += 1;
                is_first = true;
                continue;
            }
            '[' | '&' | '~' => output.extend(['\\', character]),
            other => output.push(other),
        }
        is_first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        BoundedRegex::new(pattern).unwrap().is_match(text).unwrap()
    }

    #[test]
    fn dotnet_spellings_are_understood() {
        assert!(matches(r"^\<a\>$", "<a>"));
        assert!(matches("^(?'n'a)(?#comment)b\\Z", "ab"));
        assert!(matches("^[[a&&~-]+$", "[a&~-"));
        assert!(matches("^[a-z-[aeiou]]+$", "xyz"));
        assert!(!matches("^[a-z-[aeiou]]+$", "xya"));
        assert!(matches("^[]a]+$", "]a"));
        assert!(matches("^[()\\s-]+$", "( -)"));
        assert!(matches("(?i)ÄRGER", "ärger"));
        assert!(matches(r"\d", "٣"));
    }

    #[test]
    fn looking_around_and_back_works() {
        assert!(matches("^(?=.*[0-9])(?!.*x).{3}$", "ab1"));
        assert!(!matches("^(?=.*[0-9])(?!.*x).{3}$", "xb1"));
        assert!(matches(r"(\w)\1", "hello"));
        assert!(matches("(?<=@)contoso", "a@contoso"));
    }

    #[test]
    fn groups_are_numbered_as_in_dotnet() {
        let regex = BoundedRegex::new("(?<n>a)(b)").unwrap();
        assert_eq!((regex.group("n"), regex.group("1"), regex.group("2")), (Some(1), Some(2), Some(1)));
        assert_eq!((regex.group("3"), regex.group("m")), (None, None));
    }

    #[test]
    fn broken_and_huge_patterns_are_refused() {
        assert!(matches!(BoundedRegex::new("("), Err(RegexError::Syntax(_))));
        assert!(matches!(BoundedRegex::new("(?=["), Err(RegexError::Syntax(_))));
        assert_eq!(BoundedRegex::new(r"(\w{100}){100}").unwrap_err(), RegexError::TooLarge);
        assert_eq!(BoundedRegex::new(&"a".repeat(10_001)).unwrap_err(), RegexError::TooLarge);
        assert!(BoundedRegex::new(&"(".repeat(10_000)).is_err());
        assert!(BoundedRegex::new(&format!("{}a{}", "(?=".repeat(2_000), ")".repeat(2_000))).is_err());
    }

    #[test]
    fn hostile_patterns_end() {
        for (pattern, text) in [
            (r"^(a|aa)+\1cc$", format!("{}ca", "a".repeat(60))),
            (r"^(\w+\s?)*\1!$", format!("{}?!", "abc ".repeat(20))),
            (r"(x+x+)+(?=y)y\1", format!("{}y", "x".repeat(40))),
            (r"(.*)(.*)(.*)(.*)\1\2\3\4z", "z".repeat(3_000)),
            (r"(?=a+b)a", "a".repeat(200_000)),
        ] {
            assert_eq!(
                BoundedRegex::new(pattern).unwrap().is_match(&text),
                Err(RegexError::TooSlow),
                "{pattern}"
            );
        }
        for (pattern, length) in [(".*[^A-Z]|[A-Z]", 100_000), ("(?=.*$)A", 10_000)] {
            let mut count = 0;
            let outcome = BoundedRegex::new(pattern).unwrap().each_match(&"A".repeat(length), |_| {
                count += 1;
                true
            });
            assert_eq!(outcome, Err(RegexError::TooSlow), "{pattern}");
            assert!(count > 10, "{pattern}");
        }
    }

    #[test]
    fn empty_matches_may_follow_others_as_in_dotnet() {
        let mut found = Vec::new();
        let regex = BoundedRegex::new("b*").unwrap();
        regex
            .each_match("abbü", |groups| {
                found.push(groups[0].clone().unwrap());
                true
            })
            .unwrap();
        assert_eq!(found, [0..0, 1..3, 3..3, 5..5]);
    }
}
