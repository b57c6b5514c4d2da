//! The answer of `provisionOnDemand`: a `stringKeyStringValuePair` whose key tells the result and whose value tells what
//! was done, both JSON as text in a form of their own (reference of `synchronizationJob: provisionOnDemand`).

use model::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::StringPair;
use super::provisioning::{ProvisionedIdentity, ProvisioningObjectSummary, System};

impl StringPair {
    /// The answer about an object. `linked` are the records of objects that went before it.
    #[must_use]
    pub fn on_demand(
        summary: &ProvisioningObjectSummary,
        began: Timestamp,
        linked: &[ProvisioningObjectSummary],
    ) -> Self {
        let status = capital(&summary.provisioning_status_info.status);
        let details = summary.provisioning_status_info.error_information.as_ref().map_or_else(
            || json!({}),
            |error| json!({ "errorCode": error.error_code, "errorMessage": error.reason }),
        );
        let mut value = told(summary, began);
        if !linked.is_empty() {
            let linked: Vec<Json> =
                linked.iter().map(|one| Json::Object(told(one, one.activity_date_time))).collect();
            value.insert("linkedObjects".to_owned(), linked.into());
        }
        let key = json!({ "result": status, "details": details });
        Self { key: key.to_string(), value: Some(Json::Object(value).to_string()) }
    }
}

fn told(summary: &ProvisioningObjectSummary, began: Timestamp) -> Map<String, Json> {
    let moment = summary.activity_date_time;
    let steps: Vec<Json> = summary
        .provisioning_steps
        .iter()
        .map(|step| {
            json!({
                "name": step.name,
                "type": capital(&step.provisioning_step_type),
                "status": capital(&step.status),
                "description": step.description,
                "timestamp": moment,
                "details": step.details,
            })
        })
        .collect();
    let error = summary.provisioning_status_info.error_information.as_ref();
    let status = json!({
        "status": capital(&summary.provisioning_status_info.status),
        "errorCode": error.map(|error| &error.error_code),
        "reason": error.map(|error| &error.reason),
        "additionalDetails": error.and_then(|error| error.additional_details.as_ref()),
        "errorCategory": error.map(|error| capital(&error.error_category)),
        "recommendedAction": error.and_then(|error| error.recommended_action.as_ref()),
    });
    let name = [&summary.source_identity.display_name, &summary.source_identity.id];
    let told = json!({
        "action": capital(&summary.provisioning_action),
        "changeId": summary.change_id,
        "startTime": began,
        "endTime": moment,
        "modifiedProperties": summary.modified_properties,
        "provisioningSteps": steps,
        "reportableIdentifier": name.into_iter().find(|name| !name.is_empty()),
        "statusInfo": status,
        "sourceIdentity": identity(&summary.source_identity),
        "sourceSystem": system(&summary.source_system),
        "targetIdentity": identity(&summary.target_identity),
        "targetSystem": system(&summary.target_system),
    });
    match told {
        Json::Object(told) => told,
        _ => Map::new(),
    }
}

fn identity(identity: &ProvisionedIdentity) -> Json {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    json!({
        "id": text(&identity.id), "type": identity.identity_type,
        "displayName": text(&identity.display_name), "details": null,
    })
}

fn system(system: &System) -> Json {
    json!({ "id": system.id, "name": system.display_name, "details": null })
}

/// The spelling of this answer, which begins words with a capital letter.
fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use model::provisioning::{
        Action, Identity, Import, ModifiedProperty, Outcome, ProvisioningRecord, Step,
    };
    use model::{CycleId, Failure, FailureCode, JobId, TenantId, Uuid, Value};

    use super::*;
    use crate::synchronization::provisioning::{Identity as Principal, Surroundings};

    fn summary(failure: Option<Failure>) -> ProvisioningObjectSummary {
        let record = ProvisioningRecord {
            id: Uuid::from_u128(1),
            moment: "2026-01-31T10:00:01Z".parse().unwrap(),
            duration_ms: 12,
            cycle: CycleId(Uuid::from_u128(2)),
            change: Uuid::from_u128(3),
            action: Action::Create,
            outcome: if failure.is_some() { Outcome::Failure } else { Outcome::Success },
            skip: None,
            failure,
            source: Identity { anchor: Some("s".into()), kind: "User".into(), name: Some("Ada".into()) },
            target: Identity { anchor: None, kind: "account".into(), name: None },
            steps: vec![Step::Import(Import::Add), Step::Export(Action::Create)],
            modified: vec![ModifiedProperty { name: "userName".into(), old: Value::Null, new: "ada".into() }],
        };
        let around = Surroundings {
            tenant: TenantId(Uuid::from_u128(4)),
            service_principal: Principal::default(),
            source: System { display_name: "Entra".to_owned(), ..System::default() },
            target: System::default(),
        };
        ProvisioningObjectSummary::of(&JobId::from_text("scim.t.j"), &record, &around)
    }

    fn read(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn key_and_value_are_json_as_text() {
        let began = "2026-01-31T10:00:00Z".parse().unwrap();
        let pair = StringPair::on_demand(&summary(None), began, &[]);
        assert_eq!(read(&pair.key), json!({"result": "Success", "details": {}}));
        let value = read(pair.value.as_deref().unwrap());
        assert_eq!((&value["action"], &value["reportableIdentifier"]), (&json!("Create"), &json!("Ada")));
        assert_eq!(
            (&value["startTime"], &value["endTime"]),
            (&json!("2026-01-31T10:00:00Z"), &json!("2026-01-31T10:00:01Z"))
        );
        assert_eq!(
            value["provisioningSteps"][1],
            json!({
                "name": "EntryExportAdd", "type": "Export", "status": "Success", "details": {},
                "description": "Created at the target.", "timestamp": "2026-01-31T10:00:01Z",
            })
        );
        assert_eq!(value["modifiedProperties"][0]["newValue"], "ada");
        assert_eq!(value["statusInfo"]["status"], "Success");
        assert_eq!(
            value["targetIdentity"],
            json!({"id": null, "type": "account", "displayName": null, "details": null})
        );
        assert!(value.get("linkedObjects").is_none());
    }

    #[test]
    fn a_failure_is_told_in_both() {
        let failure = Failure::new(FailureCode::EntryConflict, "userName 'ada' is taken");
        let began = "2026-01-31T10:00:00Z".parse().unwrap();
        let pair = StringPair::on_demand(&summary(Some(failure)), began, &[summary(None)]);
        let expected = json!({"errorCode": "EntryConflict", "errorMessage": "userName 'ada' is taken"});
        assert_eq!(read(&pair.key), json!({"result": "Failure", "details": expected}));
        let value = read(pair.value.as_deref().unwrap());
        assert_eq!(value["statusInfo"]["errorCode"], "EntryConflict");
        assert_eq!(value["linkedObjects"][0]["action"], "Create");
    }
}
