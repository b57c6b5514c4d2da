//! Where a read of the feed stands, as the text that the engine keeps.

use connector::{ConnectorError, Cursor, ErrorClass, Result};
use model::Uuid;
use serde::{Deserialize, Serialize};

/// Groups that may be followed between two idle moments; beyond that a full read is cheaper than a longer cursor.
const MOST_GROUPS: usize = 10_000;

/// Where a read stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Changes up to this number of the feed are yielded, or will be by `full` and `work`.
    pub(crate) number: u64,
    /// What entitlement was computed from; a cursor of another basis is of no use.
    pub(crate) basis: String,
    /// A fingerprint of the application's roles, as last seen.
    pub(crate) roles: u64,
    /// Where a full read stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) full: Option<FullRead>,
    /// What is to be yielded before the feed goes on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) work: Vec<Work>,
    /// Groups that were put into `work` since it was last empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) followed: Vec<Uuid>,
    /// Groups that went to the bin: memberships that end in the feed now are hidden with the group, so that its members
    /// are not taken apart before it is known whether it goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hidden: Vec<Uuid>,
    /// Up to this number, a membership that ended may have carried an entitlement although its group no longer does.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) wary: u64,
}

/// Where a full read stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FullRead {
    /// The selection, by its place in the request.
    pub(crate) selection: usize,
    /// The last id that was yielded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Uuid>,
    /// Objects in all.
    pub(crate) total: u64,
}

/// Objects that are to be yielded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Work {
    /// This one.
    Object(Uuid),
    /// The members of this group, from the one after `after` on.
    Members {
        /// The group.
        group: Uuid,
        /// The last member that was yielded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Uuid>,
    },
    /// Everybody who is assigned to the application, from the assignment after `after` on.
    Assigned {
        /// The last assignment that was followed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Uuid>,
    },
}

impl Position {
    /// The position that a cursor stands for, if it is of this basis.
    pub(crate) fn read(cursor: &Cursor, basis: &str) -> Result<Self> {
        let position: Self = serde_json::from_str(&cursor.0).map_err(|error| {
            refused(&format!("the cursor is not one of the embedded directory's: {error}"))
        })?;
        if position.basis == basis {
            return Ok(position);
        }
        Err(refused("SyncAll, NestedGroups or the application is not the one of the last cycle"))
    }

    /// The position as a cursor.
    pub(crate) fn cursor(&self) -> Result<Cursor> {
        let text = serde_json::to_string(self).map_err(|error| {
            ConnectorError::new(ErrorClass::Permanent, format!("the cursor cannot be written: {error}"))
        })?;
        Ok(Cursor(text))
    }

    /// Puts the members of a group into the work, once.
    pub(crate) fn follow(&mut self, group: Uuid) -> Result<()> {
        if self.followed.contains(&group) {
            return Ok(());
        }
        if self.followed.len() >= MOST_GROUPS {
            return Err(refused(&format!("more than {MOST_GROUPS} groups are affected by one change")));
        }
        self.followed.push(group);
        self.work.push(Work::Members { group, after: None });
        Ok(())
    }
}

/// How far into the change feed a cursor of the embedded directory has come; none for a cursor of another source.
#[must_use]
pub fn feed_number(cursor: &str) -> Option<u64> {
    serde_json::from_str::<Position>(cursor).ok().map(|position| position.number)
}

/// A cursor that cannot be gone on from.
pub(crate) fn refused(why: &str) -> ConnectorError {
    ConnectorError::new(ErrorClass::CursorRefused, format!("a full read is needed: {why}"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position() -> Position {
        Position {
            number: 7,
            basis: "b".to_owned(),
            roles: 1,
            full: Some(FullRead { selection: 1, after: Some(Uuid::from_u128(3)), total: 9 }),
            work: vec![Work::Object(Uuid::from_u128(1)), Work::Assigned { after: None }],
            followed: Vec::new(),
            hidden: Vec::new(),
            wary: 0,
        }
    }

    #[test]
    fn a_position_comes_back() {
        let cursor = position().cursor().unwrap();
        assert_eq!(Position::read(&cursor, "b").unwrap(), position());
        assert_eq!((feed_number(&cursor.0), feed_number("syncToken=1")), (Some(7), None));
    }

    #[test]
    fn strange_cursors_ask_for_a_full_read() {
        let of_another_basis = position().cursor().unwrap();
        for (cursor, basis) in [(Cursor("syncToken=1".into()), "b"), (of_another_basis, "c")] {
            assert_eq!(Position::read(&cursor, basis).unwrap_err().class, ErrorClass::CursorRefused);
        }
    }

    #[test]
    fn a_group_is_followed_once() {
        let mut position = position();
        for _ in 0..2 {
            position.follow(Uuid::from_u128(5)).unwrap();
        }
        assert_eq!(position.work.len(), 3);
    }
}
