//! Entity tags: which version of a resource an answer shows.
//!
//! The directory counts the writes of an object, not those of its relations. So an answer that shows relations, the
//! members of a group or the manager of a user, has a tag of two parts: the object's version, and a stamp of the
//! relations. An answer that shows none has the version alone, and costs no look at the relations. A client that sends
//! a tag with `If-Match` demands what the tag covers.

use std::hash::Hasher as _;

use model::Uuid;
use scim::etag;
use siphasher::sip::SipHasher24;

/// The tag of an answer without relations.
pub(super) fn of_version(version: u64) -> String {
    etag::weak(version)
}

/// The tag of an answer with relations.
pub(super) fn with_relations(version: u64, stamp: u64) -> String {
    etag::weak(format!("{version}-{stamp:x}"))
}

/// The stamp of relations, from the ids they lead to, in the order of the ids.
#[derive(Clone, Default)]
pub(super) struct Stamp(SipHasher24);

impl Stamp {
    /// The stamp of these relations.
    pub(super) fn of<'a>(ids: impl IntoIterator<Item = &'a Uuid>) -> u64 {
        let mut stamp = Self::default();
        stamp.extend(ids);
        stamp.finish()
    }

    /// Adds relations.
    pub(super) fn extend<'a>(&mut self, ids: impl IntoIterator<Item = &'a Uuid>) {
        for id in ids {
            self.0.write(id.as_bytes());
        }
    }

    /// The stamp of all that was added.
    pub(super) fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_tell_versions_and_relations_apart() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let tag = |ids: &[Uuid]| with_relations(7, Stamp::of(ids));
        assert_eq!(tag(&[one, two]), tag(&[one, two]));
        assert_ne!(tag(&[one]), tag(&[one, two]));
        assert_ne!(tag(&[]), of_version(7));
        let mut parts = Stamp::default();
        parts.extend(&[one]);
        parts.extend(&[two]);
        assert_eq!(parts.finish(), Stamp::of(&[one, two]));
    }
}
