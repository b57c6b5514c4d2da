//! From tokens to the tree.

use model::Name;

use crate::error::ParseError;
use crate::lexer::{Lexer, Token};
use crate::registry::{self, Function};
use crate::tree::{
    Call, Comparison, MAX_CHARACTERS, MAX_DEPTH, Node, NodeKind, Operator, Setting, Tree, Word,
};

/// Reads an expression. Functions must exist and must have as many arguments as they take; types are the checker's.
pub fn parse(text: &str) -> Result<Tree, ParseError> {
    if text.chars().take(MAX_CHARACTERS + 1).count() > MAX_CHARACTERS {
        return Err(ParseError {
            offset: MAX_CHARACTERS,
            expected: format!("an expression of at most {MAX_CHARACTERS} characters"),
            found: "more".to_owned(),
            nearest: None,
        });
    }
    let mut parser = Parser { lexer: Lexer::new(text), token: Token::End, offset: 0, depth: 0 };
    parser.advance()?;
    let root = parser.expression()?;
    if parser.token != Token::End {
        return Err(parser.expected("the end of the expression"));
    }
    Ok(Tree { root })
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    token: Token,
    offset: usize,
    depth: usize,
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<Token, ParseError> {
        let (offset, token) = self.lexer.next()?;
        self.offset = offset;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn expected(&self, what: &str) -> ParseError {
        ParseError {
            offset: self.offset,
            expected: what.to_owned(),
            found: self.token.describe(),
            nearest: None,
        }
    }

    fn expression(&mut self) -> Result<Node, ParseError> {
        let left = self.operand()?;
        let Token::Operator(spelling) = self.token else { return Ok(left) };
        let Some(operator) = Operator::from_spelling(spelling) else {
            return Err(self.expected("a comparison"));
        };
        self.advance()?;
        let right = self.operand()?;
        let offset = left.offset;
        Ok(Node { offset, kind: NodeKind::Compare(Box::new(Comparison { left, operator, right })) })
    }

    fn operand(&mut self) -> Result<Node, ParseError> {
        const VALUE: &str = "an attribute in brackets, a text in quotes, a number or a function";
        let at = self.offset;
        let offset = u32::try_from(at).unwrap_or(u32::MAX);
        let kind = match &self.token {
            Token::Attribute(name) => NodeKind::Attribute(name.clone()),
            Token::Text(text) => NodeKind::Text(text.clone()),
            Token::Number(literal) => {
                if integer_literal(literal).is_none() && !literal.contains('.') {
                    return Err(self.expected("a number of at most 64 bits"));
                }
                NodeKind::Number(literal.clone())
            }
            Token::Macro(name) => match Setting::from_spelling(name) {
                Some(setting) => NodeKind::Setting(setting),
                None => return Err(self.expected("%DomainFQDN% or %DomainNetBios%")),
            },
            Token::Name(name) => {
                let name = name.clone();
                self.advance()?;
                let kind = if self.token == Token::Open {
                    NodeKind::Call(self.call(at, &name)?)
                } else {
                    NodeKind::Word(word(at, &name)?)
                };
                return Ok(Node { offset, kind });
            }
            _ => return Err(self.expected(VALUE)),
        };
        self.advance()?;
        Ok(Node { offset, kind })
    }

    /// The arguments of a function whose name has been read; the opening parenthesis is the token.
    fn call(&mut self, at: usize, name: &Name) -> Result<Call, ParseError> {
        let Some(function) = registry::function(name) else {
            return Err(ParseError {
                offset: at,
                expected: "the name of a function".to_owned(),
                found: format!("'{name}'"),
                nearest: Some(registry::nearest(name)),
            });
        };
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.expected(&format!("at most {MAX_DEPTH} functions inside one another")));
        }
        self.advance()?;
        let mut arguments = Vec::new();
        if self.token == Token::Close {
            arity(at, self.offset, function, &arguments)?;
        } else {
            loop {
                arguments.push(match self.token {
                    Token::Comma | Token::Close => None,
                    _ => Some(self.expression()?),
                });
                match self.token {
                    Token::Comma => self.advance()?,
                    Token::Close => break,
                    _ => return Err(self.expected("',' or ')'")),
                };
            }
            arity(at, self.offset, function, &arguments)?;
        }
        self.advance()?;
        self.depth -= 1;
        while matches!(arguments.last(), Some(None)) {
            arguments.pop();
        }
        Ok(Call { function, arguments })
    }
}

/// Whether a function takes these arguments; `end` is where its closing parenthesis stands.
pub(crate) fn arity(
    at: usize,
    end: usize,
    function: &'static Function,
    arguments: &[Option<Node>],
) -> Result<(), ParseError> {
    let error = |offset: usize, expected: String, found: String| {
        Err(ParseError { offset, expected, found, nearest: None })
    };
    if function.most_arguments().is_some_and(|most| arguments.len() > most) {
        return error(
            at,
            format!("at most {} in {}", plural(function.parameters.len()), function.signature()),
            plural(arguments.len()),
        );
    }
    let fixed = function.parameters.len() - usize::from(function.repeating().is_some());
    for (position, parameter) in function.parameters.iter().enumerate() {
        let given = if parameter.repeats {
            let mut all = arguments.iter().skip(fixed).peekable();
            all.peek().is_some() && all.all(Option::is_some)
        } else {
            matches!(arguments.get(position), Some(Some(_)))
        };
        if parameter.required && !given {
            return error(
                end,
                format!("the argument '{}' of {}", parameter.name, function.signature()),
                "nothing".to_owned(),
            );
        }
    }
    let repeated = arguments.len().saturating_sub(fixed);
    if repeated < function.least_repeats {
        return error(
            end,
            format!("at least {} in {}", plural(fixed + function.least_repeats), function.signature()),
            plural(arguments.len()),
        );
    }
    if function.in_pairs && repeated % 2 == 1 {
        return error(
            end,
            format!("a value for the last key of {}", function.signature()),
            "a key alone".to_owned(),
        );
    }
    Ok(())
}

fn plural(count: usize) -> String {
    if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") }
}

fn word(at: usize, name: &Name) -> Result<Word, ParseError> {
    if let Some(word) = Word::from_spelling(name) {
        return Ok(word);
    }
    let function = registry::function(name);
    Err(ParseError {
        offset: at,
        expected: match function {
            Some(function) => format!("'(' after the function {}", function.name),
            None => format!("an attribute as [{name}], a text as \"{name}\", or a function as Name(…)"),
        },
        found: if function.is_some() { String::new() } else { format!("'{name}'") },
        nearest: None,
    })
}

/// The value of a whole number as it is written in an expression: `-12` or `&HF7`.
pub(crate) fn integer_literal(literal: &str) -> Option<i64> {
    match literal.strip_prefix("&H") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => literal.parse().ok(),
    }
}
