//! `/auditLogs/directoryAudits`: every change of the configuration, with who made it and the values before and after.

use std::collections::BTreeSet;

use graph::GraphError;
use graph::collection::Page;
use graph::odata::matches;
use graph::path::Version;
use serde_json::{Map, Value as Json, json};
use store::{AuditQuery, AuditRecord};

use super::audit_query::{Actors, query};
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

/// GET `/auditLogs/directoryAudits`, newest first unless the client asks otherwise.
pub(super) async fn list(call: Call) -> Answer {
    refuse_count(&call)?;
    let options = &call.options;
    let mut actors = Actors::new(&call);
    let Some(query) = query(&mut actors, options.filter.as_ref(), &options.order_by).await? else {
        return Ok(call.page(CONTEXT, Page::default()));
    };
    let (store, tenant, wanted) = (&call.service().store, call.caller.tenant, call.page_size());
    let (mut found, mut last, mut scanned) = (Vec::new(), call.position()?.after(), 0);
    let more = 'pages: loop {
        let limit = (wanted + 1).min(SCAN_PAGE);
        let page = store.audits(tenant, AuditQuery { after: last, limit, ..query.clone() }).await?;
        let is_last = page.records.len() < limit;
        for record in page.records {
            let resource = resource(&record, &actors.of(&record.actor).await?, call.version);
            if options.filter.as_ref().is_none_or(|filter| matches(filter, &resource)) {
                if found.len() == wanted {
                    break 'pages true;
                }
                found.push(Json::Object(selected(&call, resource)?));
            }
            last = Some(record.id);
            scanned += 1;
        }
        if is_last {
            last = page.passed;
            break last.is_some();
        }
        if scanned >= MOST_SCANNED {
            break true;
        }
    };
    let next_link = last.filter(|_| more).map(|last| call.next_link(Position::After(last)));
    Ok(call.page(CONTEXT, Page { value: found, next_link, ..Page::default() }))
}

/// GET `/auditLogs/directoryAudits/{id}`.
pub(super) async fn get(call: Call) -> Answer {
    let id = call.id("id")?;
    let query = AuditQuery { id: Some(id), limit: 1, ..AuditQuery::default() };
    let page = call.service().store.audits(call.caller.tenant, query).await?;
    let record = page.records.into_iter().next().ok_or_else(|| GraphError::not_found(&id.to_string()))?;
    let mut actors = Actors::new(&call);
    let resource = resource(&record, &actors.of(&record.actor).await?, call.version);
    Ok(Reply::ok(call.entity(&format!("{CONTEXT}/$entity"), selected(&call, resource)?)))
}

/// The Graph `directoryAudit` of a record.
fn resource(record: &AuditRecord, actor: &Json, version: Version) -> Map<String, Json> {
    let noun = noun(&record.activity);
    let kind = target_type(noun);
    let mut members = of_activity(&record.activity);
    let others = json!({
        "id": record.id,
        "activityDateTime": record.moment,
        "correlationId": record.id,
        "result": if record.success { "success" } else { "failure" },
        "resultReason": "",
        "initiatedBy": actor,
        "targetResources": [{
            "id": record.target,
            "displayName": record.target_name(),
            "type": kind,
            "userPrincipalName": if kind == "User" { record.named("userPrincipalName") } else { None },
            "groupType": null,
            "modifiedProperties": modified(record.old.as_ref(), record.new.as_ref()),
        }],
        "additionalDetails": [],
    });
    if let Json::Object(others) = others {
        members.extend(others);
    }
    if version == Version::Beta {
        // What software it was that called is not kept.
        members.insert("userAgent".to_owned(), Json::Null);
    }
    members
}

/// The properties of a Graph `directoryAudit` that follow from its activity.
pub(super) fn of_activity(activity: &str) -> Map<String, Json> {
    let verb = activity.split(' ').next().unwrap_or_default();
    let operation =
        OPERATIONS.iter().find(|(known, _)| *known == verb).map_or("Update", |(_, operation)| operation);
    let provisioning = activity.contains("synchronization") || activity.starts_with("Provision ");
    let (category, service) = if provisioning {
        ("ProvisioningManagement", "Account Provisioning")
    } else {
        (category(noun(activity)), "Core Directory")
    };
    let properties = [
        ("activityDisplayName", activity),
        ("category", category),
        ("loggedByService", service),
        ("operationType", operation),
    ];
    properties.into_iter().map(|(name, value)| (name.to_owned(), Json::from(value))).collect()
}

fn noun(activity: &str) -> &str {
    activity.split_once(' ').map_or("", |(_, noun)| noun)
}

/// What was changed (Graph `targetResource/type`): the kind of an object of the directory, else what the activity names.
fn target_type(noun: &str) -> &str {
    let known = [
        ("user", "User"),
        ("group", "Group"),
        ("service principal", "ServicePrincipal"),
        ("application", "Application"),
    ];
    known.iter().find(|(words, _)| noun.ends_with(words)).map_or(noun, |(_, kind)| kind)
}

/// What an activity is about (Graph `category`), by the last word of its noun.
fn category(noun: &str) -> &'static str {
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
    fn a_target_has_the_type_of_the_object() {
        for (noun, kind) in [
            ("user", "User"),
            ("member to group", "Group"),
            ("in service principal", "ServicePrincipal"),
            ("password to application", "Application"),
            ("synchronization job", "synchronization job"),
            ("app role assignment", "app role assignment"),
        ] {
            assert_eq!(target_type(noun), kind, "{noun}");
        }
    }

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
