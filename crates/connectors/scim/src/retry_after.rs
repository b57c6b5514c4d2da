//! The header `Retry-After` (RFC 9110 §10.2.3).

use std::time::Duration;

use model::Timestamp;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// The longest wait that is believed.
const LONGEST: Duration = Duration::from_hours(24);

/// How long the service asks to wait: a number of seconds, or a moment, which is compared with the service's own clock
/// where the answer tells it.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = text.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let until = http_date(text)?;
        until.duration_since(moment(headers, DATE).unwrap_or(now)).try_into().unwrap_or(Duration::ZERO)
    };
    Some(wait.min(LONGEST))
}

fn moment(headers: &HeaderMap, name: HeaderName) -> Option<Timestamp> {
    http_date(headers.get(name)?.to_str().ok()?)
}

/// A moment in one of the three forms that a recipient has to take (RFC 9110 §5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_understood() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for (text, date, expected) in [
            ("120", None, Some(120)),
            (" 0 ", None, Some(0)),
            ("99999999999", None, Some(86_400)),
            ("Sun, 01 Mar 2026 12:00:30 GMT", None, Some(30)),
            ("Sun, 01 Mar 2026 11:00:00 GMT", None, Some(0)),
            ("Sun, 01 Mar 2026 12:00:30 GMT", Some("Sun, 01 Mar 2026 12:00:20 GMT"), Some(10)),
            ("Sunday, 01-Mar-26 12:00:30 GMT", None, Some(30)),
            ("Sun Mar  1 12:00:30 2026", None, Some(30)),
            ("soon", None, None),
            ("-5", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            assert_eq!(retry_after(&headers, now), expected.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
