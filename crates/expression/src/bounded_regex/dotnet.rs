//! From .NET's spelling of patterns to that of the engines.
//!
//! What differs: `^` and `$` follow the option `m`, and `$` also matches before a newline that ends the text; the
//! options `n` and `x`; groups named `(?'name'…)`; comments; the numbers of groups in back-references; blocks such as
//! `\p{IsGreek}`; a few escapes; what is special inside a class; and braces that are no quantifier.

use std::fmt::Write as _;
use std::str::Chars;

use super::blocks::block;

/// A pattern, taken apart as far as the engines differ.
#[derive(Debug, Default)]
pub(super) struct Spelled {
    pieces: Vec<Piece>,
    /// The names of the groups in the order of their parentheses.
    pub(super) groups: Vec<Option<String>>,
    /// Whether it has an end that a final newline may follow.
    pub(super) has_end: bool,
    /// Whether something stands behind such an end, so that the end must not take the newline in.
    pub(super) end_is_inner: bool,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    /// The end of the text, or before the newline that ends it.
    End,
    /// What a group matched, by the number that .NET gives the group.
    Reference(usize),
}

/// How the end of the text is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndForm {
    /// The very end: for texts that do not end in a newline.
    Plain,
    /// The newline is taken into a group of its own, whose name begins with [`END_GROUP`].
    Taken,
    /// A look ahead.
    Seen,
}

/// How the names of groups begin that take a final newline.
pub(super) const END_GROUP: &str = "__end_";

impl Spelled {
    /// The text for an engine.
    pub(super) fn render(&self, form: EndForm) -> String {
        let mut output = String::new();
        let mut ends = 0_usize;
        let numbers = dotnet_numbers(&self.groups);
        for piece in &self.pieces {
            // Writing to a String cannot fail.
            match (piece, form) {
                (Piece::Text(text), _) => output.push_str(text),
                (Piece::End, EndForm::Plain) => output.push_str("\\z"),
                (Piece::End, EndForm::Taken) => {
                    let _ = write!(output, "(?:\\z|(?P<{END_GROUP}{ends}>\\n\\z))");
                    ends += 1;
                }
                (Piece::End, EndForm::Seen) => output.push_str("(?=\\n?\\z)"),
                (Piece::Reference(number), _) => {
                    let engine = numbers.get(*number).copied().unwrap_or(*number);
                    let _ = write!(output, "(?:\\{engine})");
                }
            }
        }
        output
    }
}

/// The engine's numbers of groups, by the numbers that .NET gives them: those without a name come first.
pub(super) fn dotnet_numbers(groups: &[Option<String>]) -> Vec<usize> {
    let of_kind = |named: bool| {
        groups.iter().enumerate().filter(move |(_, name)| name.is_some() == named).map(|(at, _)| at + 1)
    };
    std::iter::once(0).chain(of_kind(false)).chain(of_kind(true)).collect()
}

/// Takes a .NET pattern apart. What is no pattern comes out as something that is none for the engines either.
pub(super) fn spell(pattern: &str) -> Spelled {
    let mut speller = Speller {
        rest: pattern.chars(),
        text: String::with_capacity(pattern.len() + 8),
        spelled: Spelled::default(),
        options: Options::default(),
        outer: Vec::new(),
        ends: Vec::new(),
    };
    speller.pattern();
    speller.finish_text();
    speller.spelled
}

/// The options that are translated; `i` and `s` mean the same to the engines.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    multiline: bool,
    explicit: bool,
    extended: bool,
}

struct Speller<'p> {
    rest: Chars<'p>,
    text: String,
    spelled: Spelled,
    options: Options,
    /// The options outside each open group.
    outer: Vec<Options>,
    /// The ends that what comes next would follow: the depth of each, and whether its alternative is over.
    ends: Vec<(usize, bool)>,
}

impl Speller<'_> {
    fn pattern(&mut self) {
        while let Some(character) = self.rest.next() {
            match character {
                '\\' => self.escape(false),
                '[' => {
                    self.atom();
                    self.class();
                }
                '(' => self.open(),
                ')' => self.close(),
                '|' => self.alternative(),
                '^' => self.assertion(if self.options.multiline { "(?m:^)" } else { "\\A" }),
                '$' if self.options.multiline => self.assertion("(?m:$)"),
                '$' => self.end(),
                '{' if self.is_quantifier() => self.text.push('{'),
                '{' => self.assertion("\\{"),
                '*' | '+' | '?' | '}' => self.text.push(character),
                '#' if self.options.extended => {
                    self.rest.by_ref().find(|next| *next == '\n');
                }
                space if self.options.extended && space.is_whitespace() => {}
                other => {
                    self.atom();
                    self.text.push(other);
                }
            }
        }
    }

    fn add(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(what);
    }

    fn finish_text(&mut self) {
        if !self.text.is_empty() {
            self.spelled.pieces.push(Piece::Text(std::mem::take(&mut self.text)));
        }
    }

    fn assertion(&mut self, spelling: &str) {
        self.atom();
        self.text.push_str(spelling);
    }

    /// Notes that something stands here that the ends before it do not come last for.
    fn atom(&mut self) {
        self.spelled.end_is_inner |= self.ends.iter().any(|(_, is_over)| !is_over);
    }

    fn end(&mut self) {
        self.atom();
        self.finish_text();
        self.spelled.pieces.push(Piece::End);
        self.spelled.has_end = true;
        self.ends.push((self.outer.len(), false));
    }

    fn alternative(&mut self) {
        let depth = self.outer.len();
        self.ends.iter_mut().filter(|(at, _)| *at == depth).for_each(|(_, is_over)| *is_over = true);
        self.text.push('|');
    }

    fn close(&mut self) {
        let depth = self.outer.len();
        for end in self.ends.iter_mut().filter(|(at, _)| *at == depth && depth > 0) {
            *end = (depth - 1, false);
        }
        self.options = self.outer.pop().unwrap_or(self.options);
        self.text.push(')');
    }

    /// Whether the rest completes `{2}`, `{2,}` or `{2,3}`; any other brace is a character.
    fn is_quantifier(&self) -> bool {
        let rest = self.rest.as_str();
        let Some((inside, _)) = rest.split_once('}') else { return false };
        let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        !least.is_empty() && all_digits(least) && all_digits(most)
    }

    fn open(&mut self) {
        let rest = self.rest.as_str();
        let outer = self.options;
        let Some(kind) = rest.strip_prefix('?') else {
            if self.options.explicit {
                self.text.push_str("(?:");
            } else {
                self.spelled.groups.push(None);
                self.text.push('(');
            }
            self.outer.push(outer);
            return;
        };
        if kind.starts_with('#') {
            self.rest.by_ref().find(|next| *next == ')');
            return;
        }
        if let Some((name, length)) = group_name(kind) {
            self.skip(length + 1);
            self.add(format_args!("(?P<{name}>"));
            self.spelled.groups.push(Some(name.to_owned()));
        } else if let Some(sign) =
            ["<=", "<!", ":", "=", "!", ">"].into_iter().find(|sign| kind.starts_with(sign))
        {
            self.skip(sign.len() + 1);
            self.text.push_str("(?");
            self.text.push_str(sign);
        } else if let Some(condition) = condition(kind) {
            self.skip(condition.len() + 1);
            self.text.push_str("(?");
            self.text.push_str(condition);
        } else if !self.options() {
            return;
        }
        self.outer.push(outer);
    }

    fn skip(&mut self, count: usize) {
        if count > 0 {
            self.rest.nth(count - 1);
        }
    }

    /// Options such as `(?im-x)` or `(?n:`; the rest begins at the question mark. Whether they open a group.
    fn options(&mut self) -> bool {
        let rest = self.rest.as_str().strip_prefix('?').unwrap_or_default();
        let end = rest.find(|letter: char| !matches!(letter, 'i' | 'm' | 'n' | 's' | 'x' | '-'));
        let letters = end.and_then(|end| rest.get(..end)).unwrap_or_default().to_owned();
        let opens = match rest.get(letters.len()..).and_then(|rest| rest.chars().next()) {
            Some(':') => true,
            Some(')') => false,
            // No options: the engine says so.
            _ => {
                self.text.push('(');
                return true;
            }
        };
        self.skip(letters.len() + 2);
        let mut on = true;
        let (mut set, mut unset) = (String::new(), String::new());
        for letter in letters.chars() {
            match letter {
                '-' => on = false,
                'm' => self.options.multiline = on,
                'n' => self.options.explicit = on,
                'x' => self.options.extended = on,
                other if on => set.push(other),
                other => unset.push(other),
            }
        }
        if !unset.is_empty() {
            set.push('-');
            set.push_str(&unset);
        }
        if opens {
            self.add(format_args!("(?{set}:"));
        } else if !set.is_empty() {
            self.add(format_args!("(?{set})"));
        }
        opens
    }

    /// What stands behind a backslash.
    fn escape(&mut self, in_class: bool) {
        let begin = self.rest.clone();
        let Some(sign) = self.rest.next() else {
            self.text.push('\\');
            return;
        };
        if sign == 'Z' && !in_class {
            self.end();
            return;
        }
        if !in_class {
            self.atom();
        }
        match sign {
            'a' => self.text.push_str("\\x07"),
            'e' => self.text.push_str("\\x1B"),
            'b' if in_class => self.text.push_str("\\x08"),
            'c' => self.control(),
            'x' => self.code(2),
            'u' => self.code(4),
            'p' | 'P' => self.property(sign == 'P', in_class),
            'k' if !in_class => self.named_reference(),
            '0' => self.octal(),
            '1'..='9' if in_class => {
                self.rest = begin;
                self.octal();
            }
            '1'..='9' => {
                self.rest = begin;
                let number = self.digits();
                self.reference(number);
            }
            // These mean the ends of a word to the engines, or nothing at all.
            '<' | '>' | '_' => self.text.push(sign),
            sign if sign.is_ascii_punctuation() || sign.is_ascii_alphanumeric() => {
                self.text.extend(['\\', sign]);
            }
            sign => self.text.push(sign),
        }
    }

    fn digits(&mut self) -> usize {
        let rest = self.rest.as_str();
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = rest.get(..count).and_then(|digits| digits.parse().ok());
        self.skip(count);
        number.unwrap_or(usize::MAX)
    }

    fn reference(&mut self, number: usize) {
        self.finish_text();
        self.spelled.pieces.push(Piece::Reference(number));
    }

    fn named_reference(&mut self) {
        let rest = self.rest.as_str();
        let name = enclosed(rest, '<', '>').or_else(|| enclosed(rest, '\'', '\''));
        let Some(name) = name else {
            self.text.push_str("\\k");
            return;
        };
        self.skip(name.chars().count() + 2);
        if let Ok(number) = name.parse() {
            self.reference(number);
        } else {
            self.add(format_args!("\\k<{name}>"));
        }
    }

    /// `\cA` to `\cZ`.
    fn control(&mut self) {
        match self.rest.next().map(|letter| letter.to_ascii_uppercase()) {
            Some(letter @ '@'..='_') => self.character(u32::from(letter) - 64),
            _ => self.text.push_str("\\c"),
        }
    }

    fn octal(&mut self) {
        let rest = self.rest.as_str();
        let count = rest.bytes().take(3).take_while(|digit| (b'0'..b'8').contains(digit)).count();
        let code = rest.get(..count).and_then(|digits| u32::from_str_radix(digits, 8).ok());
        self.skip(count);
        self.character(code.unwrap_or(0));
    }

    fn code(&mut self, digits: usize) {
        let rest = self.rest.as_str();
        match rest.get(..digits).and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                self.skip(digits);
                self.character(code);
            }
            None => self.text.push_str("\\x"),
        }
    }

    fn character(&mut self, code: u32) {
        self.add(format_args!("\\x{{{code:X}}}"));
    }

    /// `\p{…}`, where blocks are written as the characters that they have.
    fn property(&mut self, negated: bool, in_class: bool) {
        let sign = if negated { 'P' } else { 'p' };
        let Some(name) = enclosed(self.rest.as_str(), '{', '}') else {
            self.text.extend(['\\', sign]);
            return;
        };
        self.skip(name.chars().count() + 2);
        let Some((first, last)) = name.strip_prefix("Is").and_then(block) else {
            self.add(format_args!("\\{sign}{{{name}}}"));
            return;
        };
        let range = format!("\\x{{{first:X}}}-\\x{{{last:X}}}");
        match (negated, in_class) {
            (false, true) => self.text.push_str(&range),
            (false, false) => self.add(format_args!("[{range}]")),
            (true, _) => self.add(format_args!("[^{range}]")),
        }
    }

    /// A character class: what the engines would read as an operator is literal in .NET, and only `-[` takes away.
    fn class(&mut self) {
        self.text.push('[');
        let mut depth = 1_usize;
        let mut is_first = true;
        while let Some(character) = self.rest.next() {
            match character {
                '^' if is_first && !self.text.ends_with('^') => {
                    self.text.push('^');
                    continue;
                }
                ']' if is_first => self.text.push_str("\\]"),
                ']' => {
                    self.text.push(']');
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                '\\' => self.escape(true),
                '-' if !is_first && self.rest.as_str().starts_with('[') => {
                    self.text.push_str("--[");
                    self.rest.next();
                    depth += 1;
                    is_first = true;
                    continue;
                }
                '[' | '&' | '~' | '^' => self.text.extend(['\\', character]),
                other => self.text.push(other),
            }
            is_first = false;
        }
    }
}

/// What stands between two signs at the beginning of a text.
fn enclosed(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.split_once(close).map(|(inside, _)| inside)
}

/// The name of a group and the characters that it takes with its signs; the text begins behind the question mark.
fn group_name(kind: &str) -> Option<(&str, usize)> {
    let (signs, name) = if let Some(rest) = kind.strip_prefix('P') {
        (3, enclosed(rest, '<', '>')?)
    } else {
        (2, enclosed(kind, '<', '>').or_else(|| enclosed(kind, '\'', '\''))?)
    };
    let is_name = !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    is_name.then(|| (name, name.chars().count() + signs))
}

/// The condition of a group that chooses, with its parentheses: `(1)` or `(name)`.
fn condition(kind: &str) -> Option<&str> {
    let inside = enclosed(kind, '(', ')')?;
    let is_group = inside.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_group { kind.get(..inside.len() + 2) } else { None }
}
