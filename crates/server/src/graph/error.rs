//! What the directory and the store refuse, as answers of the Graph API.

use directory::DirectoryError;
use graph::GraphError;
use store::StoreError;

/// Why a handler has no answer. Whatever the parts below say converts into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError(pub(crate) GraphError);

/// Properties that identify applications and service principals; Graph has a code of its own for them.
const APPLICATION_KEYS: [&str; 4] = ["appId", "identifierUris", "servicePrincipalNames", "uniqueName"];

impl From<GraphError> for ApiError {
    fn from(error: GraphError) -> Self {
        Self(error)
    }
}

impl From<DirectoryError> for ApiError {
    fn from(error: DirectoryError) -> Self {
        Self(match error {
            DirectoryError::NotFound { id, .. } => GraphError::not_found(&id),
            DirectoryError::Invalid { property, reason } => {
                GraphError::invalid_property(&property, &format!("It {reason}."))
            }
            DirectoryError::Protected(words) => GraphError::new(403, graph::error::DENIED, words),
            DirectoryError::Store(error) => return error.into(),
        })
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self(match error {
            StoreError::NotFound { id, .. } => GraphError::not_found(&id),
            StoreError::Duplicate { property, .. } if APPLICATION_KEYS.contains(&property.as_str()) => {
                GraphError::same_key_value(&property)
            }
            StoreError::Duplicate { property, .. } => GraphError::object_conflict(&property),
            StoreError::RelationExists { id } => GraphError::bad_request(format!(
                "One or more added object references already exist: '{id}' is referred to already."
            )),
            StoreError::VersionMismatch => GraphError::precondition_failed(),
            refused @ StoreError::TooLarge { .. } => {
                GraphError::bad_request(format!("The {refused}. Send less."))
            }
            trouble @ (StoreError::Fenced
            | StoreError::TooNew { .. }
            | StoreError::Corrupt(_)
            | StoreError::Unavailable(_)) => {
                tracing::error!(error = %trouble, "the store failed");
                GraphError::internal()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(error: StoreError) -> (u16, String) {
        let ApiError(error) = error.into();
        (error.status(), error.code().to_owned())
    }

    #[test]
    fn what_the_store_refuses_has_the_status_of_graph() {
        let duplicate =
            |property: &str| StoreError::Duplicate { property: property.into(), value: "x".to_owned() };
        assert_eq!(answer(duplicate("userPrincipalName")), (400, "Request_BadRequest".to_owned()));
        assert_eq!(answer(duplicate("appId")), (400, "Request_MultipleObjectsWithSameKeyValue".to_owned()));
        assert_eq!(answer(StoreError::VersionMismatch).0, 412);
        assert_eq!(answer(StoreError::RelationExists { id: "x".to_owned() }).0, 400);
    }

    #[test]
    fn trouble_below_tells_nothing() {
        let ApiError(error) = StoreError::Unavailable("/data/entente.db is locked".to_owned()).into();
        assert_eq!(error.status(), 500);
        assert!(!error.message().contains("entente.db"));
    }
}
