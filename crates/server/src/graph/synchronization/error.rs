//! What the engine refuses, as answers of the Graph API.

use engine::ControlError;
use graph::GraphError;
use store::StoreError;

use crate::graph::error::ApiError;

/// No credentials, or not all that are needed.
pub(super) const CREDENTIALS_MISSING: &str = "CredentialsMissing";
/// A parameter that is of no use.
pub(super) const INVALID_PARAMETER: &str = "RequestParameterInvalid";
/// Errors of a schema that are told at once.
const MOST_DETAILS: usize = 20;

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        Self(match error {
            ControlError::Store(StoreError::VersionMismatch) => GraphError::conflict(
                "The schema was changed by somebody else at the same moment. Read it again and repeat the change.",
            ),
            ControlError::Store(error) => return error.into(),
            ControlError::UnknownTemplate(_) => GraphError::new(400, INVALID_PARAMETER, sentence(&error))
                .with_detail("InvalidValue", "templateId", ""),
            ControlError::Configuration(error) => {
                let code = if error.missing { CREDENTIALS_MISSING } else { INVALID_PARAMETER };
                GraphError::new(400, code, sentence(&error)).with_detail(code, &error.key, &error.reason)
            }
            ControlError::Setting(error) => {
                GraphError::invalid_property("synchronizationJobSettings", &sentence(&error))
            }
            ControlError::Schema(errors) => {
                let shown = errors.iter().take(MOST_DETAILS);
                let words: Vec<String> = shown.clone().map(sentence).collect();
                let left = errors.len().saturating_sub(MOST_DETAILS);
                let more = if left > 0 { format!(" There are {left} more errors.") } else { String::new() };
                let message = format!("The schema cannot run. {}{more}", words.join(" "));
                shown.fold(GraphError::bad_request(message), |answer, error| {
                    let target =
                        error.attribute.as_deref().or(error.mapping.as_deref()).unwrap_or(&error.rule);
                    answer.with_detail("InvalidSchema", target, &sentence(error))
                })
            }
            ControlError::Connector(error) => GraphError::new(400, error.code.wire(), sentence(&error)),
            ControlError::Parameter(_) => GraphError::new(400, INVALID_PARAMETER, sentence(&error)),
            ControlError::UnknownObject(id) => GraphError::not_found(&id),
            ControlError::Unfit(_) => GraphError::conflict(sentence(&error)),
        })
    }
}

/// The words of an error with a capital letter and a full stop.
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let mut sentence: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
    sentence.push_str(characters.as_str());
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(error: ControlError) -> (u16, String, String) {
        let ApiError(error) = error.into();
        (error.status(), error.code().to_owned(), error.message().to_owned())
    }

    #[test]
    fn what_the_engine_refuses_has_the_status_of_graph() {
        let (status, code, _) =
            answer(ControlError::Unfit("the job is not started; start it first".to_owned()));
        assert_eq!((status, code.as_str()), (409, "Request_Conflict"));
        let (status, code, words) = answer(ControlError::UnknownTemplate("x".to_owned()));
        assert_eq!((status, code.as_str()), (400, "RequestParameterInvalid"));
        assert_eq!(words, "There is no synchronization template 'x'.");
        assert_eq!(answer(ControlError::Store(StoreError::VersionMismatch)).0, 409);
        let gone = StoreError::NotFound { what: "job", id: "j".to_owned() };
        assert_eq!(answer(ControlError::Store(gone)).0, 404);
    }
}
