//! .NET's format strings for dates and times.

/// A format, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pattern(pub(crate) Vec<Piece>);

/// A part of a format; the number is how often its letter is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// This character as it is.
    Literal(char),
    /// `y`
    Year(usize),
    /// `M`
    Month(usize),
    /// `d`
    Day(usize),
    /// `h`
    HalfDayHour(usize),
    /// `H`
    Hour(usize),
    /// `m`
    Minute(usize),
    /// `s`
    Second(usize),
    /// `f`
    Fraction(usize),
    /// `F`: without zeros at the end.
    ShortFraction(usize),
    /// `t`
    Half(usize),
    /// `z`
    Offset(usize),
    /// `K`: the zone, where there is one.
    Zone,
    /// `Z`: only UTC.
    Utc,
    /// `g`
    Era,
}

impl Pattern {
    /// Takes a format apart: one letter is a standard format, everything else a custom one. The error says what is
    /// wrong with it.
    pub(crate) fn new(format: &str) -> Result<Self, String> {
        let mut letters = format.chars();
        match (letters.next(), letters.next()) {
            (None, _) => Err("the format is empty".to_owned()),
            (Some(letter), None) => match standard(letter) {
                Some(custom) => Self::custom(custom),
                None => {
                    Err(format!("'{letter}' is no standard format; as part of a custom one write %{letter}"))
                }
            },
            _ => Self::custom(format),
        }
    }

    fn custom(format: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = format.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '\'' | '"' => loop {
                    match rest.next() {
                        Some(closing) if closing == letter => break,
                        Some('\\') => pieces.push(Piece::Literal(rest.next().ok_or_else(escape)?)),
                        Some(quoted) => pieces.push(Piece::Literal(quoted)),
                        None => return Err(format!("the format has a {letter} without its pair")),
                    }
                },
                '\\' => pieces.push(Piece::Literal(rest.next().ok_or_else(escape)?)),
                '%' if rest.peek().is_none_or(|next| *next == '%') => {
                    return Err("a % in the format stands before one letter".to_owned());
                }
                '%' => {}
                'K' => pieces.push(Piece::Zone),
                'Z' => pieces.push(Piece::Utc),
                'y' | 'M' | 'd' | 'h' | 'H' | 'm' | 's' | 'f' | 'F' | 't' | 'z' | 'g' => {
                    let mut count = 1;
                    while rest.next_if_eq(&letter).is_some() {
                        count += 1;
                    }
                    pieces.push(piece(letter, count)?);
                }
                other => pieces.push(Piece::Literal(other)),
            }
        }
        Ok(Self(pieces))
    }
}

fn escape() -> String {
    "the format ends in a backslash".to_owned()
}

fn piece(letter: char, count: usize) -> Result<Piece, String> {
    Ok(match letter {
        'y' => Piece::Year(count),
        'M' => Piece::Month(count),
        'd' => Piece::Day(count),
        'h' => Piece::HalfDayHour(count),
        'H' => Piece::Hour(count),
        'm' => Piece::Minute(count),
        's' => Piece::Second(count),
        'f' | 'F' if count > 7 => return Err(format!("the format has more than seven {letter} in a row")),
        'f' => Piece::Fraction(count),
        'F' => Piece::ShortFraction(count),
        't' => Piece::Half(count),
        'z' => Piece::Offset(count),
        _ => Piece::Era,
    })
}

/// The custom form of a standard format in the invariant culture.
fn standard(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "MM/dd/yyyy",
        'D' => "dddd, dd MMMM yyyy",
        'f' => "dddd, dd MMMM yyyy HH:mm",
        'F' | 'U' => "dddd, dd MMMM yyyy HH:mm:ss",
        'g' => "MM/dd/yyyy HH:mm",
        'G' => "MM/dd/yyyy HH:mm:ss",
        'M' | 'm' => "MMMM dd",
        'O' | 'o' => "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
        'R' | 'r' => "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
        's' => "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
        't' => "HH:mm",
        'T' => "HH:mm:ss",
        'u' => "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
        'Y' | 'y' => "yyyy MMMM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_escapes_keep_letters() {
        let pattern = Pattern::new("'day 'd\\d%d").unwrap();
        let mut expected: Vec<Piece> = "day ".chars().map(Piece::Literal).collect();
        expected.extend([Piece::Day(1), Piece::Literal('d'), Piece::Day(1)]);
        assert_eq!(pattern.0, expected);
    }

    #[test]
    fn broken_formats_say_why() {
        for (format, reason) in [
            ("", "the format is empty"),
            ("x", "'x' is no standard format; as part of a custom one write %x"),
            ("yyyy'", "the format has a ' without its pair"),
            ("yyyy\\", "the format ends in a backslash"),
            ("yyyy%", "a % in the format stands before one letter"),
            ("ffffffff", "the format has more than seven f in a row"),
        ] {
            assert_eq!(Pattern::new(format), Err(reason.to_owned()), "{format}");
        }
    }
}
