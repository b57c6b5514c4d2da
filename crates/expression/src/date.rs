//! Dates and times as .NET reads and writes them, in its invariant culture. Moments without a zone are in UTC.
//!
//! Moments are civil dates and times in UTC on the way, since those reach the end of 9999, which many systems mean by
//! "never"; a [`Timestamp`] ends a day before.

mod guess;
mod pattern;
mod read;
mod write;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::Offset;
use model::{SignedDuration, Timestamp, Value};

pub(crate) use guess::guess;
pub(crate) use pattern::Pattern;
pub(crate) use read::{Styles, read};
pub(crate) use write::write;

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(crate) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The month, counted from 1, whose name or first three letters a word is.
fn month_of_name(word: &str) -> Option<i32> {
    let at = MONTHS.iter().position(|name| is_name(word, name))?;
    i32::try_from(at + 1).ok()
}

/// The weekday, counted from Sunday = 0, whose name or first three letters a word is.
fn weekday_of_name(word: &str) -> Option<i8> {
    i8::try_from(WEEKDAYS.iter().position(|name| is_name(word, name))?).ok()
}

fn is_name(word: &str, name: &str) -> bool {
    word.eq_ignore_ascii_case(name) || name.get(..3).is_some_and(|short| word.eq_ignore_ascii_case(short))
}

/// The year that two digits mean: 1950 to 2049.
fn full_year(year: i32) -> i32 {
    if year < 50 { 2000 + year } else { 1900 + year }
}

/// What was read of a date and time, part by part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) year: Option<i32>,
    pub(crate) month: Option<i32>,
    pub(crate) day: Option<i32>,
    pub(crate) weekday: Option<i8>,
    pub(crate) hour: Option<i32>,
    /// The hour counts to 12; without a half of the day it is before noon.
    pub(crate) half_day: bool,
    pub(crate) afternoon: Option<bool>,
    pub(crate) minute: Option<i32>,
    pub(crate) second: Option<i32>,
    pub(crate) nanosecond: Option<i32>,
    /// Seconds east of UTC.
    pub(crate) offset: Option<i32>,
}

/// A moment in UTC, and whether its text named a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: DateTime,
    pub(crate) zoned: bool,
}

impl Fields {
    /// Whether parts of the date are missing, so that the present day has to supply them.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.year.is_none()
    }

    /// The moment. Without any part of a date it is the given day's; without a year it is in that day's year.
    pub(crate) fn moment(&self, today: Date) -> Option<Moment> {
        let date = if (self.year, self.month, self.day) == (None, None, None) {
            today
        } else {
            Date::new(
                i16::try_from(self.year.unwrap_or(i32::from(today.year()))).ok()?,
                i8::try_from(self.month.unwrap_or(1)).ok()?,
                i8::try_from(self.day.unwrap_or(1)).ok()?,
            )
            .ok()?
        };
        if self.weekday.is_some_and(|weekday| weekday != date.weekday().to_sunday_zero_offset()) {
            return None;
        }
        let time = Time::new(
            i8::try_from(self.hour()?).ok()?,
            i8::try_from(self.minute.unwrap_or(0)).ok()?,
            i8::try_from(self.second.unwrap_or(0)).ok()?,
            self.nanosecond.unwrap_or(0),
        )
        .ok()?;
        let offset = SignedDuration::from_secs(i64::from(self.offset.unwrap_or(0)));
        let at = DateTime::from_parts(date, time).checked_sub(offset).ok()?;
        in_range(at).map(|at| Moment { at, zoned: self.offset.is_some() })
    }

    fn hour(&self) -> Option<i32> {
        let hour = self.hour.unwrap_or(0);
        if !self.half_day && self.afternoon.is_none() {
            return Some(hour);
        }
        match (hour, self.afternoon) {
            (13.., _) => None,
            (12, Some(true)) => Some(12),
            (12, _) => Some(0),
            (hour, Some(true)) => Some(hour + 12),
            (hour, _) => Some(hour),
        }
    }
}

/// A moment of the years 1 to 9999, which .NET can hold.
fn in_range(at: DateTime) -> Option<DateTime> {
    (1..=9999).contains(&at.year()).then_some(at)
}

/// A moment as date and time in UTC.
pub(crate) fn civil(at: Timestamp) -> DateTime {
    Offset::UTC.to_datetime(at)
}

/// A moment as a value. The last hours of 9999 are a text, printed as a moment would be.
pub(crate) fn value(at: DateTime) -> Value {
    if let Ok(at) = Offset::UTC.to_timestamp(at) {
        return Value::DateTime(at);
    }
    let mut text = String::new();
    if let Ok(pattern) = Pattern::new("M/d/yyyy h:mm:ss tt") {
        write(Moment { at, zoned: true }, &pattern, &mut text);
    }
    Value::text(text)
}

/// The moment that a text means, in any form that .NET's `DateTime.Parse` reads and that names a whole date; without a
/// zone it is in UTC.
#[must_use]
pub fn moment(text: &str) -> Option<Timestamp> {
    let fields = guess(text)?;
    if fields.is_incomplete() {
        return None;
    }
    Offset::UTC.to_timestamp(fields.moment(Date::constant(1, 1, 1))?.at).ok()
}

/// The moment that a text stands for which [`value`] gave in place of one.
pub(crate) fn late(text: &str) -> Option<DateTime> {
    let is_late = text.starts_with("12/31/9999 ") || text.starts_with("12/30/9999 ");
    if is_late { guess(text)?.moment(Date::MAX).map(|moment| moment.at) } else { None }
}

/// A span of time that dates are moved and measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interval {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

impl Interval {
    /// The names that an interval can have, for errors.
    pub(crate) const NAMES: &'static str = "yyyy, m, ww, d, h, n or s";

    /// The interval of a name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "yyyy" => Self::Year,
            "m" => Self::Month,
            "ww" => Self::Week,
            "d" => Self::Day,
            "h" => Self::Hour,
            "n" => Self::Minute,
            "s" => Self::Second,
            _ => return None,
        })
    }

    const fn seconds(self) -> i64 {
        match self {
            Self::Week => 604_800,
            Self::Day => 86_400,
            Self::Hour => 3_600,
            Self::Minute => 60,
            _ => 1,
        }
    }

    /// A moment moved by so many intervals; None beyond the years 1 to 9999. A day that the month lacks becomes its
    /// last one.
    pub(crate) fn add(self, at: DateTime, count: i64) -> Option<DateTime> {
        let moved = match self {
            Self::Year | Self::Month => {
                let months = if self == Self::Year { count.checked_mul(12)? } else { count };
                at.checked_add(jiff::Span::new().try_months(months).ok()?).ok()?
            }
            _ => {
                let seconds = count.checked_mul(self.seconds())?;
                at.checked_add(SignedDuration::from_secs(seconds)).ok()?
            }
        };
        in_range(moved)
    }

    /// How many intervals lie between two moments, as Visual Basic counts them: elapsed time cut toward zero, except
    /// that years and months count calendar boundaries and weeks the time between the Sundays before.
    pub(crate) fn between(self, from: DateTime, to: DateTime) -> i64 {
        let years = i64::from(to.year()) - i64::from(from.year());
        let elapsed = to.duration_since(from);
        match self {
            Self::Year => years,
            Self::Month => years * 12 + i64::from(to.month()) - i64::from(from.month()),
            Self::Week => {
                let into_weeks = SignedDuration::from_secs(days_into_week(to) - days_into_week(from));
                (elapsed - into_weeks).as_secs() / self.seconds()
            }
            _ => elapsed.as_secs() / self.seconds(),
        }
    }
}

/// The seconds of the whole days since Sunday.
fn days_into_week(at: DateTime) -> i64 {
    i64::from(at.weekday().since(Weekday::Sunday)) * 86_400
}

/// What file times are counted from here; they begin in 1601, that many seconds before.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const SECONDS_SINCE_1601: i64 = 11_644_473_600;

/// File times count ticks of 100 nanoseconds.
const TICKS: i64 = 10_000_000;

/// The moment of a Windows file time; None before 1601 and after 9999.
pub(crate) fn from_file_time(ticks: i64) -> Option<DateTime> {
    let nanoseconds = i32::try_from(ticks % TICKS * 100).ok()?;
    let elapsed = SignedDuration::new(ticks / TICKS - SECONDS_SINCE_1601, nanoseconds);
    in_range(EPOCH.checked_add(elapsed).ok()?).filter(|_| ticks >= 0)
}

/// The Windows file time of a moment; None before 1601.
pub(crate) fn to_file_time(at: DateTime) -> Option<i64> {
    let elapsed = at.duration_since(EPOCH) + SignedDuration::from_secs(SECONDS_SINCE_1601);
    i64::try_from(elapsed.as_nanos() / 100).ok().filter(|_| !elapsed.is_negative())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    #[test]
    fn months_have_a_last_day() {
        let moved = Interval::Month.add(at("2024-01-31T10:00:00"), 1);
        assert_eq!(moved, Some(at("2024-02-29T10:00:00")));
        assert_eq!(Interval::Year.add(at("2024-02-29T00:00:00"), -1), Some(at("2023-02-28T00:00:00")));
    }

    #[test]
    fn dates_stay_in_the_years_that_can_be_written() {
        assert_eq!(Interval::Year.add(at("2024-01-01T00:00:00"), 8000), None);
        assert_eq!(Interval::Second.add(at("2024-01-01T00:00:00"), i64::MAX), None);
        assert_eq!(Interval::Month.add(at("2024-01-01T00:00:00"), i64::MIN), None);
        assert_eq!(from_file_time(i64::MAX), None);
        assert_eq!(from_file_time(-1), None);
        assert_eq!(to_file_time(at("1600-12-31T00:00:00")), None);
    }

    #[test]
    fn intervals_are_counted_as_visual_basic_does() {
        let (from, to) = (at("2021-12-31T23:59:59"), at("2022-01-01T00:00:00"));
        assert_eq!(Interval::Year.between(from, to), 1);
        assert_eq!(Interval::Month.between(to, from), -1);
        assert_eq!(Interval::Day.between(from, to), 0);
        assert_eq!(Interval::Minute.between(to, at("2021-12-31T23:58:01")), -1);
        // Saturday to Sunday is a week further on, Sunday to Saturday is not.
        assert_eq!(Interval::Week.between(at("2024-01-06T00:00:00"), at("2024-01-07T00:00:00")), 1);
        assert_eq!(Interval::Week.between(at("2024-01-07T00:00:00"), at("2024-01-13T00:00:00")), 0);
    }

    #[test]
    fn the_end_of_all_days_prints_as_any_other() {
        assert_eq!(value(at("9999-12-31T23:59:59")).to_string(), "12/31/9999 11:59:59 PM");
        assert_eq!(value(at("9999-12-30T21:00:00")).to_string(), "12/30/9999 9:00:00 PM");
    }

    #[test]
    fn file_times_go_there_and_back() {
        for text in ["1601-01-01T00:00:00", "2012-01-01T23:00:00.1234567", "9999-12-31T23:59:59"] {
            let ticks = to_file_time(at(text)).unwrap();
            assert_eq!(from_file_time(ticks), Some(at(text)));
        }
    }
}
