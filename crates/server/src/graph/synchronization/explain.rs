//! GET `explain?objectId=`: why an object is as it is, in data and in words.

use engine::{Entitlement, ExplainedValue, Explanation, RuleExplanation};
use graph::GraphError;
use graph::synchronization::ProvisioningObjectSummary;
use graph::synchronization::provisioning::Surroundings;
use model::link::{LinkState, Origin, StagedKind};
use model::{Anchor, JobId, Value};
use serde_json::{Value as Json, json};
use store::{FailingEdge, Wait};

use crate::graph::audit_logs::Known;
use crate::graph::call::Call;
use crate::graph::reply::Reply;
use crate::graph::route::Answer;

/// GET `explain?objectId=`: the decision that a cycle would make now. Nothing changes.
pub(super) async fn explain(call: Call) -> Answer {
    let owner = call.owner().await?;
    let job = owner.job().await?;
    let id = call.options.parameter("objectId").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| GraphError::bad_request("Name the object: '…/explain?objectId={id}'."))?;
    let told = call.service().engine.explain(&job, &Anchor::new(id)).await?;
    let mut known = Known::new(&call);
    let around = known.of(&job.id).await?;
    let Json::Object(resource) = resource(&job.id, &told, around) else {
        return Err(GraphError::internal().into());
    };
    let fragment = format!("{}/jobs/{}/explanation", owner.path, job.id);
    Ok(Reply::ok(call.entity(&fragment, resource)))
}

fn resource(job: &JobId, told: &Explanation, around: &Surroundings) -> Json {
    let source = told.source.as_ref().map(|source| {
        json!({
            "displayName": source.display_name, "isEnabled": source.enabled,
            "isSoftDeleted": source.soft_deleted, "isEntitled": source.entitled,
        })
    });
    let quarantine = told.quarantine.as_ref().map(|one| {
        json!({
            "reason": one.reason.wire(), "currentBegan": one.began, "nextAttempt": one.next_attempt,
            "seriesCount": one.series_count,
        })
    });
    let rules: Vec<Json> = told.rules.iter().map(|one| rule(job, one, around)).collect();
    json!({
        "objectId": told.anchor,
        "objectTypeName": told.kind,
        "source": source,
        "entitlement": told.entitlement.iter().map(entitlement).collect::<Vec<_>>(),
        "schedule": {"state": told.schedule, "nextCycle": told.next_cycle},
        "quarantine": quarantine,
        "rules": rules,
        "words": told.words,
    })
}

fn entitlement(path: &Entitlement) -> Json {
    match path {
        Entitlement::Everybody => json!({"type": "everybody"}),
        Entitlement::Assigned => json!({"type": "assigned"}),
        Entitlement::Group { anchor, name, nested } => {
            json!({"type": "group", "groupId": anchor, "displayName": name, "nested": nested})
        }
    }
}

fn rule(job: &JobId, told: &RuleExplanation, around: &Surroundings) -> Json {
    let summary = ProvisioningObjectSummary::of(job, &told.record, around);
    let link = told.link.as_ref().map(|link| {
        json!({
            "targetAnchor": link.anchor, "objectTypeName": link.kind,
            "state": if link.state == LinkState::Active { "active" } else { "released" },
            "origin": if link.origin == Origin::Created { "created" } else { "matched" },
            "isDisabled": link.disabled,
        })
    });
    let escrow = told.escrow.as_ref().map(|escrow| {
        json!({
            "errorCode": escrow.failure.code.wire(), "reason": escrow.failure.detail,
            "recommendedAction": escrow.failure.code.advice(), "attempts": escrow.attempts,
            "firstFailure": escrow.first,
            "nextAttempt": (escrow.wait != Wait::GivenUp).then_some(escrow.next),
            "givenUp": (escrow.wait == Wait::GivenUp).then_some(escrow.next),
        })
    });
    let references: Vec<Json> = told.references.iter().map(failing).collect();
    let staged = told.staged.as_ref().map(|staged| {
        let action = match staged.action {
            StagedKind::Create => "create",
            StagedKind::Update => "update",
            StagedKind::Disable => "disable",
            StagedKind::Delete => "delete",
        };
        json!({"action": action, "since": staged.moment, "needsConsent": staged.held})
    });
    json!({
        "ruleId": told.rule,
        "objectMapping": told.mapping,
        "provisioningAction": summary.provisioning_action,
        "provisioningStatusInfo": summary.provisioning_status_info,
        "provisioningSteps": summary.provisioning_steps,
        "modifiedProperties": summary.modified_properties,
        "link": link,
        "escrow": escrow,
        "failingReferences": references,
        "staged": staged,
        "attributes": told.values.iter().map(value).collect::<Vec<_>>(),
    })
}

fn failing(edge: &FailingEdge) -> Json {
    json!({
        "attribute": edge.attribute, "referencedAnchor": edge.referenced,
        "action": if edge.wanted { "add" } else { "remove" }, "attempts": edge.attempts,
        "firstFailure": edge.first, "nextAttempt": edge.next,
    })
}

fn value(told: &ExplainedValue) -> Json {
    let text = |value: &Value| (!value.is_null()).then(|| value.to_string());
    let (computed, error) = match &told.preview.value {
        Ok(value) => (value.as_ref().and_then(text), None),
        Err(failure) => (None, Some(failure.to_string())),
    };
    json!({
        "name": told.preview.attribute, "expression": told.expression, "isMatching": told.preview.matching,
        "value": computed, "error": error, "present": told.present.as_ref().and_then(text),
        "sent": told.sent.as_ref().and_then(text),
    })
}
