//! Writing a date by a format, as .NET's `DateTime.ToString` does.

use std::fmt::Write as _;

use super::pattern::{Pattern, Piece};
use super::{MONTHS, Moment, WEEKDAYS};

/// Adds a moment, in UTC.
pub(crate) fn write(moment: Moment, pattern: &Pattern, output: &mut String) {
    let at = moment.at;
    let short = |name: &'static str| name.get(..3).unwrap_or(name);
    let month = usize::try_from(at.month()).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let month = month.copied().unwrap_or_default();
    let weekday =
        usize::try_from(at.weekday().to_sunday_zero_offset()).ok().and_then(|day| WEEKDAYS.get(day));
    let weekday = weekday.copied().unwrap_or_default();
    for piece in &pattern.0 {
        match *piece {
            Piece::Literal(character) => output.push(character),
            Piece::Utc => output.push('Z'),
            Piece::Year(count @ 1..=2) => number(output, at.year() % 100, count),
            Piece::Year(count) => number(output, at.year(), count),
            Piece::Month(count @ 1..=2) => number(output, at.month(), count),
            Piece::Month(3) => output.push_str(short(month)),
            Piece::Month(_) => output.push_str(month),
            Piece::Day(count @ 1..=2) => number(output, at.day(), count),
            Piece::Day(3) => output.push_str(short(weekday)),
            Piece::Day(_) => output.push_str(weekday),
            Piece::HalfDayHour(count) => {
                let hour = at.hour() % 12;
                number(output, if hour == 0 { 12 } else { hour }, count.min(2));
            }
            Piece::Hour(count) => number(output, at.hour(), count.min(2)),
            Piece::Minute(count) => number(output, at.minute(), count.min(2)),
            Piece::Second(count) => number(output, at.second(), count.min(2)),
            Piece::Fraction(count) => output.push_str(&fraction(at.subsec_nanosecond(), count)),
            Piece::ShortFraction(count) => {
                let digits = fraction(at.subsec_nanosecond(), count);
                let digits = digits.trim_end_matches('0');
                if digits.is_empty() && output.ends_with('.') {
                    output.pop();
                }
                output.push_str(digits);
            }
            Piece::Half(count) => {
                let half = if at.hour() < 12 { "AM" } else { "PM" };
                output.push_str(half.get(..count.min(2)).unwrap_or(half));
            }
            Piece::Offset(1) => output.push_str("+0"),
            Piece::Offset(2) => output.push_str("+00"),
            Piece::Offset(_) => output.push_str("+00:00"),
            Piece::Zone if moment.zoned => output.push('Z'),
            Piece::Zone => {}
            Piece::Era => output.push_str("A.D."),
        }
    }
}

fn number(output: &mut String, number: impl Into<i32>, width: usize) {
    // Writing to a String cannot fail.
    let _ = write!(output, "{:0width$}", number.into());
}

fn fraction(nanoseconds: i32, count: usize) -> String {
    let mut digits = format!("{nanoseconds:09}");
    digits.truncate(count);
    digits
}
