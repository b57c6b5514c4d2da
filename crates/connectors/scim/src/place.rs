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
        /// Resources in all, as the page before told or one before that.
        told: Option<u64>,
        /// The id with which the page before began.
        before: Option<String>,
    },
    /// By the service's own cursor.
    Cursor {
        /// The cursor; empty at the beginning.
        text: String,
        /// Resources that the pages before showed.
        shown: u64,
        /// Resources in all, as few as any of those pages told: what comes while a list is read need not be in it.
        told: Option<u64>,
    },
}

impl Place {
    /// The place that a cursor of [`Self::after`] names; the beginning without one.
    pub(crate) fn read(cursor: Option<&Cursor>, by_cursor: bool) -> Result<Self> {
        let Some(Cursor(text)) = cursor else {
            return Ok(if by_cursor {
                Self::Cursor { text: String::new(), shown: 0, told: None }
            } else {
                Self::Index { start: 1, told: None, before: None }
            });
        };
        Self::parse(text).ok_or_else(|| {
            ConnectorError::new(
                ErrorClass::CursorRefused,
                format!("\"{text}\" is no place in a list of this target"),
            )
        })
    }

    /// A place as [`written`] writes it.
    fn parse(text: &str) -> Option<Self> {
        let (way, rest) = text.split_once(':')?;
        let (number, rest) = rest.split_once(':')?;
        let (told, text) = rest.split_once(':')?;
        let (number, text) = (number.parse().ok()?, text.to_owned());
        let told = if told.is_empty() { None } else { Some(told.parse().ok()?) };
        match way {
            "index" => Some(Self::Index { start: number, told, before: Some(text) }),
            "cursor" => Some(Self::Cursor { text, shown: number, told }),
            _ => None,
        }
    }

    /// The number of the place; empty in paging by cursor.
    pub(crate) fn start(&self) -> String {
        match self {
            Self::Index { start, .. } => start.to_string(),
            Self::Cursor { .. } => String::new(),
        }
    }

    /// True past the end that the service told, where what it told may be wrong.
    pub(crate) fn is_beyond(&self) -> bool {
        matches!(self, Self::Index { start, told: Some(told), .. } if start > told)
    }

    /// Where the next page begins; none after the last.
    ///
    /// A page that begins with the resource with which the page before began comes from a service that ignores paging.
    /// Some services tell the size of the page as that of the list: where a full page ends where the list does, or the
    /// list is shorter than what was seen of it, one page more is asked for, and what it repeats is left out.
    ///
    /// A list that ends before it showed as many resources as the service counts is no list of them all. What its last
    /// page counts holds, since resources may go while it is read.
    ///
    /// Where nothing is counted, by index, the list ends with a page that shows nothing, or nothing new. A page that is
    /// repeated and as long as was asked for is no end: it need not be all.
    pub(crate) fn after(
        &self,
        page: &mut ListResponse,
        count: u64,
        answer: &Answer,
    ) -> Result<Option<Cursor>> {
        let (start, told, before) = match self {
            Self::Index { start, told, before } => (*start, *told, before),
            Self::Cursor { text, shown, told } => return cursor_after(text, *shown, *told, page, answer),
        };
        let total = page.total_results.or(told);
        if total.is_none() && page.next().is_some() {
            // It pages by cursor though it does not say so.
            return cursor_after("", start.saturating_sub(1), None, page, answer);
        }
        let shown = page.resources.len() as u64;
        let first = page.resources.first().map(|first| id_of(first).unwrap_or_default());
        let elsewhere = page.start_index.is_some_and(|shown| shown != start) && !page.resources.is_empty();
        if before.is_some() && (elsewhere || first == *before) {
            let is_end = total.is_none() && first == *before && shown != count;
            if self.is_beyond() || is_end {
                page.resources.clear();
                return Ok(None);
            }
            let expected = format!("where a page from place {start} was expected: the target does not page");
            return Err(answer.incompatible(&expected));
        }
        let Some(first) = first else {
            return match total {
                Some(total) if start <= total => Err(ended_early(start.saturating_sub(1), total, answer)),
                _ => Ok(None),
            };
        };
        let next = start + shown;
        let goes_on = total.is_none_or(|total| {
            let is_doubtful = shown >= count && (total == shown || total + 1 < next);
            next <= total || is_doubtful
        });
        Ok(goes_on.then(|| written("index", next, total, &first)))
    }
}

/// A place as a cursor: by which way it is found, its number there, what was told of the total, and its text.
fn written(way: &str, number: u64, told: Option<u64>, text: &str) -> Cursor {
    let told = told.map(|told| told.to_string()).unwrap_or_default();
    Cursor(format!("{way}:{number}:{told}:{text}"))
}

/// The service's next cursor. One that leads back to where it was given would never end.
fn cursor_after(
    text: &str,
    shown: u64,
    told: Option<u64>,
    page: &ListResponse,
    answer: &Answer,
) -> Result<Option<Cursor>> {
    let shown = shown + page.resources.len() as u64;
    let told = told.into_iter().chain(page.total_results).min();
    match page.next() {
        Some(next) if next == text => {
            let expected =
                "where another nextCursor than the one before was expected: the target does not page";
            Err(answer.incompatible(expected))
        }
        Some(next) => Ok(Some(written("cursor", shown, told, next))),
        None => match told {
            Some(told) if shown < told => Err(ended_early(shown, told, answer)),
            _ => Ok(None),
        },
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
