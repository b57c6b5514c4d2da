//! Reading a date whose format is not given, as .NET's `DateTime.Parse` does: ISO 8601, `M/d/yyyy`, and dates with the
//! name of the month, each with an optional time and an optional zone.

use super::{Fields, full_year, month_of_name, weekday_of_name};

/// The longest text that can be a date.
const LONGEST: usize = 100;

/// The parts of a date; None where the text is none.
pub(crate) fn guess(text: &str) -> Option<Fields> {
    let text = text.trim();
    if text.is_empty() || text.len() > LONGEST {
        return None;
    }
    let mut guess = Guess { rest: text, fields: Fields::default(), numbers: Vec::new() };
    while !guess.rest.is_empty() {
        guess.part()?;
    }
    guess.date()?;
    Some(guess.fields)
}

struct Guess<'t> {
    rest: &'t str,
    fields: Fields,
    /// The numbers of the date, with their digits, in the order of the text.
    numbers: Vec<(i32, usize)>,
}

impl<'t> Guess<'t> {
    fn part(&mut self) -> Option<()> {
        let first = self.rest.chars().next()?;
        match first {
            '0'..='9' => self.number(),
            '+' | '-' if self.is_date_complete() || self.fields.hour.is_some() => self.offset(),
            ',' if !self.numbers.is_empty() || self.fields.weekday.is_some() => self.skip(1),
            _ if first.is_whitespace() => self.skip(first.len_utf8()),
            _ if first.is_ascii_alphabetic() => {
                let word = self.word();
                self.named(word)
            }
            _ => None,
        }
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    fn is_date_complete(&self) -> bool {
        self.numbers.len() + usize::from(self.fields.month.is_some()) >= 3
    }

    fn digits(&mut self) -> Option<(i32, usize)> {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some((digits.parse().ok()?, count))
    }

    fn word(&mut self) -> &'t str {
        let end = self.rest.find(|next: char| !next.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        word
    }

    /// A number of the date with the separator behind it, or an hour with the rest of the time.
    fn number(&mut self) -> Option<()> {
        let (number, digits) = self.digits()?;
        if self.rest.starts_with(':') {
            return self.time(number, digits);
        }
        if let Some(afternoon) = self.half() {
            if self.fields.hour.is_some() || digits > 2 {
                return None;
            }
            self.fields.hour = Some(number);
            self.fields.afternoon = Some(afternoon);
            return (number > 0).then_some(());
        }
        if self.is_date_complete() {
            return None;
        }
        self.numbers.push((number, digits));
        let goes_on = |next: char| next.is_ascii_alphanumeric();
        if !self.is_date_complete()
            && self.rest.starts_with(['-', '/', '.'])
            && self.rest.get(1..).is_some_and(|rest| rest.starts_with(goes_on))
        {
            return self.skip(1);
        }
        Some(())
    }

    fn time(&mut self, hour: i32, digits: usize) -> Option<()> {
        if self.fields.hour.is_some() || digits > 2 {
            return None;
        }
        self.fields.hour = Some(hour);
        self.skip(1)?;
        self.fields.minute = Some(self.two_digits()?);
        if self.rest.starts_with(':') {
            self.skip(1)?;
            self.fields.second = Some(self.two_digits()?);
            if self.rest.starts_with(['.', ',']) {
                self.skip(1)?;
                let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
                let (fraction, rest) = self.rest.split_at_checked(count)?;
                self.rest = rest;
                let padded = format!("{fraction:0<9}");
                self.fields.nanosecond = Some(padded.get(..9)?.parse().ok()?);
            }
        }
        self.fields.afternoon = self.half();
        if self.fields.afternoon.is_some() && hour == 0 { None } else { Some(()) }
    }

    fn two_digits(&mut self) -> Option<i32> {
        let (number, digits) = self.digits()?;
        (digits <= 2).then_some(number)
    }

    /// `AM` or `PM`, if that comes next.
    fn half(&mut self) -> Option<bool> {
        let rest = self.rest.trim_start();
        let word = rest.get(..2)?;
        if rest.get(2..)?.starts_with(|next: char| next.is_ascii_alphabetic()) {
            return None;
        }
        let afternoon = if word.eq_ignore_ascii_case("AM") {
            false
        } else if word.eq_ignore_ascii_case("PM") {
            true
        } else {
            return None;
        };
        self.rest = rest.get(2..)?;
        Some(afternoon)
    }

    fn named(&mut self, word: &str) -> Option<()> {
        if word.eq_ignore_ascii_case("T") && self.numbers.len() >= 3 && self.fields.hour.is_none() {
            return self.rest.starts_with(|next: char| next.is_ascii_digit()).then_some(());
        }
        if ["Z", "GMT", "UTC"].iter().any(|zone| word.eq_ignore_ascii_case(zone)) {
            return self.fields.offset.replace(0).is_none().then_some(());
        }
        if let Some(month) = month_of_name(word) {
            if self.rest.starts_with(['-', '/', '.']) {
                self.skip(1)?;
            }
            return self.fields.month.replace(month).is_none().then_some(());
        }
        let weekday = weekday_of_name(word)?;
        self.fields.weekday.replace(weekday).is_none().then_some(())
    }

    fn offset(&mut self) -> Option<()> {
        let sign = if self.rest.starts_with('-') { -1 } else { 1 };
        self.skip(1)?;
        let (mut hours, digits) = self.digits()?;
        let mut minutes = 0;
        if self.rest.starts_with(':') {
            self.skip(1)?;
            minutes = self.two_digits()?;
        } else if digits == 4 {
            minutes = hours % 100;
            hours /= 100;
        }
        let is_valid = matches!(digits, 1 | 2 | 4) && hours <= 14 && minutes <= 59;
        let offset = sign * (hours * 3600 + minutes * 60);
        (is_valid && self.fields.offset.replace(offset).is_none()).then_some(())
    }

    /// Tells which number is the year, which the month and which the day.
    fn date(&mut self) -> Option<()> {
        let is_year = |number: (i32, usize)| number.1 >= 3;
        let fields = &mut self.fields;
        let (year, month, day) = match (self.numbers.as_slice(), fields.month) {
            ([], None) => return fields.hour.is_some().then_some(()),
            ([one], Some(month)) if is_year(*one) => (Some(*one), month, 1),
            ([one], Some(month)) => (None, month, one.0),
            ([year, day], Some(month)) if is_year(*year) => (Some(*year), month, day.0),
            ([day, year], Some(month)) => (Some(*year), month, day.0),
            ([year, month], None) if is_year(*year) => (Some(*year), month.0, 1),
            ([month, year], None) if is_year(*year) => (Some(*year), month.0, 1),
            ([month, day], None) => (None, month.0, day.0),
            ([year, month, day], None) if is_year(*year) => (Some(*year), month.0, day.0),
            ([month, day, year], None) => (Some(*year), month.0, day.0),
            _ => return None,
        };
        fields.year = match year {
            Some((year, 1..=2)) => Some(full_year(year)),
            Some((year, 3..=4)) => Some(year),
            Some(_) => return None,
            None => None,
        };
        fields.month = Some(month);
        fields.day = Some(day);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Option<String> {
        let today = jiff::civil::date(2021, 7, 2);
        Some(guess(text)?.moment(today)?.at.to_string())
    }

    #[test]
    fn the_usual_forms_are_read() {
        for (text, expected) in [
            ("2020-03-16", "2020-03-16T00:00:00"),
            ("2020-03-16-07:00", "2020-03-16T07:00:00"),
            ("2020-03-16Z", "2020-03-16T00:00:00"),
            ("2009-06-15T01:45:30.25-0700", "2009-06-15T08:45:30.25"),
            ("2009-06-15 01:45 +02", "2009-06-14T23:45:00"),
            ("8/25/2021 5:41:18 PM", "2021-08-25T17:41:18"),
            ("8/5/21", "2021-08-05T00:00:00"),
            ("12/31/99 12:00 AM", "1999-12-31T00:00:00"),
            ("March 16, 2012", "2012-03-16T00:00:00"),
            ("16-Mar-2012 7 pm", "2012-03-16T19:00:00"),
            ("Fri, 16 Mar 2012 10:00:00 GMT", "2012-03-16T10:00:00"),
            ("2012/3/6", "2012-03-06T00:00:00"),
            ("2012-03", "2012-03-01T00:00:00"),
            ("March 2012", "2012-03-01T00:00:00"),
            ("3/16", "2021-03-16T00:00:00"),
            ("10:30", "2021-07-02T10:30:00"),
        ] {
            assert_eq!(moment(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "not a date",
            "20150123",
            "2020-13-01",
            "2020-02-30",
            "31/12/2020",
            "2020-03-16T",
            "2020-03-16 25:00",
            "2020-03-16 10:00 PM AM",
            "2020-03-16+15:00",
            "Mon, 16 Mar 2012",
            "1-2-3-4-5-6",
            "99999-01-01",
            "2020-03-16 13:00 PM",
            "–",
            "16 März 2012",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
