//! What no error may show: tokens, passwords, and keys in the address.

use std::fmt;
use std::sync::Arc;

use model::spelling::{fold, replaced};

/// Texts that are hidden wherever the service repeats them, in whatever spelling.
#[derive(Clone, Default)]
pub(crate) struct Hidden(Arc<[Vec<char>]>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hidden({})", self.0.len())
    }
}

impl Hidden {
    pub(crate) fn new(texts: impl IntoIterator<Item = String>) -> Self {
        Self::of(texts.into_iter().map(|text| fold(&text)).collect())
    }

    fn of(mut folded: Vec<Vec<char>>) -> Self {
        folded.retain(|one| !one.is_empty());
        // Longer ones first: one may be a part of another.
        folded.sort_by_key(|one| std::cmp::Reverse(one.len()));
        Self(folded.into())
    }

    /// These and others.
    pub(crate) fn and(&self, more: &Self) -> Self {
        Self::of(self.0.iter().chain(&*more.0).cloned().collect())
    }

    /// Words without the secrets.
    pub(crate) fn conceal(&self, words: &str) -> String {
        self.0.iter().fold(words.to_owned(), |words, secret| replaced(&words, secret, "…"))
    }
}
