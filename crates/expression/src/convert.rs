//! How values are read as other types.

use crate::parser::integer_literal;

/// The whole number that a text is, spaces around it aside: `-12`, `+12` or `&HF`.
pub(crate) fn integer(text: &str) -> Option<i64> {
    integer_literal(text.trim())
}

/// The truth that a text means: `True` and `False` in any case, and numbers, of which only zero is false.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else if let Some(number) = integer_literal(text) {
        Some(number != 0)
    } else {
        decimal(text).map(|number| number != 0.0)
    }
}

/// The number that a text looks like: a sign, digits and a fraction, nothing else.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits(whole) && all_digits(fraction) { text.parse().ok() } else { None }
}

/// The beginning of a text, for errors.
pub(crate) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 60;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_a_number_is_one() {
        assert_eq!(decimal("-1.5"), Some(-1.5));
        assert_eq!(decimal("007"), Some(7.0));
        for text in ["", "-", "1.", ".5", "1e3", "inf", "NaN", " 1", "1,5"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn truth_is_a_word_or_a_number() {
        assert_eq!(boolean("TRUE"), Some(true));
        assert_eq!(boolean(" 0.0 "), Some(false));
        assert_eq!(boolean("-3"), Some(true));
        assert_eq!(boolean("yes"), None);
    }
}
