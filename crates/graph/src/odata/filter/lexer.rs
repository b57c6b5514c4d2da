//! Cuts a filter into words, texts and marks.

use super::parser::FilterError;

/// A piece of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name, keyword, number, GUID or date-time.
    Word(&'a str),
    /// A quoted text, with doubled quotes made single.
    Text(String),
    Open,
    Close,
    Comma,
    Colon,
    Slash,
    End,
}

impl Token<'_> {
    /// How an error message speaks of the token.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("'{word}'"),
            Self::Text(_) => "a text".to_owned(),
            Self::Open => "'('".to_owned(),
            Self::Close => "')'".to_owned(),
            Self::Comma => "','".to_owned(),
            Self::Colon => "':'".to_owned(),
            Self::Slash => "'/'".to_owned(),
            Self::End => "the end".to_owned(),
        }
    }
}

/// A token with the octet where it begins and the one after its last.
pub(super) type Placed<'a> = (usize, Token<'a>, usize);

/// All tokens of a text, the last of which is `End`.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed<'_>>, FilterError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(first) = rest.chars().next() else { break };
        let (token, length) = match first {
            _ if first.is_whitespace() => {
                at += first.len_utf8();
                continue;
            }
            '\'' => {
                let (content, length) = quoted(text, at)?;
                (Token::Text(content), length)
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '/' => (Token::Slash, 1),
            ':' => (Token::Colon, 1),
            _ if is_word(first) => {
                let length = word_length(rest, first);
                (Token::Word(rest.get(..length).unwrap_or_default()), length)
            }
            _ => {
                return Err(FilterError::at(
                    text,
                    at,
                    format!("the character '{first}' has no meaning here"),
                ));
            }
        };
        found.push((at, token, at + length));
        at += length;
    }
    found.push((text.len(), Token::End, text.len()));
    Ok(found)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '$' | '@')
}

/// The length of a word. Those that begin as a number may contain the colons and the plus sign of a date-time; others
/// may not, because a lambda has a colon after its variable.
fn word_length(rest: &str, first: char) -> usize {
    let numeric = first.is_ascii_digit() || first == '-';
    rest.find(|character: char| !(is_word(character) || (numeric && matches!(character, ':' | '+'))))
        .unwrap_or(rest.len())
}

/// The content of the quoted text that begins at `at`, and its length with the quotes.
fn quoted(text: &str, at: usize) -> Result<(String, usize), FilterError> {
    let rest = text.get(at + 1..).unwrap_or_default();
    let mut content = String::new();
    let mut characters = rest.char_indices().peekable();
    while let Some((offset, character)) = characters.next() {
        if character != '\'' {
            content.push(character);
        } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
            content.push('\'');
        } else {
            return Ok((content, offset + 2));
        }
    }
    Err(FilterError::at(
        text,
        at,
        "this text has no closing quote; a quote inside a text is written twice".to_owned(),
    ))
}
