//! `/auditLogs/directoryAudits`: every change of the configuration, with who made it and the values before and after.

use std::collections::{BTreeSet, HashMap};

use directory::ObjectKind;
use graph::GraphError;
use graph::collection::Page;
use graph::odata::matches;
use graph::path::Version;
use model::Uuid;
use serde_json::{Map, Value as Json, json};
use store::{AuditQuery, AuditRecord};

use super::provisioning::{refuse_count, selected};
use super::query::audit_query;
use crate::graph::call::Call;
use crate::graph::error::ApiError;
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
    let query = audit_query(options.filter.as_ref(), &options.order_by)?;
    let (store, tenant, wanted) = (&call.service().store, call.caller.tenant, call.page_size());
    let (mut found, mut last, mut scanned) = (Vec::new(), call.position()?.after(), 0);
    let mut actors = Actors::new(&call);
    let more = 'pages: loop {
        let limit = (wanted + 1).min(SCAN_PAGE);
        let records = store.audits(tenant, AuditQuery { after: last, limit, ..query.clone() }).await?;
        let is_last = records.len() < limit;
        for record in records {
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
    let query = AuditQuery { after, limit: 1, ..AuditQuery::default() };
    let records = call.service().store.audits(call.caller.tenant, query).await?;
    let record = records.into_iter().find(|record| record.id == id);
    let record = record.ok_or_else(|| GraphError::not_found(&id.to_string()))?;
    let mut actors = Actors::new(&call);
    let resource = resource(&record, &actors.of(&record.actor).await?, call.version);
    Ok(Reply::ok(call.entity(&format!("{CONTEXT}/$entity"), selected(&call, resource)?)))
}

/// Who did what is told, with the names that clients have by now; looked up once for a page.
struct Actors<'a> {
    call: &'a Call,
    known: HashMap<String, Json>,
}

impl<'a> Actors<'a> {
    fn new(call: &'a Call) -> Self {
        Self { call, known: HashMap::new() }
    }

    /// The Graph `appIdentity` of an actor: of a client by its application id, else by its name alone, as of the service
    /// itself and of clients of outside issuers.
    async fn of(&mut self, actor: &str) -> Result<Json, ApiError> {
        if let Some(known) = self.known.get(actor) {
            return Ok(known.clone());
        }
        let client = Uuid::try_parse(actor).is_ok();
        let principal = if client {
            self.call.directory().find_by(ObjectKind::ServicePrincipal, "appId", actor).await?
        } else {
            None
        };
        let name = principal.as_ref().and_then(|principal| principal.text("displayName"));
        let identity = json!({
            "appId": client.then_some(actor),
            "displayName": if client { name } else { Some(actor) },
            "servicePrincipalId": principal.as_ref().map(|principal| principal.id),
            "servicePrincipalName": null,
        });
        self.known.insert(actor.to_owned(), identity.clone());
        Ok(identity)
    }
}

/// The Graph `directoryAudit` of a record.
fn resource(record: &AuditRecord, actor: &Json, version: Version) -> Map<String, Json> {
    let verb = record.activity.split(' ').next().unwrap_or_default();
    let operation =
        OPERATIONS.iter().find(|(known, _)| *known == verb).map_or("Update", |(_, operation)| operation);
    let noun = record.activity.split_once(' ').map_or("", |(_, noun)| noun);
    let provisioning =
        record.activity.contains("synchronization") || record.activity.starts_with("Provision ");
    let kind = target_type(noun);
    // What an object was called when it was changed.
    let named = |name: &str| {
        let value = |values: Option<&Json>| Some(values?.get(name)?.as_str()?.to_owned());
        value(record.new.as_ref()).or_else(|| value(record.old.as_ref()))
    };
    let resource = json!({
        "id": record.id,
        "activityDateTime": record.moment,
        "activityDisplayName": record.activity,
        "category": if provisioning { "ProvisioningManagement" } else { category(noun) },
        "correlationId": record.id,
        "loggedByService": if provisioning { "Account Provisioning" } else { "Core Directory" },
        "operationType": operation,
        "result": if record.success { "success" } else { "failure" },
        "resultReason": "",
        "initiatedBy": {
            "user": null,
            "app": actor,
        },
        "targetResources": [{
            "id": record.target,
            "displayName": named("displayName"),
            "type": kind,
            "userPrincipalName": if kind == "User" { named("userPrincipalName") } else { None },
            "groupType": null,
            "modifiedProperties": modified(record.old.as_ref(), record.new.as_ref()),
        }],
        "additionalDetails": [],
    });
    let Json::Object(mut resource) = resource else { return Map::new() };
    if version == Version::Beta {
        // What software it was that called is not kept.
        resource.insert("userAgent".to_owned(), Json::Null);
    }
    resource
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
