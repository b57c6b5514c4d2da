//! Values within base64: of the value alone, or of a request that has it.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::provisioning::REDACTED;
use model::spelling::{CUT, length_of};

/// Values of fewer characters are not looked for here, where short texts mean anything.
const SHORTEST: usize = 4;
/// Octets that become one stretch of base64.
const STRETCH: usize = 4;

/// Takes out every run of base64 that has one of the folded texts in it, whole: half of a run gives away what was at
/// its edges.
pub(super) fn conceal(words: String, wanted: &[Vec<char>]) -> String {
    let wanted: Vec<&Vec<char>> = wanted.iter().filter(|one| one.len() >= SHORTEST).collect();
    if wanted.is_empty() {
        return words;
    }
    let mut shown = String::with_capacity(words.len());
    let mut rest = words.as_str();
    while !rest.is_empty() {
        let run = rest.find(|one| !is_base64(one)).unwrap_or(rest.len());
        let (run, behind) = rest.split_at(run);
        if holds(run, behind.starts_with(CUT), &wanted) {
            shown.push_str(REDACTED);
        } else {
            shown.push_str(run);
        }
        // What parts two runs: at least one character, since the run before it ended here.
        let next = behind.find(is_base64).unwrap_or(behind.len());
        let (between, after) = behind.split_at(next);
        shown.push_str(between);
        rest = after;
    }
    shown
}

fn is_base64(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '+' | '/' | '-' | '_')
}

/// Whether a run has one of the texts in it, wherever the base64 begins in it: a path may stand before.
fn holds(run: &str, is_cut: bool, wanted: &[&Vec<char>]) -> bool {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    let engine = GeneralPurpose::new(&STANDARD, lenient);
    let standard: String = run
        .chars()
        .map(|one| match one {
            '-' => '+',
            '_' => '/',
            one => one,
        })
        .collect();
    (0..STRETCH).any(|skipped| {
        let Some(begun) = standard.get(skipped..).filter(|begun| begun.len() >= STRETCH) else {
            return false;
        };
        // One sign alone in the last stretch is not an octet yet.
        let whole = if begun.len() % STRETCH == 1 { begun.len() - 1 } else { begun.len() };
        let Ok(octets) = engine.decode(begun.get(..whole).unwrap_or_default()) else { return false };
        let text = String::from_utf8_lossy(&octets);
        let mut text = text.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned();
        if is_cut {
            text.push(CUT);
        }
        let starts = || text.char_indices().filter_map(|(at, _)| text.get(at..));
        starts().any(|rest| {
            wanted.iter().any(|one| length_of(rest, one).is_some_and(|length| length >= SHORTEST))
        })
    })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::*;

    fn concealed(words: &str) -> String {
        conceal(words.to_owned(), &["zoë/<7>".chars().collect()])
    }

    #[test]
    fn runs_are_taken_out_whole() {
        for body in ["Zoë/<7>", "{\"title\":\"zo\u{eb}/<7>\"}", "x Zo\\u00eb/<7> and more", "xx ZOË/<7>"] {
            let (padded, plain) = (STANDARD.encode(body), URL_SAFE_NO_PAD.encode(body));
            assert!(!concealed(&format!("got {padded}!")).contains(padded.trim_end_matches('=')), "{body}");
            assert_eq!(concealed(&format!("got \"{plain}\".")), "got \"[Redact]\".");
        }
        let path = format!("/Users/{} is no id", URL_SAFE_NO_PAD.encode("Zoë/<7>"));
        assert_eq!(concealed(&path), "[Redact] is no id");
    }

    #[test]
    fn a_run_that_was_cut_is_taken_out_too() {
        let body = URL_SAFE_NO_PAD.encode("{\"userName\":\"zoe\",\"title\":\"Zoë/<7>\"}");
        // From where two letters of the value and half of the third are there.
        for length in 42..=body.len() {
            let words = format!("got {}…", &body[..length]);
            assert_eq!(concealed(&words), "got [Redact]…", "{length}");
        }
    }

    #[test]
    fn other_runs_stay() {
        let other = URL_SAFE_NO_PAD.encode("{\"title\":\"Zoe\"}");
        for words in ["", "+", "plain words, and 4 more/_-", other.as_str(), "A…", "ABCDE", "Grüße…"] {
            assert_eq!(concealed(words), words);
        }
    }
}
