//! Taking values that may not be shown out of what the target says.
//!
//! A target repeats what it was sent in many spellings: in other case, within JSON or a JSON text in JSON, in an
//! address, in markup, in base64 of it or of a whole request. Each of them is looked for, and so is the beginning of a
//! value where the words were cut short behind it.

mod encoded;

use std::fmt;

use model::provisioning::REDACTED;
use model::spelling::{fold, replaced};
use model::{Failure, Value};

use crate::facts::Need;
use crate::program::Mapping;

impl Mapping {
    /// Words of the target about a question, without the value that was asked for where that may not be shown.
    #[must_use]
    pub fn conceal(&self, need: &Need, words: &str) -> String {
        match need {
            Need::Find { attribute, value, .. } | Need::Vacant { attribute, value, .. } => {
                let redacted = self.flows.iter().any(|flow| flow.attribute == *attribute && flow.redacted);
                without(words, redacted.then_some(value))
            }
            Need::Read(_) | Need::Owner(_) | Need::Claim(_) => words.to_owned(),
        }
    }
}

/// Values that may not be shown, of an object that is decided about: those that its mappings give, and those that the
/// target has in their place. What a target says of a request may repeat any of them, sent this time or not.
#[derive(Clone, Default, PartialEq)]
pub struct Hidden(Vec<Value>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hidden({})", self.0.len())
    }
}

impl Hidden {
    pub(crate) fn add(&mut self, value: &Value) {
        if !value.is_null_or_empty() && !self.0.contains(value) {
            self.0.push(value.clone());
        }
    }

    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// A failure without the values.
    pub(crate) fn conceal(&self, failure: Failure) -> Failure {
        Failure { detail: without(&failure.detail, &self.0), ..failure }
    }
}

fn without<'v>(words: &str, values: impl IntoIterator<Item = &'v Value>) -> String {
    let values = values.into_iter().flat_map(Value::values);
    // What surrounds a value is often trimmed and what is between its words pressed together; both give nothing away.
    let mut wanted: Vec<Vec<char>> = values
        .map(ToString::to_string)
        .flat_map(|text| [fold(text.trim()), fold(&pressed(&text))])
        .filter(|wanted| !wanted.is_empty())
        .collect();
    // Longer ones first: one value may be a part of another.
    wanted.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    wanted.dedup();
    let plain = wanted.iter().fold(words.to_owned(), |words, wanted| replaced(&words, wanted, REDACTED));
    encoded::conceal(plain, &wanted)
}

/// A text with one blank between its words, as targets' words are quoted.
fn pressed(text: &str) -> String {
    text.split(|one: char| one.is_whitespace() || one.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_concealed_in_every_spelling() {
        let secret = Value::list(["Top \"1\"".into(), 42.into()]);
        let words = "400: {\"detail\": \"top \\\"1\\\" is no answer to 42, nor is Top \"1\"\"}";
        let shown = "400: {\"detail\": \"[Redact] is no answer to [Redact], nor is [Redact]\"}";
        assert_eq!(without(words, [&secret]), shown);
        assert_eq!(without("nothing", [&Value::Null, &"".into()]), "nothing");
    }

    #[test]
    fn a_value_is_known_in_every_form_that_a_target_gives_it() {
        let secret = Value::from("Zoë/\"O'Hara\" & <Söhne>+1");
        for form in [
            "Zoë/\"O'Hara\" & <Söhne>+1",
            // Case.
            "ZOË/\"O'HARA\" & <SÖHNE>+1",
            // JSON, as plainly or as carefully as there is, and JSON in JSON.
            "Zoë/\\\"O'Hara\\\" & <Söhne>+1",
            "Zo\\u00eb\\/\\\"O\\u0027Hara\\\" \\u0026 \\u003CS\\u00F6hne\\u003E\\u002B1",
            "Zo\\\\u00eb/\\\\\\\"O'Hara\\\\\\\" & <S\\\\u00f6hne>+1",
            // Addresses, and forms.
            "Zo%C3%AB%2F%22O%27Hara%22%20%26%20%3CS%c3%b6hne%3e%2B1",
            "Zo%C3%AB/%22O'Hara%22+%26+%3CS%C3%B6hne%3E%2B1",
            "Zo%25C3%25AB%252F%2522O%2527Hara%2522%2520%2526%2520%253CS%25C3%25B6hne%253E%252B1",
            // Markup.
            "Zo&#235;/&quot;O&#39;Hara&quot; &amp; &lt;S&#xF6;hne&gt;+1",
            "Zoë/&#34;O&apos;Hara&#34; &#38; &lt;S&#246;hne&gt;+1",
            // Base64, in both alphabets.
            "Wm/Dqy8iTydIYXJhIiAmIDxTw7ZobmU+KzE",
            "Wm_Dqy8iTydIYXJhIiAmIDxTw7ZobmU-KzE",
        ] {
            assert_eq!(without(&format!("no: '{form}'!"), [&secret]), "no: '[Redact]'!", "{form}");
        }
        // Case where one letter has another length in it, and pairs of UTF-16.
        assert_eq!(without("STRASSE 5 or straße 5", [&"Straße 5".into()]), "[Redact] or [Redact]");
        assert_eq!(without("is \\uD83D\\uDE00x, %F0%9F%98%80x", [&"😀x".into()]), "is [Redact], [Redact]");
    }

    #[test]
    fn what_only_looks_alike_stays() {
        let secret = Value::from("a%b\\c");
        for words in ["a%bc", "%", "a%b\\", "\\u00e", "a%2", "&#x;", "&;", "%C3", "a\\u0025", "é%c3%28", "%2"]
        {
            assert_eq!(without(words, [&secret]), words, "{words}");
        }
        assert_eq!(without("a%b\\c, a%25b%5Cc, a%b\\\\c", [&secret]), "[Redact], [Redact], [Redact]");
        // What a cut leaves of a value.
        let cut = Value::from("Mi6 \"agent\"");
        assert_eq!(without("\"no: mi6 \\\"ag…\"", [&cut]), "\"no: [Redact]…\"");
        assert_eq!(without("no: Mi6%20%2…", [&cut]), "no: [Redact]%2…");
        assert_eq!(without("no: M…", [&cut]), "no: M…", "one letter is no beginning of a value");
        // What is between words is pressed together.
        let broken = Value::from(" Room 7\r\n\tEast ");
        assert_eq!(without("no Room 7 East here", [&broken]), "no [Redact] here");
        // A short value is not looked for in base64.
        assert_eq!(without("YWI", [&"ab".into()]), "YWI");
        // Of two values the longer goes first.
        let both = Value::list(["ab".into(), "abc".into()]);
        assert_eq!(without("xabcx ab", [&both]), "x[Redact]x [Redact]");
    }

    #[test]
    fn long_answers_are_gone_through_in_no_time() {
        let words = "\\".repeat(5_000) + &"%25".repeat(5_000) + &"a".repeat(5_000);
        let secret = Value::from("a".repeat(1_000) + "b");
        let begin = std::time::Instant::now();
        assert_eq!(without(&words, [&secret]), words);
        assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
    }
}
