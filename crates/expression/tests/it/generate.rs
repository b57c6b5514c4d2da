//! Expressions and objects made from octets, so that property tests can draw and shrink them.

use expression::{Function, Kind, functions};
use model::{Anchor, Attributes, Name, Timestamp, Value};

/// The attributes that generated expressions read.
pub(crate) const ATTRIBUTES: [&str; 6] =
    ["mail", "emails[type eq \"work\"].value", "proxyAddresses", "count", "since", "missing"];

/// Draws choices from octets; zeroes where they run out.
pub(crate) struct Draws<'o>(pub(crate) &'o [u8]);

impl Draws<'_> {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % bound
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        *choices.get(self.below(choices.len())).unwrap()
    }

    /// A text with what is special somewhere: quotes, escapes, patterns, formats, other scripts.
    pub(crate) fn text(&mut self) -> String {
        const PARTS: [&str; 40] = [
            "",
            "a",
            "Ab",
            "é",
            "e\u{301}",
            "İ",
            "ß",
            "한",
            "👩‍👩‍👧",
            " ",
            "\t",
            "\n",
            "\"",
            "\\",
            "[",
            "]",
            "(",
            ")",
            ",",
            "%",
            "$",
            "${n}",
            "$1",
            "(?<n>a*)",
            "(?=a)",
            "(a|b)*\\1",
            ".*",
            "+",
            "-",
            "0",
            "12",
            "999999999999",
            "2024-02-29",
            "T10:00:00Z",
            "yyyy",
            "MM/dd",
            "HH:mm:ss.fff",
            "K",
            "zzz",
            "'",
        ];
        let count = self.below(5);
        (0..count).map(|_| self.of(&PARTS)).collect()
    }

    fn quoted(&mut self) -> String {
        let escaped = self.text().replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{escaped}\"")
    }

    fn number(&mut self) -> String {
        const NUMBERS: [&str; 12] = [
            "0",
            "1",
            "2",
            "3",
            "-1",
            "10",
            "300",
            "-0",
            "&HF7",
            "1.5",
            "9223372036854775807",
            "-9223372036854775808",
        ];
        self.of(&NUMBERS).to_owned()
    }

    fn leaf(&mut self) -> String {
        match self.below(8) {
            0..=3 => format!("[{}]", self.of(&ATTRIBUTES)),
            4 | 5 => self.quoted(),
            6 => self.number(),
            _ => self.of(&["%DomainFQDN%", "%DomainNetBios%"]).to_owned(),
        }
    }

    fn operand(&mut self, depth: usize) -> String {
        if depth == 0 || self.below(3) == 0 {
            return self.leaf();
        }
        let all: Vec<&'static Function> = functions().filter(|function| !function.top_level_only).collect();
        let function = self.of(&all);
        self.call(function, depth)
    }

    /// A call of a function with as many arguments as it takes.
    pub(crate) fn call(&mut self, function: &Function, depth: usize) -> String {
        let mut arguments = Vec::new();
        for parameter in function.parameters {
            let count = if parameter.repeats {
                let least = function.least_repeats.max(1);
                let count = least + self.below(3);
                if function.in_pairs { count * 2 } else { count }
            } else {
                1
            };
            for _ in 0..count {
                arguments.push(match parameter.kind {
                    _ if !parameter.required && self.below(2) == 0 => String::new(),
                    Kind::Compare => self.of(&["vbTextCompare", "vbBinaryCompare"]).to_owned(),
                    Kind::Integer if self.below(2) == 0 => self.number(),
                    _ if self.below(6) == 0 => self.comparison(depth - 1),
                    _ => self.operand(depth - 1),
                });
            }
        }
        format!("{}({})", function.name, arguments.join(self.of(&[",", ", ", " , \n"])))
    }

    fn comparison(&mut self, depth: usize) -> String {
        let operator = self.of(&["=", "<>", "<", "<=", ">", ">="]);
        format!("{} {operator} {}", self.operand(depth), self.operand(depth))
    }

    /// An expression that can be parsed.
    pub(crate) fn expression(&mut self) -> String {
        match self.below(8) {
            0 => self.comparison(4),
            1 => {
                let unique = expression::function("SelectUniqueValue").unwrap();
                self.call(unique, 4)
            }
            _ => self.operand(4),
        }
    }

    fn value(&mut self) -> Value {
        match self.below(8) {
            0..=2 => Value::text(self.text()),
            3 => Value::Integer(self.of(&[0, 1, -1, 5, i64::MAX, i64::MIN])),
            4 => Value::Boolean(self.below(2) == 0),
            5 => Value::DateTime(self.of(&[
                Timestamp::UNIX_EPOCH,
                Timestamp::MAX,
                Timestamp::MIN,
                Timestamp::constant(1_600_000_000, 123_456_789),
            ])),
            6 => Value::Binary(self.text().into_bytes().into()),
            _ => Value::Reference(Anchor::new(self.text())),
        }
    }

    /// An object's attributes.
    pub(crate) fn attributes(&mut self) -> Attributes {
        let mut attributes = Attributes::new();
        for name in ATTRIBUTES {
            let value = match self.below(4) {
                0 => Value::Null,
                1 => Value::List((0..self.below(4)).map(|_| self.value()).collect()),
                _ => self.value(),
            };
            attributes.set(Name::from(name), value);
        }
        attributes
    }
}
