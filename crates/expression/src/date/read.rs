//! Reading a date by its format, as .NET's `DateTime.ParseExact` does.

use super::pattern::{Pattern, Piece};
use super::{Fields, MONTHS, WEEKDAYS, full_year, month_of_name, weekday_of_name};

/// The options of .NET's `DateTimeStyles` that make a difference here; moments without a zone are UTC anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of DateTimeStyles")]
pub(crate) struct Styles {
    pub(crate) leading_white: bool,
    pub(crate) trailing_white: bool,
    pub(crate) inner_white: bool,
    pub(crate) no_current_date: bool,
}

impl Default for Styles {
    fn default() -> Self {
        Self { leading_white: true, trailing_white: true, inner_white: false, no_current_date: false }
    }
}

impl Styles {
    /// The options of a list such as `AllowWhiteSpaces, AssumeUniversal`. An empty text gives the default: white space
    /// at the ends. The error says what is wrong.
    pub(crate) fn new(names: &str) -> Result<Self, String> {
        if names.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut styles =
            Self { leading_white: false, trailing_white: false, inner_white: false, no_current_date: false };
        let plain = |name: &'_ str| name.trim().trim_start_matches("DateTimeStyles.").to_owned();
        let names: Vec<String> = names.split(',').map(plain).collect();
        let has = |sought: &str| names.iter().any(|name| name == sought);
        let zones = ["AssumeLocal", "AssumeUniversal", "AdjustToUniversal"];
        if has("RoundtripKind") && zones.into_iter().any(has) {
            return Err("RoundtripKind goes with none of AssumeLocal, AssumeUniversal and AdjustToUniversal"
                .to_owned());
        }
        if has("AssumeLocal") && has("AssumeUniversal") {
            return Err("take AssumeLocal or AssumeUniversal, not both".to_owned());
        }
        for name in &names {
            match name.as_str() {
                "AllowLeadingWhite" => styles.leading_white = true,
                "AllowTrailingWhite" => styles.trailing_white = true,
                "AllowInnerWhite" => styles.inner_white = true,
                "AllowWhiteSpaces" => {
                    styles.leading_white = true;
                    styles.trailing_white = true;
                    styles.inner_white = true;
                }
                "NoCurrentDateDefault" => styles.no_current_date = true,
                "None" | "AdjustToUniversal" | "AssumeLocal" | "AssumeUniversal" | "RoundtripKind" => {}
                other => return Err(format!("'{other}' is none of .NET's DateTimeStyles")),
            }
        }
        Ok(styles)
    }
}

/// The parts of a date that has exactly this format; None where it has not.
pub(crate) fn read(text: &str, pattern: &Pattern, styles: Styles) -> Option<Fields> {
    let text = if styles.leading_white { text.trim_start() } else { text };
    let text = if styles.trailing_white { text.trim_end() } else { text };
    let mut reader = Reader { rest: text, fields: Fields::default(), inner_white: styles.inner_white };
    let mut pieces = pattern.0.iter().peekable();
    while let Some(piece) = pieces.next() {
        // A fraction that may be absent takes its point along.
        if let (Piece::Literal('.'), Some(Piece::ShortFraction(_))) = (piece, pieces.peek())
            && !reader.rest.starts_with('.')
        {
            pieces.next();
            continue;
        }
        reader.piece(*piece)?;
    }
    if reader.inner_white {
        reader.rest = reader.rest.trim_start();
    }
    reader.rest.is_empty().then_some(reader.fields)
}

struct Reader<'t> {
    rest: &'t str,
    fields: Fields,
    inner_white: bool,
}

impl Reader<'_> {
    fn piece(&mut self, piece: Piece) -> Option<()> {
        if self.inner_white {
            self.rest = self.rest.trim_start();
        }
        match piece {
            Piece::Literal(character) => self.literal(character),
            Piece::Year(count) => {
                let year = match count {
                    1 | 2 => full_year(self.digits(count, 2)?),
                    _ => self.digits(count.max(4), count.max(4)).or_else(|| self.digits(count, count))?,
                };
                set(&mut self.fields.year, year)
            }
            Piece::Month(count @ 1..=2) => {
                let month = self.digits(count, 2)?;
                set(&mut self.fields.month, month)
            }
            Piece::Month(count) => {
                let word = self.name(&MONTHS, count == 3)?;
                set(&mut self.fields.month, month_of_name(word)?)
            }
            Piece::Day(count @ 1..=2) => {
                let day = self.digits(count, 2)?;
                set(&mut self.fields.day, day)
            }
            Piece::Day(count) => {
                let word = self.name(&WEEKDAYS, count == 3)?;
                set(&mut self.fields.weekday, weekday_of_name(word)?)
            }
            Piece::Hour(count) => {
                let hour = self.digits(count.min(2), 2)?;
                set(&mut self.fields.hour, hour)
            }
            Piece::HalfDayHour(count) => {
                let hour = self.digits(count.min(2), 2)?;
                self.fields.half_day = true;
                set(&mut self.fields.hour, hour)
            }
            Piece::Minute(count) => {
                let minute = self.digits(count.min(2), 2)?;
                set(&mut self.fields.minute, minute)
            }
            Piece::Second(count) => {
                let second = self.digits(count.min(2), 2)?;
                set(&mut self.fields.second, second)
            }
            Piece::Fraction(count) => self.fraction(count, count),
            Piece::ShortFraction(count) => self.fraction(0, count),
            Piece::Half(count) => self.half(count),
            Piece::Offset(count) => self.offset(count),
            Piece::Zone if self.rest.starts_with(['+', '-']) => self.offset(3),
            Piece::Zone if self.rest.starts_with('Z') => self.utc(),
            Piece::Zone => Some(()),
            Piece::Utc => self.utc(),
            Piece::Era => self.skip("A.D.").or_else(|| self.skip("AD")),
        }
    }

    fn literal(&mut self, character: char) -> Option<()> {
        if self.inner_white && character.is_whitespace() {
            return Some(());
        }
        self.rest = self.rest.strip_prefix(character)?;
        Some(())
    }

    fn skip(&mut self, prefix: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(prefix)?;
        Some(())
    }

    /// A number of at least and at most so many digits.
    fn digits(&mut self, least: usize, most: usize) -> Option<i32> {
        let count = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        digits.parse().ok()
    }

    fn name(&mut self, names: &[&'static str], is_short: bool) -> Option<&'static str> {
        let forms = names.iter().filter_map(|name| if is_short { name.get(..3) } else { Some(*name) });
        let name = forms
            .into_iter()
            .find(|form| self.rest.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form)))?;
        self.rest = self.rest.get(name.len()..)?;
        Some(name)
    }

    fn fraction(&mut self, least: usize, most: usize) -> Option<()> {
        let before = self.rest.len();
        let number = if least == 0 && !self.rest.starts_with(|next: char| next.is_ascii_digit()) {
            0
        } else {
            self.digits(least, most)?
        };
        let read = u32::try_from(before - self.rest.len()).ok()?;
        set(&mut self.fields.nanosecond, number * 10_i32.checked_pow(9_u32.checked_sub(read)?)?)
    }

    fn half(&mut self, count: usize) -> Option<()> {
        let letter = self.rest.chars().next()?;
        let afternoon = match letter.to_ascii_uppercase() {
            'A' => false,
            'P' => true,
            _ => return None,
        };
        self.rest = self.rest.get(1..)?;
        if count > 1 {
            self.rest = self.rest.strip_prefix(['M', 'm'])?;
        }
        set(&mut self.fields.afternoon, afternoon)
    }

    fn offset(&mut self, count: usize) -> Option<()> {
        let sign = match self.rest.chars().next()? {
            '+' => 1,
            '-' => -1,
            _ => return None,
        };
        self.rest = self.rest.get(1..)?;
        let hours = self.digits(count.min(2), 2)?;
        let mut minutes = 0;
        if count > 2 {
            self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
            minutes = self.digits(2, 2)?;
        }
        if hours > 14 || minutes > 59 {
            return None;
        }
        set(&mut self.fields.offset, sign * (hours * 3600 + minutes * 60))
    }

    fn utc(&mut self) -> Option<()> {
        self.skip("Z")?;
        set(&mut self.fields.offset, 0)
    }
}

/// Sets a part; one that is there twice must be the same.
fn set<T: Copy + PartialEq>(field: &mut Option<T>, value: T) -> Option<()> {
    (*field.get_or_insert(value) == value).then_some(())
}
