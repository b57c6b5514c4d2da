//! Where pages begin.
//!
//! The store lists objects after an id, so a page by index costs all pages before it, unless somebody remembers which
//! object the page before ended with. That is remembered here for some minutes, with the number of resources in all, so
//! that a client that pages through a list reads each object once. A cursor (RFC 9865) carries the same in itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{SignedDuration, Timestamp, Uuid};
use scim::{Error, ScimType};

use super::failure::Result;
use crate::auth::TokenAuthority;

/// How long the end of a page is remembered.
const MEMORY: SignedDuration = SignedDuration::from_mins(10);
/// Seconds that a cursor is good for.
pub(super) const CURSOR_SECONDS: u32 = 24 * 60 * 60;
/// How many ends are remembered.
const REMEMBERED: usize = 10_000;

/// A place in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Which of the list's resource types.
    pub(super) kind: usize,
    /// After which object.
    pub(super) after: Option<Uuid>,
    /// How many resources come before it.
    pub(super) index: u64,
    /// How many resources the list has in all, where that is known.
    pub(super) total: Option<u64>,
}

/// The ends of pages, by the list and the index of the next page.
#[derive(Default)]
pub(super) struct Places {
    ends: Mutex<HashMap<(u128, u64), (Place, Timestamp)>>,
}

impl Places {
    /// The place with so many resources before it in a list, where it is known.
    pub(super) fn find(&self, list: u128, index: u64, now: Timestamp) -> Option<Place> {
        let ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(&(list, index)).filter(|(_, until)| now < *until).map(|(place, _)| *place)
    }

    /// Remembers a place of a list.
    pub(super) fn remember(&self, list: u128, place: Place, now: Timestamp) {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if ends.len() >= REMEMBERED {
            ends.retain(|_, (_, until)| now < *until);
        }
        if ends.len() < REMEMBERED {
            ends.insert((list, place.index), (place, now.saturating_add(MEMORY).unwrap_or(now)));
        }
    }
}

impl Place {
    /// The place as a cursor of a list, sealed so that it comes back unchanged and for the same list.
    pub(super) fn cursor(self, list: u128, authority: &TokenAuthority, now: Timestamp) -> String {
        let after = self.after.unwrap_or_default().simple();
        let total = self.total.unwrap_or_default();
        let text = format!("{}.{after}.{}.{total}.{}", self.kind, self.index, now.as_second());
        URL_SAFE_NO_PAD.encode(format!("{text}.{:x}", seal(&text, list, authority)))
    }

    /// The place that a cursor of a list means; the beginning for the empty one.
    pub(super) fn read(cursor: &str, list: u128, authority: &TokenAuthority, now: Timestamp) -> Result<Self> {
        if cursor.trim().is_empty() {
            return Ok(Self::default());
        }
        let Some((place, made)) = Self::unsealed(cursor.trim(), list, authority) else {
            let detail = "cursor is none that this service gave for this query: begin with an empty cursor, and change nothing else between pages but count";
            return Err(Error::bad_request(ScimType::InvalidCursor, detail).into());
        };
        if now.as_second().saturating_sub(made) > i64::from(CURSOR_SECONDS) {
            let detail = format!(
                "cursor is older than {CURSOR_SECONDS} seconds (cursorTimeout): begin with an empty cursor"
            );
            return Err(Error::bad_request(ScimType::ExpiredCursor, detail).into());
        }
        Ok(place)
    }

    /// The place of a cursor, and the second when it was made.
    fn unsealed(cursor: &str, list: u128, authority: &TokenAuthority) -> Option<(Self, i64)> {
        let sealed = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (text, sent) = sealed.rsplit_once('.')?;
        if u128::from_str_radix(sent, 16).ok()? != seal(text, list, authority) {
            return None;
        }
        let mut parts = text.split('.');
        let kind = parts.next()?.parse().ok()?;
        let after: Uuid = parts.next()?.parse().ok()?;
        let index = parts.next()?.parse().ok()?;
        let total = parts.next()?.parse().ok()?;
        let made = parts.next()?.parse().ok()?;
        let place = Self { kind, after: (!after.is_nil()).then_some(after), index, total: Some(total) };
        Some((place, made))
    }
}

fn seal(text: &str, list: u128, authority: &TokenAuthority) -> u128 {
    authority.seal(&format!("SCIM cursor {text} of {list:x}"))
}

#[cfg(test)]
mod tests {
    use model::SystemEntropy;

    use super::*;
    use crate::auth::SigningKeys;

    fn place(index: u64) -> Place {
        Place { kind: 1, after: Some(Uuid::from_u128(7)), index, total: Some(9) }
    }

    #[test]
    fn ends_are_remembered_for_minutes() {
        let places = Places::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        places.remember(5, place(3), at(0));
        assert_eq!(places.find(5, 3, at(599)), Some(place(3)));
        assert_eq!(places.find(5, 3, at(600)), None);
        assert_eq!((places.find(5, 4, at(0)), places.find(6, 3, at(0))), (None, None));
    }

    #[test]
    fn cursors_come_back_for_their_list_alone() {
        let authority =
            TokenAuthority::new(&SigningKeys::generate(&SystemEntropy, Timestamp::UNIX_EPOCH)).unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let cursor = place(3).cursor(5, &authority, at(0));
        let read = |cursor, list, now| Place::read(cursor, list, &authority, at(now));
        let day = i64::from(CURSOR_SECONDS);
        assert_eq!(read(&cursor, 5, day).unwrap(), place(3));
        assert_eq!(read("", 5, 0).unwrap(), Place::default());
        let expired = read(&cursor, 5, day + 1).unwrap_err().error;
        assert_eq!(expired.scim_type, Some(ScimType::ExpiredCursor));
        for (cursor, list) in [(cursor.as_str(), 6), ("abc", 5), ("%", 5), (&cursor[1..], 5)] {
            let error = read(cursor, list, 0).unwrap_err().error;
            assert_eq!(error.scim_type, Some(ScimType::InvalidCursor), "{cursor}");
        }
    }
}
