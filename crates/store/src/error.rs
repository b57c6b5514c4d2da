use model::Name;
use thiserror::Error;

/// The result of asking the store for something.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why the store refused. But for `Unavailable` and `Corrupt`, these are answers about the data, not troubles.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// What the write is about does not exist.
    #[error("{what} '{id}' does not exist")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its identifier.
        id: String,
    },
    /// Another object holds a value that must be unique.
    #[error("another object with the same value for property {property} already exists")]
    Duplicate {
        /// The property.
        property: Name,
        /// The value that clashed.
        value: String,
    },
    /// The relation is there already.
    #[error("the reference to '{id}' exists already")]
    RelationExists {
        /// The object that is referred to.
        id: String,
    },
    /// Somebody else wrote first.
    #[error("the object was changed by somebody else in the meantime")]
    VersionMismatch,
    /// More would be kept than is allowed.
    #[error("{what} '{id}' would have more than {most} octets")]
    TooLarge {
        /// The kind of thing.
        what: &'static str,
        /// Its identifier.
        id: String,
        /// The most octets.
        most: usize,
    },
    /// The lease that the write relies on has passed to another holder.
    #[error("the job's lease has passed to another holder")]
    Fenced,
    /// A newer binary wrote this database.
    #[error(
        "the database has schema version {found}, but this binary knows only {known}: use a newer binary"
    )]
    TooNew {
        /// The database's version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// What was read is not what was written.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// The database did not answer.
    #[error("the database failed: {0}")]
    Unavailable(String),
}
