//! Places in a list, and where a page ends.

use connector::{ConnectorError, Cursor, ErrorClass, Result};
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
    /// The service's own cursor.
    Cursor(String),
}

impl Place {
    /// The place that a cursor of [`Self::after`] names; the beginning without one.
    pub(crate) fn read(cursor: Option<&Cursor>, by_cursor: bool) -> Result<Self> {
        let Some(Cursor(text)) = cursor else {
            return Ok(if by_cursor {
                Self::Cursor(String::new())
            } else {
                Self::Index { start: 1, before: None, beyond: false }
            });
        };
        let index = |rest: &str, beyond| {
            let (start, before) = rest.split_once(':')?;
            Some(Self::Index { start: start.parse().ok()?, before: Some(before.to_owned()), beyond })
        };
        let place = match text.split_once(':') {
            Some(("cursor", text)) => Some(Self::Cursor(text.to_owned())),
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
            Self::Cursor(_) => String::new(),
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
    pub(crate) fn after(
        &self,
        page: &mut ListResponse,
        count: u64,
        answer: &Answer,
    ) -> Result<Option<Cursor>> {
        let (start, before, beyond) = match self {
            Self::Index { start, before, beyond } => (*start, before, *beyond),
            Self::Cursor(text) => return cursor_after(text, page, answer),
        };
        let first = page.resources.first().and_then(id_of);
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
        let is_doubtful = shown >= count && (total == shown || total + 1 < next);
        Ok(match first {
            Some(first) if next <= total => Some(Cursor(format!("index:{next}:{first}"))),
            Some(first) if is_doubtful => Some(Cursor(format!("beyond:{next}:{first}"))),
            _ => None,
        })
    }
}

/// The service's next cursor. One that leads back to where it was given would never end.
fn cursor_after(text: &str, page: &ListResponse, answer: &Answer) -> Result<Option<Cursor>> {
    match page.next_cursor.as_deref().filter(|next| !next.is_empty()) {
        Some(next) if next == text => {
            let expected =
                "where another nextCursor than the one before was expected: the target does not page";
            Err(answer.incompatible(expected))
        }
        Some(next) => Ok(Some(Cursor(format!("cursor:{next}")))),
        None => Ok(None),
    }
}
