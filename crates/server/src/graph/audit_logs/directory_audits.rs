//! `/auditLogs/directoryAudits`: every change of the configuration, with who made it and the values before and after.

use std::collections::BTreeSet;

use graph::GraphError;
use graph::collection::Page;
use graph::odata::matches;
use model::Uuid;
use serde_json::{Map, Value as Json, json};
use store::AuditRecord;

use super::provisioning::{refuse_count, selected};
use crate::graph::call::Call;
use crate::graph::paging::Position;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// Records read from the store at once.
const SCAN_PAGE: usize = 500;
/// Records compared with the filter for one page.
const MOST_SCANNED: usize = 20_000;
const CONTEXT: &str = "auditLogs/directoryAudits";

/// What kind of change an activity's first word tells of (Graph `operationType`); others are updates.
const OPERATIONS: [(&str, &str); 4] =
    [("Add", "Add"), ("Delete", "Delete"), ("Remove", "Delete"), ("Assign", "Assign")];

/// GET `/auditLogs/directoryAudits`, newest first.
pub(super) async fn list(call: Call) -> Answer {
    refuse_count(&call)?;
    let options = &call.options;
    match options.order_by.as_slice() {
        [] => {}
        [key] if key.path.is("activityDateTime") && key.descending => {}
        _ => {
            let words = "The audit log is read newest first. Leave '$orderby' out, or send '$orderby=activityDateTime desc'.";
            return Err(GraphError::bad_request(words).into());
        }
    }
    let (store, tenant, wanted) = (&call.service().store, call.caller.tenant, call.page_size());
    let (mut found, mut last, mut scanned) = (Vec::new(), call.position()?.after(), 0);
    let more = 'pages: loop {
        let limit = (wanted + 1).min(SCAN_PAGE);
        let records = store.audits(tenant, last, limit).await?;
        let is_last = records.len() < limit;
        for record in records {
            let resource = resource(&record);
            if options.filter.as_ref().is_none_or(|filter| matches(filter, &resource)) {
                if found.len() == wanted {
                    break 'pages true;
                }
                found.push(Json::Object(selected(&call, resource)?));
            }
            last = Some(record.id);
            scanned += 1;
        }
        if is_last || scanned >= MOST_SCANNED {
            break !is_last;
        }
    };
    let next_link = last.filter(|_| more).map(|last| call.next_link(Position::After(last)));
    Ok(call.page(CONTEXT, Page { value: found, next_link, ..Page::default() }))
}

/// GET `/auditLogs/directoryAudits/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let id = call.id("id")?;
    // Asks for the page that would begin with the record.
    let after = id.as_u128().checked_add(1).map(Uuid::from_u128);
    let records = call.service().store.audits(call.caller.tenant, after, 1).await?;
    let record = records.into_iter().find(|record| record.id == id);
    let record = record.ok_or_else(|| GraphError::not_found(&id.to_string()))?;
    Ok(Reply::ok(call.entity(&format!("{CONTEXT}/$entity"), selected(&call, resource(&record))?)))
}

/// The Graph `directoryAudit` of a record.
fn resource(record: &AuditRecord) -> Map<String, Json> {
    let verb = record.activity.split(' ').next().unwrap_or_default();
    let operation =
        OPERATIONS.iter().find(|(known, _)| *known == verb).map_or("Update", |(_, operation)| operation);
    let noun = record.activity.split_once(' ').map_or("", |(_, noun)| noun);
    let provisioning = noun.starts_with("synchronization");
    // Clients are told by their application ids, the service itself by its name.
    let client = Uuid::try_parse(&record.actor).ok().map(|_| record.actor.as_str());
    let name = client.is_none().then_some(record.actor.as_str());
    let resource = json!({
        "id": record.id,
        "activityDateTime": record.moment,
        "activityDisplayName": record.activity,
        "category": category(noun),
        "correlationId": record.id,
        "loggedByService": if provisioning { "Account Provisioning" } else { "Core Directory" },
        "operationType": operation,
        "result": if record.success { "success" } else { "failure" },
        "resultReason": "",
        "initiatedBy": {
            "user": null,
            "app": {
                "appId": client, "displayName": name,
                "servicePrincipalId": null, "servicePrincipalName": null,
            },
        },
        "targetResources": [{
            "id": record.target,
            "displayName": null,
            "type": noun,
            "userPrincipalName": null,
            "groupType": null,
            "modifiedProperties": modified(record.old.as_ref(), record.new.as_ref()),
        }],
        "additionalDetails": [],
    });
    match resource {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

/// What an activity is about (Graph `category`), by the last word of its noun.
fn category(noun: &str) -> &'static str {
    if noun.starts_with("synchronization") {
        return "ProvisioningManagement";
    }
    match noun.rsplit(' ').next() {
        Some("user") => "UserManagement",
        Some("group") => "GroupManagement",
        _ => "ApplicationManagement",
    }
}

/// The properties that differ, with their values as JSON texts.
fn modified(old: Option<&Json>, new: Option<&Json>) -> Vec<Json> {
    let none = Map::new();
    let members =
        |value: Option<&Json>| value.and_then(Json::as_object).cloned().unwrap_or_else(|| none.clone());
    let (old, new) = (members(old), members(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let text = |value: Option<&Json>| value.filter(|value| !value.is_null()).map(Json::to_string);
    names
        .into_iter()
        .map(|name| (name, text(old.get(name)), text(new.get(name))))
        .filter(|(_, old, new)| old != new)
        .map(|(name, old, new)| json!({ "displayName": name, "oldValue": old, "newValue": new }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let (old, new) =
            (json!({"a": 1, "b": [1], "c": "x"}), json!({"a": 1, "b": [2], "d": null, "e": {"f": true}}));
        assert_eq!(
            modified(Some(&old), Some(&new)),
            [
                json!({"displayName": "b", "oldValue": "[1]", "newValue": "[2]"}),
                json!({"displayName": "c", "oldValue": "\"x\"", "newValue": null}),
                json!({"displayName": "e", "oldValue": null, "newValue": "{\"f\":true}"}),
            ]
        );
        assert!(modified(None, None).is_empty());
    }
}
