//! The bodies of the synchronization actions.

use model::schema::{AttributeDefinition, ObjectDefinition};
use serde::Deserialize;
use serde_json::Value as Json;

use super::restart::RestartScope;
use super::secrets::SecretPair;

/// PUT `synchronization/secrets`: the list that replaces the saved one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretsWrite {
    /// The pairs.
    pub value: Vec<SecretPair>,
}

/// PUT `synchronization`. Jobs and templates have routes of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynchronizationWrite {
    /// The list that replaces the saved secrets; they stay where it is absent.
    #[serde(default)]
    pub secrets: Option<Vec<SecretPair>>,
    #[serde(default, rename = "id")]
    _id: Option<String>,
}

/// POST `validateCredentials`, at a job or beside the jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValidateCredentials {
    /// The application; that of the path where it is absent.
    #[serde(default)]
    pub application_identifier: Option<String>,
    /// The template whose connector tests; needed beside the jobs.
    #[serde(default)]
    pub template_id: Option<String>,
    /// What to test.
    #[serde(default)]
    pub credentials: Option<Vec<SecretPair>>,
    /// True where saved values are to be used.
    #[serde(default)]
    pub use_saved_credentials: Option<bool>,
}

/// POST `acquireAccessToken`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcquireAccessToken {
    /// What the token endpoint is to be given.
    pub credentials: Vec<SecretPair>,
}

/// POST `restart`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// What to forget.
    #[serde(default)]
    criteria: Option<RestartCriteria>,
}

/// Graph `synchronizationJobRestartCriteria`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RestartCriteria {
    #[serde(default)]
    reset_scope: Option<RestartScope>,
}

impl Restart {
    /// What to forget; the usual things where the client did not say.
    #[must_use]
    pub fn scope(&self) -> RestartScope {
        self.criteria.as_ref().and_then(|criteria| criteria.reset_scope).unwrap_or(RestartScope::UNSPECIFIED)
    }
}

/// POST `provisionOnDemand`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvisionOnDemand {
    /// What to provision by which rule.
    pub parameters: Vec<JobApplicationParameters>,
}

/// Graph `synchronizationJobApplicationParameters`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobApplicationParameters {
    /// The rule's id in the schema; need not be a GUID.
    pub rule_id: String,
    /// The objects.
    pub subjects: Vec<JobSubject>,
}

/// Graph `synchronizationJobSubject`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobSubject {
    /// The object at the source: an id, a DN, a worker's number.
    pub object_id: String,
    /// The source's object type.
    pub object_type_name: String,
    /// Objects that go along.
    #[serde(default)]
    pub links: Option<LinkedObjects>,
}

/// Graph `synchronizationLinkedObjects`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkedObjects {
    /// The manager.
    #[serde(default)]
    pub manager: Option<Box<JobSubject>>,
    /// Members of a group.
    #[serde(default)]
    pub members: Option<Vec<JobSubject>>,
    /// Owners of a group.
    #[serde(default)]
    pub owners: Option<Vec<JobSubject>>,
}

/// POST `schema/parseExpression`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParseExpression {
    /// The text to read.
    #[serde(default)]
    pub expression: Option<String>,
    /// An object to evaluate it on.
    #[serde(default)]
    pub test_input_object: Option<ExpressionInputObject>,
    /// The attribute that it is meant for.
    #[serde(default)]
    pub target_attribute_definition: Option<AttributeDefinition>,
}

/// Graph `expressionInputObject`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpressionInputObject {
    /// What the object is.
    #[serde(default)]
    pub definition: Option<ObjectDefinition>,
    /// Its values.
    #[serde(default)]
    pub properties: Option<Vec<ObjectPair>>,
}

/// Graph `stringKeyObjectValuePair`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectPair {
    /// The attribute's name.
    pub key: String,
    /// Its value.
    #[serde(default)]
    pub value: Json,
    /// The type that a client names for the value; the value tells it here.
    #[serde(default, rename = "value@odata.type")]
    pub value_type: Option<Json>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::body::read;

    #[test]
    fn a_restart_without_criteria_means_the_usual() {
        for body in [
            json!({}),
            json!({"criteria": null}),
            json!({"criteria": {}}),
            json!({"criteria": {"resetScope": null}}),
        ] {
            assert_eq!(read::<Restart>(body).unwrap().scope(), RestartScope::UNSPECIFIED);
        }
        let body = json!({"criteria": {"@odata.type": "x", "resetScope": "Full"}});
        assert_eq!(read::<Restart>(body).unwrap().scope().print(), "Full");
        let error = read::<Restart>(json!({"criteria": {"resetScope": "Half"}})).unwrap_err();
        assert!(error.message().contains("'criteria.resetScope'"), "{error}");
    }

    #[test]
    fn on_demand_subjects_may_bring_others() {
        let body = json!({"parameters": [{"ruleId": "r", "subjects": [{
            "objectId": "g", "objectTypeName": "Group",
            "links": {"members": [{"objectId": "u", "objectTypeName": "User"}]},
        }]}]});
        let demand: ProvisionOnDemand = read(body).unwrap();
        let links = demand.parameters[0].subjects[0].links.clone().unwrap();
        assert_eq!(links.members.unwrap()[0].object_id, "u");
        let error = read::<ProvisionOnDemand>(json!({"parameters": [{"ruleId": "r"}]})).unwrap_err();
        assert!(error.message().contains("missing field `subjects`"), "{error}");
    }

    #[test]
    fn secrets_come_as_a_list() {
        let body = json!({"value": [{"@odata.type": "x", "key": "BaseAddress", "value": "http://t"}]});
        assert_eq!(read::<SecretsWrite>(body).unwrap().value[0].key, "BaseAddress");
        assert!(read::<SecretsWrite>(json!({"value": {"key": "BaseAddress"}})).is_err());
    }
}
