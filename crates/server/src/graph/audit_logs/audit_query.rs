//! `$filter` of the audit log: what the store can narrow.
//!
//! Few words make up a log: who did something, and what was done. A condition on these alone, however it is written, is
//! judged once for each word, and the store is asked for the words that satisfy it.

use std::collections::HashMap;

use directory::ObjectKind;
use graph::odata::OrderBy;
use graph::odata::filter::{Expr, Literal, Operator, Quantifier};
use graph::odata::matches;
use model::Uuid;
use serde_json::{Map, Value as Json, json};
use store::{AuditQuery, AuditWords};

use super::directory_audits::of_activity;
use super::query::{ascending, narrow_time, text};
use crate::graph::call::Call;
use crate::graph::error::ApiError;
use crate::graph::filter::check_paths;

/// What a filter of the audit log may name.
const PROPERTIES: [&str; 17] = [
    "id",
    "activityDateTime",
    "activityDisplayName",
    "category",
    "correlationId",
    "loggedByService",
    "operationType",
    "result",
    "resultReason",
    "initiatedBy/app/appId",
    "initiatedBy/app/displayName",
    "initiatedBy/app/servicePrincipalId",
    "initiatedBy/app/servicePrincipalName",
    "initiatedBy/user/id",
    "initiatedBy/user/displayName",
    "initiatedBy/user/userPrincipalName",
    "targetResources",
];

/// Properties that follow from what was done.
const OF_ACTIVITY: [&str; 4] = ["activityDisplayName", "category", "loggedByService", "operationType"];
/// Clients whose names are looked up for one condition; where more did something, records are compared one by one.
const MOST_ACTORS: usize = 500;

/// Who did what is told, with the names that clients have by now; looked up once for a page.
pub(super) struct Actors<'a> {
    call: &'a Call,
    known: HashMap<String, Json>,
}

impl<'a> Actors<'a> {
    pub(super) fn new(call: &'a Call) -> Self {
        Self { call, known: HashMap::new() }
    }

    /// The Graph `auditActivityInitiator` of an actor: of a client by its application id, else by its name alone, as of
    /// the service itself and of clients of outside issuers.
    pub(super) async fn of(&mut self, actor: &str) -> Result<Json, ApiError> {
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
            "user": null,
            "app": {
                "appId": client.then_some(actor),
                "displayName": if client { name } else { Some(actor) },
                "servicePrincipalId": principal.as_ref().map(|principal| principal.id),
                "servicePrincipalName": null,
            },
        });
        self.known.insert(actor.to_owned(), identity.clone());
        Ok(identity)
    }

    /// Those of some actors that satisfy a condition on who did it; none where they would have to be looked up and are
    /// too many.
    async fn among(
        &mut self,
        condition: &Expr,
        actors: &[String],
        by_name: bool,
    ) -> Result<Option<Vec<String>>, ApiError> {
        if by_name && actors.len() > MOST_ACTORS {
            return Ok(None);
        }
        let mut found = Vec::new();
        for actor in actors {
            let identity = if by_name {
                self.of(actor).await?
            } else {
                json!({ "user": null, "app": { "appId": Uuid::try_parse(actor).is_ok().then_some(actor) } })
            };
            if matches(condition, &Map::from_iter([("initiatedBy".to_owned(), identity)])) {
                found.push(actor.clone());
            }
        }
        Ok(Some(found))
    }
}

/// The store's query of a request; what it finds MUST still be compared with the filter. None where nothing can satisfy
/// the filter.
///
/// # Errors
/// 400 for a filter or an order that names what there is not.
pub(super) async fn query(
    actors: &mut Actors<'_>,
    filter: Option<&Expr>,
    order: &[OrderBy],
) -> Result<Option<AuditQuery>, ApiError> {
    let mut query = AuditQuery { ascending: ascending("audit log", order)?, ..AuditQuery::default() };
    let Some(filter) = filter else { return Ok(Some(query)) };
    check_paths("audit log", &PROPERTIES, filter)?;
    let mut words = None;
    for condition in filter.conjuncts() {
        let among_words =
            names_only(condition, |name| is_of_activity(name) || name.starts_with("initiatedBy/"));
        if among_words {
            let words = match &mut words {
                Some(words) => words,
                None => words.insert(known_words(actors.call).await?),
            };
            narrow_words(actors, &mut query, condition, words).await?;
        } else if names_only(condition, |name| name == "resultReason") {
            // Always empty.
            if !matches(condition, &Map::from_iter([("resultReason".to_owned(), json!(""))])) {
                return Ok(None);
            }
        } else if !narrow(&mut query, condition)? {
            return Ok(None);
        }
    }
    let none = |words: &Option<Vec<String>>| words.as_ref().is_some_and(Vec::is_empty);
    Ok((!none(&query.actors) && !none(&query.activities)).then_some(query))
}

async fn known_words(call: &Call) -> Result<AuditWords, ApiError> {
    Ok(call.service().store.audit_words(call.caller.tenant).await?)
}

fn is_of_activity(name: &str) -> bool {
    OF_ACTIVITY.contains(&name)
}

/// True where a condition names properties that are so, by their right names, and nothing else.
fn names_only(condition: &Expr, wanted: impl Fn(&str) -> bool) -> bool {
    let (mut all, mut any) = (true, false);
    condition.visit_paths(&mut |path| {
        let name = PROPERTIES.iter().find(|known| path.is(known));
        all &= name.is_some_and(|name| wanted(name));
        any = true;
    });
    all && any
}

/// Narrows by a condition on what was done, or on who did it. One that mixes both is left to the comparison.
async fn narrow_words(
    actors: &mut Actors<'_>,
    query: &mut AuditQuery,
    condition: &Expr,
    words: &AuditWords,
) -> Result<(), ApiError> {
    if names_only(condition, is_of_activity) {
        let activities = query.activities.take().unwrap_or_else(|| words.activities.clone());
        let holds = |activity: &String| matches(condition, &of_activity(activity));
        query.activities = Some(activities.into_iter().filter(holds).collect());
    } else if names_only(condition, |name| !is_of_activity(name)) {
        let by_name = !names_only(condition, |name| {
            name == "initiatedBy/app/appId" || name.starts_with("initiatedBy/user/")
        });
        let among = query.actors.take().unwrap_or_else(|| words.actors.clone());
        query.actors = actors.among(condition, &among, by_name).await?;
    }
    Ok(())
}

/// Narrows by another condition; false where nothing can satisfy it.
fn narrow(query: &mut AuditQuery, condition: &Expr) -> Result<bool, ApiError> {
    match condition {
        Expr::Compare { path, operator, value } if path.is("activityDateTime") => {
            narrow_time(&mut query.from, &mut query.to, *operator, value)?;
        }
        Expr::Compare { path, operator: Operator::Equal, value }
            if path.is("id") || path.is("correlationId") =>
        {
            // Identifiers are spelled as usual, and compared as texts.
            let id = text(value).and_then(|text| {
                text.parse::<Uuid>().ok().filter(|id| id.to_string().eq_ignore_ascii_case(&text))
            });
            match id {
                Some(id) if query.id.is_none_or(|other| other == id) => query.id = Some(id),
                _ => return Ok(false),
            }
        }
        Expr::Compare { path, operator: Operator::Equal, value } if path.is("result") => {
            query.failed |= text(value).is_some_and(|result| result.eq_ignore_ascii_case("failure"));
        }
        Expr::Lambda { path, quantifier: Quantifier::Any, variable, condition: Some(condition) }
            if path.is("targetResources") =>
        {
            for condition in condition.conjuncts() {
                narrow_target(query, variable, condition);
            }
        }
        _ => {}
    }
    Ok(true)
}

/// Narrows by a condition on the target; every record has one target.
fn narrow_target(query: &mut AuditQuery, variable: &str, condition: &Expr) {
    let Expr::Compare { path, operator: Operator::Equal, value } = condition else { return };
    let [head, property] = path.names() else { return };
    let (Some(wanted), true) = (text(value), head == variable) else { return };
    if property.eq_ignore_ascii_case("id") {
        query.target = Some(wanted);
    } else if property.eq_ignore_ascii_case("displayName") && !matches!(value, Literal::Guid(_)) {
        query.target_name = Some(wanted);
    }
}
