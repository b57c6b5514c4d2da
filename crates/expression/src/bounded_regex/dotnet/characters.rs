//! What stands for characters in a pattern: escapes, classes, categories and blocks; and references to groups, which
//! are spelled alike.

use super::super::blocks::block;
use super::{Piece, Speller, enclosed};

impl Speller<'_> {
    /// What stands behind a backslash.
    pub(super) fn escape(&mut self, in_class: bool) {
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
    pub(super) fn class(&mut self) {
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
