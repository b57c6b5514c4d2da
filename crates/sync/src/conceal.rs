//! Taking values that may not be shown out of what the target says.

use model::change::ChangeSet;
use model::provisioning::REDACTED;
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

/// A failure of an export, without the values of it that may not be shown.
pub(crate) fn conceal(failure: Failure, changes: Option<&ChangeSet>) -> Failure {
    let changes = changes.map_or(&[][..], |changes| &changes.changes);
    let redacted = changes.iter().filter(|change| change.redacted);
    let detail = without(&failure.detail, redacted.flat_map(|change| [&change.old, &change.new]));
    Failure { detail, ..failure }
}

fn without<'v>(words: &str, values: impl IntoIterator<Item = &'v Value>) -> String {
    let mut words = words.to_owned();
    for value in values.into_iter().flat_map(Value::values) {
        let text = value.to_string();
        // As it is written in JSON, which is how most targets quote it.
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        for form in [&text, &escaped] {
            words = replaced(&words, form);
        }
    }
    words
}

/// A text with every occurrence of a value concealed, in whatever case the target repeated it.
fn replaced(words: &str, value: &str) -> String {
    if value.is_empty() {
        return words.to_owned();
    }
    let (lower, wanted) = (words.to_ascii_lowercase(), value.to_ascii_lowercase());
    let mut shown = String::with_capacity(words.len());
    let mut from = 0;
    for (at, _) in lower.match_indices(&wanted) {
        shown.push_str(words.get(from..at).unwrap_or_default());
        shown.push_str(REDACTED);
        from = at + wanted.len();
    }
    shown.push_str(words.get(from..).unwrap_or_default());
    shown
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
}
