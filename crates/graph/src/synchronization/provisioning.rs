//! `provisioningObjectSummary`: a record of the provisioning log, worded.

use model::job::QuarantineReason;
use model::provisioning::{
    Action, Identity as RecordIdentity, Inactive, ModifiedProperty as RecordProperty, Outcome,
    ProvisioningRecord, Step,
};
use model::{JobId, TenantId, Timestamp, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Graph `provisioningObjectSummary`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisioningObjectSummary {
    /// Its identifier.
    pub id: String,
    /// When the decision was settled.
    pub activity_date_time: Timestamp,
    /// Whose it is.
    pub tenant_id: String,
    /// The job.
    pub job_id: String,
    /// The cycle.
    pub cycle_id: String,
    /// Identifies the change within the cycle.
    pub change_id: String,
    /// Graph `provisioningAction`.
    pub provisioning_action: String,
    /// How long the object took.
    pub duration_in_milliseconds: u32,
    /// How it ended.
    pub provisioning_status_info: ProvisioningStatusInfo,
    /// How it came about.
    pub provisioning_steps: Vec<ProvisioningStep>,
    /// What was exported.
    pub modified_properties: Vec<ModifiedProperty>,
    /// The application that the job belongs to.
    pub service_principal: Identity,
    /// Where the object came from.
    pub source_system: System,
    /// Where it went.
    pub target_system: System,
    /// Who started it.
    pub initiated_by: Initiator,
    /// The object at the source.
    pub source_identity: ProvisionedIdentity,
    /// The object at the target.
    pub target_identity: ProvisionedIdentity,
}

/// Graph `provisioningStatusInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisioningStatusInfo {
    /// Graph `provisioningResult`.
    pub status: String,
    /// Why, where it is no plain success.
    pub error_information: Option<ProvisioningErrorInfo>,
}

/// Graph `provisioningErrorInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisioningErrorInfo {
    /// The code.
    pub error_code: String,
    /// What was seen, in words.
    pub reason: String,
    /// More about it.
    pub additional_details: Option<String>,
    /// `failure`, `nonServiceFailure` or `success`.
    pub error_category: String,
    /// What a person can do.
    pub recommended_action: Option<String>,
}

/// Graph `provisioningStep`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisioningStep {
    /// The step's name, such as `EntryExportAdd`.
    pub name: String,
    /// Graph `provisioningStepType`.
    pub provisioning_step_type: String,
    /// Graph `provisioningResult`.
    pub status: String,
    /// What happened, in words.
    pub description: String,
    /// What programs may want to know of it.
    #[serde(default)]
    pub details: Map<String, Json>,
}

/// Graph `modifiedProperty`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModifiedProperty {
    /// The target attribute.
    pub display_name: String,
    /// The value before.
    pub old_value: Option<String>,
    /// The value after.
    pub new_value: Option<String>,
}

/// Graph `identity`: an id and a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The identifier.
    pub id: String,
    /// The name.
    pub display_name: String,
}

/// Graph `provisioningSystem`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct System {
    /// The directory's id in the schema.
    pub id: String,
    /// The directory's name.
    pub display_name: String,
    /// What programs may want to know of it.
    #[serde(default)]
    pub details: Map<String, Json>,
}

/// Graph `initiator`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Initiator {
    /// The identifier; empty for the service itself.
    pub id: String,
    /// The name.
    pub display_name: String,
    /// `user`, `application` or `system`.
    pub initiator_type: String,
}

/// Graph `provisionedIdentity`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionedIdentity {
    /// The anchor; empty where the object does not exist there.
    pub id: String,
    /// A name for people.
    pub display_name: String,
    /// The object type.
    pub identity_type: String,
    /// What programs may want to know of it.
    #[serde(default)]
    pub details: Map<String, Json>,
}

/// What a summary tells beyond its record: the job's surroundings, the same for all records of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Surroundings {
    /// The tenant.
    pub tenant: TenantId,
    /// The service principal of the job.
    pub service_principal: Identity,
    /// The source directory, as the schema names it.
    pub source: System,
    /// The target directory, as the schema names it.
    pub target: System,
}

impl ProvisioningObjectSummary {
    /// The resource of a record.
    #[must_use]
    pub fn of(job: &JobId, record: &ProvisioningRecord, around: &Surroundings) -> Self {
        Self {
            id: record.id.to_string(),
            activity_date_time: record.moment,
            tenant_id: around.tenant.to_string(),
            job_id: job.to_string(),
            cycle_id: record.cycle.to_string(),
            change_id: record.change.to_string(),
            provisioning_action: record.action.wire().to_owned(),
            duration_in_milliseconds: record.duration_ms,
            provisioning_status_info: ProvisioningStatusInfo {
                status: record.outcome.wire().to_owned(),
                error_information: error_information(record),
            },
            provisioning_steps: record.steps.iter().map(ProvisioningStep::of).collect(),
            modified_properties: record.modified.iter().map(ModifiedProperty::of).collect(),
            service_principal: around.service_principal.clone(),
            source_system: around.source.clone(),
            target_system: around.target.clone(),
            initiated_by: Initiator {
                id: String::new(),
                display_name: "Entente provisioning".to_owned(),
                initiator_type: "system".to_owned(),
            },
            source_identity: ProvisionedIdentity::of(&record.source),
            target_identity: ProvisionedIdentity::of(&record.target),
        }
    }
}

fn error_information(record: &ProvisioningRecord) -> Option<ProvisioningErrorInfo> {
    if let Some(failure) = &record.failure {
        return Some(ProvisioningErrorInfo {
            error_code: failure.code.wire().to_owned(),
            reason: failure.detail.clone(),
            additional_details: failure.attribute.as_ref().map(|attribute| format!("Attribute: {attribute}")),
            error_category: "nonServiceFailure".to_owned(),
            recommended_action: Some(failure.code.advice().to_owned()),
        });
    }
    if let Some(held) = record.steps.iter().find_map(held) {
        return Some(held);
    }
    let skip = record.skip?;
    let category = if record.outcome == Outcome::Failure { "failure" } else { "success" };
    Some(ProvisioningErrorInfo {
        error_code: skip.wire().to_owned(),
        reason: skip.describe(),
        additional_details: None,
        error_category: category.to_owned(),
        recommended_action: Some(skip.advice().to_owned()),
    })
}

/// What is told of a write that waits for consent.
fn held(step: &Step) -> Option<ProvisioningErrorInfo> {
    let (reason, advice) = match step {
        Step::Staged(_) => (
            QuarantineReason::TooManyDeletes,
            "Restart the job with ForceDeletes to let what waits through, or correct the scope or the source.",
        ),
        Step::Held(Action::Create) => (
            QuarantineReason::TooManyCreates,
            "Let what waits through, raise MaxCreates, or correct the scope.",
        ),
        Step::Held(_) => (
            QuarantineReason::TooManyUpdates,
            "Let what waits through, raise MaxUpdates, or correct the mappings.",
        ),
        _ => return None,
    };
    Some(ProvisioningErrorInfo {
        error_code: reason.code().to_owned(),
        reason: step.describe(),
        additional_details: None,
        error_category: "nonServiceFailure".to_owned(),
        recommended_action: Some(advice.to_owned()),
    })
}

impl ProvisioningStep {
    /// The resource of a step.
    #[must_use]
    pub fn of(step: &Step) -> Self {
        Self {
            name: step.wire().to_owned(),
            provisioning_step_type: step_type(step).to_owned(),
            status: step.outcome().wire().to_owned(),
            description: step.describe(),
            details: details(step),
        }
    }
}

fn step_type(step: &Step) -> &'static str {
    match step {
        Step::Import(_) => "import",
        Step::Scoping { .. } => "scoping",
        Step::Match { .. } | Step::TargetGone(_) => "matching",
        Step::Decide(_)
        | Step::Skip(_)
        | Step::Deferred(_)
        | Step::Staged(_)
        | Step::Held(_)
        | Step::Protected(_)
        | Step::Excluded(_) => "processing",
        Step::Export(_) | Step::ExportFailed(..) => "export",
    }
}

/// What the service that is compatible with this one tells as details of its steps. Tests that were not reached are
/// left out: the first that fails decides.
fn details(step: &Step) -> Map<String, Json> {
    let mut details = Map::new();
    let mut tell = |name: &str, value: &str| {
        details.insert(name.to_owned(), Json::from(value));
    };
    match step {
        Step::Scoping { inactive, clause } => {
            let tests = [
                (
                    "IsActive",
                    matches!(inactive, Some(Inactive::Gone | Inactive::SoftDeleted | Inactive::Disabled)),
                ),
                ("Assigned", matches!(inactive, Some(Inactive::NotEntitled))),
                ("ScopeEvaluationResult", matches!(inactive, Some(Inactive::OutOfScope))),
            ];
            for (name, failed) in tests {
                tell(name, if failed { "False" } else { "True" });
                if failed {
                    break;
                }
            }
            tell("IsEffectivelyEntitledForProvisioning", if inactive.is_none() { "True" } else { "False" });
            if let Some(clause) = clause {
                tell("IsInProvisioningScopeDisplayName", clause);
            }
        }
        Step::Match { attribute, value, hits } => {
            tell("MatchingAttribute", attribute);
            tell("MatchingValue", value);
            tell("Matches", &hits.to_string());
        }
        Step::ExportFailed(_, failure) => tell("ErrorCode", failure.code.wire()),
        _ => {}
    }
    details
}

impl ModifiedProperty {
    /// The resource of an exported value.
    #[must_use]
    pub fn of(property: &RecordProperty) -> Self {
        let text = |value: &Value| (!value.is_null()).then(|| value.to_string());
        Self {
            display_name: property.name.to_string(),
            old_value: text(&property.old),
            new_value: text(&property.new),
        }
    }
}

impl ProvisionedIdentity {
    fn of(identity: &RecordIdentity) -> Self {
        Self {
            id: identity.anchor.as_ref().map_or_else(String::new, ToString::to_string),
            display_name: identity.name.as_ref().map_or_else(String::new, ToString::to_string),
            identity_type: identity.kind.to_string(),
            details: Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use model::provisioning::{Import, SkipReason};
    use model::{CycleId, Failure, Uuid, failure::FailureCode};
    use serde_json::json;

    use super::*;

    fn record() -> ProvisioningRecord {
        ProvisioningRecord {
            id: Uuid::from_u128(1),
            moment: "2026-01-31T10:00:00Z".parse().unwrap(),
            duration_ms: 12,
            cycle: CycleId(Uuid::from_u128(2)),
            change: Uuid::from_u128(3),
            action: Action::Create,
            outcome: Outcome::Success,
            skip: None,
            failure: None,
            source: RecordIdentity {
                anchor: Some("s".into()),
                kind: "User".into(),
                name: Some("Ada".into()),
            },
            target: RecordIdentity { anchor: None, kind: "urn:User".into(), name: None },
            steps: vec![
                Step::Import(Import::Add),
                Step::Scoping { inactive: None, clause: None },
                Step::Export(Action::Create),
            ],
            modified: vec![RecordProperty { name: "userName".into(), old: Value::Null, new: "ada".into() }],
        }
    }

    fn summary(record: &ProvisioningRecord) -> Json {
        let around = Surroundings {
            tenant: TenantId(Uuid::from_u128(4)),
            service_principal: Identity { id: "sp".to_owned(), display_name: "App".to_owned() },
            source: System { id: "1".to_owned(), display_name: "Entra".to_owned(), details: Map::new() },
            target: System { id: "2".to_owned(), display_name: "App".to_owned(), details: Map::new() },
        };
        let summary = ProvisioningObjectSummary::of(&JobId::from_text("scim.t.j"), record, &around);
        serde_json::to_value(summary).unwrap()
    }

    #[test]
    fn a_record_is_worded_as_graph_words_it() {
        let wire = summary(&record());
        assert_eq!(wire["provisioningAction"], "create");
        assert_eq!(wire["provisioningStatusInfo"], json!({"status": "success", "errorInformation": null}));
        assert_eq!(
            wire["provisioningSteps"][2],
            json!({
                "name": "EntryExportAdd", "provisioningStepType": "export", "status": "success",
                "description": "Created at the target.", "details": {},
            })
        );
        assert_eq!(
            wire["modifiedProperties"],
            json!([{"displayName": "userName", "oldValue": null, "newValue": "ada"}])
        );
        assert_eq!(
            wire["sourceIdentity"],
            json!({"id": "s", "displayName": "Ada", "identityType": "User", "details": {}})
        );
        assert_eq!(wire["targetIdentity"]["id"], "");
        assert_eq!(wire["initiatedBy"]["initiatorType"], "system");
        assert_eq!(wire["durationInMilliseconds"], 12);
        assert!(serde_json::from_value::<ProvisioningObjectSummary>(wire).is_ok());
    }

    #[test]
    fn failures_and_skips_carry_code_reason_and_advice() {
        let failure = Failure::new(FailureCode::EntryConflict, "userName 'ada' is taken").on("userName");
        let failed = ProvisioningRecord { outcome: Outcome::Failure, failure: Some(failure), ..record() };
        let info = &summary(&failed)["provisioningStatusInfo"];
        assert_eq!(info["status"], "failure");
        assert_eq!(info["errorInformation"]["errorCode"], "EntryConflict");
        assert_eq!(info["errorInformation"]["additionalDetails"], "Attribute: userName");
        assert_eq!(info["errorInformation"]["recommendedAction"], FailureCode::EntryConflict.advice());

        let skipped = ProvisioningRecord {
            action: Action::Other,
            outcome: Outcome::Skipped,
            skip: Some(SkipReason::Inactive(Inactive::NotEntitled)),
            steps: vec![Step::Scoping { inactive: Some(Inactive::NotEntitled), clause: None }],
            ..record()
        };
        let wire = summary(&skipped);
        assert_eq!(
            wire["provisioningStatusInfo"]["errorInformation"]["errorCode"],
            "EntrySynchronizationSkipped"
        );
        let advice =
            wire["provisioningStatusInfo"]["errorInformation"]["recommendedAction"].as_str().unwrap();
        assert!(advice.contains("assign the object"), "{advice}");
        let held = ProvisioningRecord {
            action: Action::StagedDelete,
            outcome: Outcome::Warning,
            steps: vec![Step::Staged(Inactive::Gone)],
            ..record()
        };
        let info = &summary(&held)["provisioningStatusInfo"]["errorInformation"];
        assert_eq!(info["errorCode"], "TooManyDeletes");
        assert!(info["recommendedAction"].as_str().unwrap().contains("ForceDeletes"));
        assert_eq!(
            wire["provisioningSteps"][0]["details"],
            json!({"IsActive": "True", "Assigned": "False", "IsEffectivelyEntitledForProvisioning": "False"})
        );
    }
}
