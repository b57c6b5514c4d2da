//! From text to tokens.

use std::iter::Peekable;
use std::str::CharIndices;

use model::Name;

use crate::error::ParseError;

/// A piece of the text that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name: a function's or a word's.
    Name(Name),
    /// `[name]`, without the brackets.
    Attribute(Name),
    /// `"text"`, without the quotes and escapes.
    Text(Name),
    /// A number as it is written.
    Number(Name),
    /// `%name%`, without the signs.
    Macro(Name),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// A comparison as it is written.
    Operator(&'static str),
    /// The end of the text.
    End,
}

impl Token {
    /// The token in the words of an error.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Name(name) => format!("'{name}'"),
            Self::Attribute(name) => format!("the attribute [{name}]"),
            Self::Text(_) => "a text".to_owned(),
            Self::Number(number) => format!("the number {number}"),
            Self::Macro(name) => format!("%{name}%"),
            Self::Open => "'('".to_owned(),
            Self::Close => "')'".to_owned(),
            Self::Comma => "','".to_owned(),
            Self::Operator(operator) => format!("'{operator}'"),
            Self::End => "the end of the text".to_owned(),
        }
    }
}

/// Reads tokens one after another; offsets count characters.
pub(crate) struct Lexer<'t> {
    text: &'t str,
    rest: Peekable<CharIndices<'t>>,
    offset: usize,
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, rest: text.char_indices().peekable(), offset: 0 }
    }

    /// The next token and its offset.
    pub(crate) fn next(&mut self) -> Result<(usize, Token), ParseError> {
        while self.peek().is_some_and(char::is_whitespace) {
            self.bump();
        }
        let start = self.offset;
        let Some(first) = self.bump() else { return Ok((start, Token::End)) };
        let token = match first {
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '=' => Token::Operator("="),
            '<' => self.longer(&[('=', "<="), ('>', "<>")], "<"),
            '>' => self.longer(&[('=', ">=")], ">"),
            '[' => self.attribute(start)?,
            '"' => self.string(start)?,
            '%' => self.macro_name(start)?,
            '&' => self.hexadecimal(start)?,
            '-' | '0'..='9' => self.number(start, first)?,
            'a'..='z' | 'A'..='Z' | '_' => self.name(first),
            other => return Err(unknown(start, other)),
        };
        Ok((start, token))
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, character)| *character)
    }

    fn bump(&mut self) -> Option<char> {
        let (_, character) = self.rest.next()?;
        self.offset += 1;
        Some(character)
    }

    /// The byte position of what comes next.
    fn position(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn longer(&mut self, second: &[(char, &'static str)], one: &'static str) -> Token {
        for (character, operator) in second {
            if self.peek() == Some(*character) {
                self.bump();
                return Token::Operator(operator);
            }
        }
        Token::Operator(one)
    }

    fn attribute(&mut self, start: usize) -> Result<Token, ParseError> {
        let from = self.position();
        let mut depth = 1_usize;
        loop {
            let to = self.position();
            match self.bump() {
                None => return Err(unclosed(start, self.offset, "']' to close the attribute")),
                Some('[') => depth += 1,
                Some(']') if depth == 1 => {
                    let name = self.text.get(from..to).unwrap_or_default().trim();
                    if name.is_empty() {
                        return Err(error(start + 1, "the name of an attribute", "']'"));
                    }
                    return Ok(Token::Attribute(name.into()));
                }
                Some(']') => depth -= 1,
                Some(_) => {}
            }
        }
    }

    fn string(&mut self, start: usize) -> Result<Token, ParseError> {
        let mut value = String::new();
        loop {
            match self.bump() {
                None => return Err(unclosed(start, self.offset, "'\"' to close the text")),
                Some('"') => return Ok(Token::Text(value.into())),
                Some('\\') => match self.peek() {
                    Some(escaped @ ('"' | '\\')) => {
                        self.bump();
                        value.push(escaped);
                    }
                    _ => value.push('\\'),
                },
                Some(other) => value.push(other),
            }
        }
    }

    fn macro_name(&mut self, start: usize) -> Result<Token, ParseError> {
        let mut name = String::new();
        loop {
            match self.bump() {
                Some('%') if !name.is_empty() => return Ok(Token::Macro(name.into())),
                Some(character) if character.is_ascii_alphanumeric() => name.push(character),
                _ => return Err(error(start, "a setting such as %DomainFQDN%", "'%'")),
            }
        }
    }

    fn hexadecimal(&mut self, start: usize) -> Result<Token, ParseError> {
        if self.bump() != Some('H') {
            return Err(error(start, "a hexadecimal number such as &HF", "'&'"));
        }
        let mut literal = String::from("&H");
        self.digits(&mut literal, char::is_ascii_hexdigit)?;
        Ok(Token::Number(literal.into()))
    }

    fn number(&mut self, start: usize, first: char) -> Result<Token, ParseError> {
        let mut literal = String::from(first);
        if first == '-' {
            if !self.peek().is_some_and(|next| next.is_ascii_digit()) {
                return Err(error(start, "a value", "'-'"));
            }
            self.digits(&mut literal, char::is_ascii_digit)?;
        } else {
            self.more_digits(&mut literal, char::is_ascii_digit);
        }
        if self.peek() == Some('.') {
            self.bump();
            literal.push('.');
            self.digits(&mut literal, char::is_ascii_digit)?;
        }
        Ok(Token::Number(literal.into()))
    }

    fn digits(&mut self, literal: &mut String, is_digit: fn(&char) -> bool) -> Result<(), ParseError> {
        if self.peek().is_none_or(|next| !is_digit(&next)) {
            let found = self.peek().map_or("the end of the text".to_owned(), |next| format!("'{next}'"));
            return Err(error(self.offset, "a digit", found));
        }
        self.more_digits(literal, is_digit);
        Ok(())
    }

    fn more_digits(&mut self, literal: &mut String, is_digit: fn(&char) -> bool) {
        while let Some(digit) = self.peek().filter(is_digit) {
            literal.push(digit);
            self.bump();
        }
    }

    fn name(&mut self, first: char) -> Token {
        let mut name = String::from(first);
        while let Some(next) = self.peek().filter(|next| next.is_ascii_alphanumeric() || *next == '_') {
            name.push(next);
            self.bump();
        }
        Token::Name(name.into())
    }
}

fn error(offset: usize, expected: &str, found: impl Into<String>) -> ParseError {
    ParseError { offset, expected: expected.to_owned(), found: found.into(), nearest: None }
}

fn unclosed(start: usize, end: usize, closing: &str) -> ParseError {
    error(end, &format!("{closing} that begins at character {}", start + 1), "the end of the text")
}

fn unknown(offset: usize, character: char) -> ParseError {
    let expected = match character {
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\'' => "a straight double quote (\") around a text",
        ';' => "',' between arguments",
        _ => "an attribute in brackets, a text in quotes, a number or a function",
    };
    error(offset, expected, format!("'{}'", character.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
        let mut lexer = Lexer::new(text);
        let mut found = Vec::new();
        loop {
            match lexer.next()?.1 {
                Token::End => return Ok(found),
                token => found.push(token),
            }
        }
    }

    #[test]
    fn every_kind_of_token_is_read() {
        assert_eq!(
            tokens("Ab_1( [a[b].c] ,\"q\\\"\\\\\\d\"<>-1.50 &HfF %DomainFQDN%)").unwrap(),
            [
                Token::Name("Ab_1".into()),
                Token::Open,
                Token::Attribute("a[b].c".into()),
                Token::Comma,
                Token::Text("q\"\\\\d".into()),
                Token::Operator("<>"),
                Token::Number("-1.50".into()),
                Token::Number("&HfF".into()),
                Token::Macro("DomainFQDN".into()),
                Token::Close,
            ]
        );
    }

    #[test]
    fn offsets_count_characters() {
        let mut lexer = Lexer::new("\"äö\" , [ü]");
        assert_eq!(lexer.next().unwrap().0, 0);
        assert_eq!(lexer.next().unwrap().0, 5);
        assert_eq!(lexer.next().unwrap().0, 7);
    }

    #[test]
    fn what_cannot_be_read_says_what_was_expected() {
        for (text, offset, expected) in [
            ("\"abc", 4, "'\"' to close the text that begins at character 1"),
            ("\"a\\\"", 4, "'\"' to close the text that begins at character 1"),
            ("[a[b]", 5, "']' to close the attribute that begins at character 1"),
            ("[ ]", 1, "the name of an attribute"),
            ("\u{201c}a\u{201d}", 0, "a straight double quote (\") around a text"),
            ("1.", 2, "a digit"),
            ("&HG", 2, "a digit"),
            ("-x", 0, "a value"),
            ("50%", 2, "a setting such as %DomainFQDN%"),
        ] {
            let found = tokens(text).unwrap_err();
            assert_eq!((found.offset, found.expected.as_str()), (offset, expected), "{text}");
        }
    }
}
