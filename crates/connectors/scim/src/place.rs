//! Places in a list, and where a page ends.

use connector::{ConnectorError, Cursor, ErrorClass, Result};
use model::FailureCode;
use scim::message::ListResponse;

use crate::answer::{Answer, id_of};

/// A place in a list.
pub(crate) enum Place {
    /// By number.
    Index {
        /// The next resource's place, from 1.
        start: u64,
        /// The id with which the page before began.
        before: Option<String>,
        /// True past the end that the service told, where what it told may be wrong.
        beyond: bool,
    },
    /// By the service's own cursor.
    Cursor {
        /// The cursor; empty at the beginning.
        text: String,
        /// Resources that the pages before showed.
        shown: u64,
        /// Resources in all, as few as any of those pages told: what comes while a list is read need not be in it.
        told: u64,
    },
}

impl Place {
    /// The place that a cursor of [`Self::after`] names; the beginning without one.
    pub(crate) fn read(cursor: Option<&Cursor>, by_cursor: bool) -> Result<Self> {
        let Some(Cursor(text)) = cursor else {
            return Ok(if by_cursor {
                Self::Cursor { text: String::new(), shown: 0, told: u64::MAX }
            } else {
                Self::Index { start: 1, before: None, beyond: false }
            });
        };
        let index = |rest: &str, beyond| {
            let (start, before) = rest.split_once(':')?;
            Some(Self::Index { start: start.parse().ok()?, before: Some(before.to_owned()), beyond })
        };
        let cursor = |rest: &str| {
            let (shown, rest) = rest.split_once(':')?;
            let (told, text) = rest.split_once(':')?;
            Some(Self::Cursor { text: text.to_owned(), shown: shown.parse().ok()?, told: told.parse().ok()? })
        };
        let place = match text.split_once(':') {
            Some(("cursor", rest)) => cursor(rest),
            Some(("index", rest)) => index(rest, false),
            Some(("beyond", rest)) => index(rest, true),
            _ => None,
        };
        place.ok_or_else(|| {
            ConnectorError::new(
                ErrorClass::CursorRefused,
                format!("\"{text}\" is no place in a list of this target"),
            )
        })
    }

    /// The number of the place; empty in paging by cursor.
    pub(crate) fn start(&self) -> String {
        match self {
            Self::Index { start, .. } => start.to_string(),
            Self::Cursor { .. } => String::new(),
        }
    }

    /// True past the end that the service told.
    pub(crate) fn is_beyond(&self) -> bool {
        matches!(self, Self::Index { beyond: true, .. })
    }

    /// Where the next page begins; none after the last.
    ///
    /// A page that begins with the resource with which the page before began comes from a service that ignores paging.
    /// Some services tell the size of the page as that of the list: where a full page ends where the list does, or the
    /// list is shorter than what was seen of it, one page more is asked for, and what it repeats is left out.
    ///
    /// A list that ends before it showed as many resources as the service counts is no list of them all. What its last
    /// page counts holds, since resources may go while it is read.
    pub(crate) fn after(
        &self,
        page: &mut ListResponse,
        count: u64,
        answer: &Answer,
    ) -> Result<Option<Cursor>> {
        let (start, before, beyond) = match self {
            Self::Index { start, before, beyond } => (*start, before, *beyond),
            Self::Cursor { text, shown, told } => return cursor_after(text, *shown, *told, page, answer),
        };
        let first = page.resources.first().map(|first| id_of(first).unwrap_or_default());
        let elsewhere = page.start_index.is_some_and(|shown| shown != start) && !page.resources.is_empty();
        if before.is_some() && (elsewhere || first == *before) {
            if beyond {
                page.resources.clear();
                return Ok(None);
            }
            let expected = format!("where a page from place {start} was expected: the target does not page");
            return Err(answer.incompatible(&expected));
        }
        let shown = page.resources.len() as u64;
        let (next, total) = (start + shown, page.total_results);
        if shown == 0 && start <= total {
            return Err(ended_early(start.saturating_sub(1), total, answer));
        }
        let is_doubtful = shown >= count && (total == shown || total + 1 < next);
        Ok(match first {
            Some(first) if next <= total => Some(Cursor(format!("index:{next}:{first}"))),
            Some(first) if is_doubtful => Some(Cursor(format!("beyond:{next}:{first}"))),
            _ => None,
        })
    }
}

/// The service's next cursor. One that leads back to where it was given would never end.
fn cursor_after(
    text: &str,
    shown: u64,
    told: u64,
    page: &ListResponse,
    answer: &Answer,
) -> Result<Option<Cursor>> {
    let (shown, told) = (shown + page.resources.len() as u64, told.min(page.total_results));
    match page.next_cursor.as_deref().filter(|next| !next.is_empty()) {
        Some(next) if next == text => {
            let expected =
                "where another nextCursor than the one before was expected: the target does not page";
            Err(answer.incompatible(expected))
        }
        Some(next) => Ok(Some(Cursor(format!("cursor:{shown}:{told}:{next}")))),
        None if shown < told => Err(ended_early(shown, told, answer)),
        None => Ok(None),
    }
}

/// The end of a list before all of it was shown. The page may be whole when it is asked for again.
fn ended_early(shown: u64, told: u64, answer: &Answer) -> ConnectorError {
    let detail = format!(
        "{} ended the list after {shown} of the {told} resources that totalResults tells of; if the target never shows \
         as many as it counts, set Target.Listing to false and match by an attribute that it can filter by",
        answer.asked()
    );
    ConnectorError::new(ErrorClass::Retry { after: None }, detail).code(FailureCode::ServiceIncompatible)
}
