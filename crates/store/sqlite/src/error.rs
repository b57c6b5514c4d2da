//! What can go wrong on a database thread, and how it is told to the caller.

use rusqlite::ErrorCode;
use store::StoreError;

/// A refusal of ours, or a failure of the database.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The database failed.
    Sql(rusqlite::Error),
    /// An answer about the data.
    Answer(StoreError),
}

/// The result of work on a database thread.
pub(crate) type Done<T> = Result<T, Trouble>;

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<rusqlite::types::FromSqlError> for Trouble {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        corrupt("a column", &error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Answer(error)
    }
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        use rusqlite::Error as Sql;
        match trouble {
            Trouble::Answer(error) => error,
            Trouble::Sql(error) => match &error {
                Sql::SqliteFailure(failure, _)
                    if matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) =>
                {
                    Self::Corrupt(error.to_string())
                }
                Sql::FromSqlConversionFailure(..)
                | Sql::InvalidColumnType(..)
                | Sql::IntegralValueOutOfRange(..)
                | Sql::Utf8Error(..) => Self::Corrupt(error.to_string()),
                _ => Self::Unavailable(error.to_string()),
            },
        }
    }
}

/// Something is not there.
pub(crate) fn not_found(what: &'static str, id: &(impl ToString + ?Sized)) -> Trouble {
    Trouble::Answer(StoreError::NotFound { what, id: id.to_string() })
}

/// Something read is not what was written.
pub(crate) fn corrupt(what: &str, why: &(impl ToString + ?Sized)) -> Trouble {
    Trouble::Answer(StoreError::Corrupt(format!("{what}: {}", why.to_string())))
}
