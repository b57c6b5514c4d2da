//! From .NET's spelling of patterns to that of the engines.
//!
//! What differs: `^` and `$` follow the option `m`, and `$` also matches before a newline that ends the text; the
//! options `n` and `x`; groups named `(?'name'…)`; comments; the numbers of groups in back-references; blocks such as
//! `\p{IsGreek}`; a few escapes; what is special inside a class; and braces that are no quantifier.

mod characters;

use std::fmt::Write as _;
use std::str::Chars;

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
    /// Whether a group chooses by a condition, which only the backtracking engine does.
    pub(super) chooses: bool,
    /// What .NET refuses and an engine would take for something else, with its place.
    pub(super) mistake: Option<String>,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    /// The end of the text, or before the newline that ends it.
    End,
    /// What a group matched, by the number that .NET gives the group.
    Reference(usize),
    /// The condition of a group that chooses: another group, if there is one of this name or number, else a look ahead
    /// at this text.
    Condition(String),
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
                (Piece::Condition(group), _) => {
                    let named = self.groups.iter().flatten().any(|name| name == group);
                    let _ = match group.parse::<usize>() {
                        Ok(number) => {
                            let engine = numbers.get(number).copied().unwrap_or(number);
                            write!(output, "(?({engine})(?=)")
                        }
                        Err(_) if named => write!(output, "(?(<{group}>)(?=)"),
                        Err(_) => write!(output, "(?((?={group}))(?=)"),
                    };
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
        length: pattern.chars().count(),
        rest: pattern.chars(),
        text: String::with_capacity(pattern.len() + 8),
        spelled: Spelled::default(),
        options: Options::default(),
        outer: Vec::new(),
        ends: Vec::new(),
        repeated: Repeated::Once,
    };
    speller.pattern();
    speller.finish_text();
    let mut spelled = speller.spelled;
    let numbers = spelled.groups.len();
    let absent = spelled.pieces.iter().find_map(|piece| match piece {
        Piece::Condition(group) => group.parse::<usize>().ok().filter(|number| *number > numbers),
        _ => None,
    });
    if let Some(number) = absent {
        spelled
            .mistake
            .get_or_insert_with(|| format!("a group chooses by group {number}, which is not there"));
    }
    spelled
}

/// The options that are translated; `i` and `s` mean the same to the engines.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    multiline: bool,
    explicit: bool,
    extended: bool,
}

/// A group that is open.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// The options outside it.
    options: Options,
    /// What ends it.
    close: &'static str,
    /// Where the group chooses by a condition, the alternatives that it may still begin.
    alternatives: Option<u8>,
}

impl Open {
    fn plain(options: Options) -> Self {
        Self { options, close: ")", alternatives: None }
    }
}

/// What stands before the next sign, as far as a quantifier minds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeated {
    /// Something that may be repeated, or nothing at all, which the engines tell.
    Once,
    /// A quantifier, which a question mark makes lazy.
    Many,
    /// A quantifier that is lazy.
    Lazily,
}

struct Speller<'p> {
    /// The characters of the pattern.
    length: usize,
    rest: Chars<'p>,
    text: String,
    spelled: Spelled,
    options: Options,
    outer: Vec<Open>,
    /// The ends that what comes next would follow: the depth of each, and whether its alternative is over.
    ends: Vec<(usize, bool)>,
    repeated: Repeated,
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
                '{' if self.is_quantifier() => {
                    self.counts();
                    continue;
                }
                '{' => self.assertion("\\{"),
                '*' | '+' | '?' => {
                    self.quantifier(character);
                    continue;
                }
                '}' => self.text.push('}'),
                '#' if self.options.extended => {
                    self.rest.by_ref().find(|next| *next == '\n');
                    continue;
                }
                space if self.options.extended && space.is_whitespace() => continue,
                other => {
                    self.atom();
                    self.text.push(other);
                }
            }
            self.repeated = Repeated::Once;
        }
    }

    /// Notes the first mistake, at the character that was read last.
    fn mistake(&mut self, what: &str) {
        let at = self.length - self.rest.as_str().chars().count();
        self.spelled.mistake.get_or_insert_with(|| format!("{what} at its character {at}"));
    }

    /// `*`, `+` or `?`: the last may make the quantifier before it lazy; else no quantifier follows another.
    fn quantifier(&mut self, sign: char) {
        self.repeated = match (self.repeated, sign) {
            (Repeated::Once, _) => Repeated::Many,
            (Repeated::Many, '?') => Repeated::Lazily,
            _ => {
                self.mistake("a quantifier follows another one");
                Repeated::Many
            }
        };
        self.text.push(sign);
    }

    /// `{2}`, `{2,}` or `{2,3}`, behind the brace.
    fn counts(&mut self) {
        if self.repeated != Repeated::Once {
            self.mistake("a quantifier follows another one");
        }
        let inside = self.rest.as_str().split_once('}').map_or("", |(inside, _)| inside).to_owned();
        let (least, most) = inside.split_once(',').unwrap_or((&inside, &inside));
        let count = |digits: &str| digits.parse::<u32>().ok().filter(|count| i32::try_from(*count).is_ok());
        match (count(least), count(most)) {
            (Some(least), Some(most)) if most < least => {
                self.mistake(&format!("{{{inside}}} asks for at least {least} and at most {most}"));
            }
            (None, _) => self.mistake("a count is too large"),
            (_, None) if !most.is_empty() => self.mistake("a count is too large"),
            _ => {}
        }
        self.skip(inside.len() + 1);
        self.add(format_args!("{{{inside}}}"));
        self.repeated = Repeated::Many;
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
        match self.outer.last_mut().and_then(|open| open.alternatives.as_mut()) {
            Some(0) => self.mistake("a group that chooses has a third alternative"),
            Some(left) => *left -= 1,
            None => {}
        }
        self.text.push('|');
    }

    fn close(&mut self) {
        let depth = self.outer.len();
        for end in self.ends.iter_mut().filter(|(at, _)| *at == depth && depth > 0) {
            *end = (depth - 1, false);
        }
        let open = self.outer.pop().unwrap_or(Open::plain(self.options));
        self.options = open.options;
        self.text.push_str(open.close);
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
            self.outer.push(Open::plain(outer));
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
        } else if kind.starts_with('(') {
            self.condition(outer);
            return;
        } else if !self.options() {
            return;
        }
        self.outer.push(Open::plain(outer));
    }

    /// A group that chooses between two alternatives: `(?(name)…|…)`, `(?(1)…|…)`, or by looking ahead, `(?(a)…|…)`, or
    /// otherwise around, `(?(?!a)…|…)`. The rest begins at the question mark.
    fn condition(&mut self, options: Options) {
        self.spelled.chooses = true;
        self.outer.push(Open { options, close: ")", alternatives: Some(1) });
        let rest = self.rest.as_str().get(2..).unwrap_or_default();
        let inside = rest.split_once(')').map_or("", |(inside, _)| inside);
        let is_group = !inside.is_empty() && inside.chars().all(|one| one.is_alphanumeric() || one == '_');
        if is_group {
            let group = inside.to_owned();
            let groups = group.chars().count();
            self.skip(groups + 3);
            self.finish_text();
            self.spelled.pieces.push(Piece::Condition(group));
            return;
        }
        let sign = ["?=", "?!", "?<=", "?<!"].into_iter().find(|sign| rest.starts_with(sign));
        self.skip(2 + sign.map_or(0, str::len));
        self.add(format_args!("(?(({}", sign.unwrap_or("?=")));
        self.outer.push(Open { options: self.options, close: "))(?=)", alternatives: None });
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
