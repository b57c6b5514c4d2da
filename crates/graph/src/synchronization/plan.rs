//! Plans in the form that travels (Entente's own resource, beta): what a cycle or given objects would bring, with every
//! change.

use model::job::ErrorText;
use model::plan::{Plan as ModelPlan, PlanCounts, PlanScope, PlannedChange as ModelChange};
use model::{Anchor, JobId, Name, Timestamp};
use serde::{Deserialize, Serialize};

use super::provisioning::{
    ModifiedProperty, ProvisionedIdentity, ProvisioningObjectSummary, ProvisioningStatusInfo,
    ProvisioningStep, Surroundings,
};

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Its identifier.
    pub id: String,
    /// The job.
    pub job_id: String,
    /// `cycle` or `subjects`.
    pub scope: PlanScope,
    /// `computing`, `ready`, `failed`, `applying` or `applied`.
    pub status: String,
    /// True where the cycle would read everything.
    pub initial: bool,
    /// The number of the schema's version.
    pub schema_version: u64,
    /// The client that asked for it; null for the job's schedule.
    pub created_by: Option<String>,
    /// When it was asked for.
    pub created_date_time: Timestamp,
    /// When it was computed.
    pub computed_date_time: Option<Timestamp>,
    /// When it was applied.
    pub applied_date_time: Option<Timestamp>,
    /// What it holds, and what became of it.
    pub counts: PlanCounts,
    /// True where a cycle would hold some of the writes for a person's consent. Applying the plan is that consent.
    pub exceeds_limits: bool,
    /// Why it failed.
    pub error: Option<ErrorText>,
}

impl Plan {
    /// The resource of a plan.
    #[must_use]
    pub fn of(job: &JobId, plan: &ModelPlan) -> Self {
        Self {
            id: plan.id.to_string(),
            job_id: job.to_string(),
            scope: plan.scope,
            status: plan.state.wire().to_owned(),
            initial: plan.initial,
            schema_version: plan.schema,
            created_by: (!plan.author.is_empty()).then(|| plan.author.clone()),
            created_date_time: plan.created,
            computed_date_time: plan.computed,
            applied_date_time: plan.applied,
            counts: plan.counts,
            exceeds_limits: plan.over_limits,
            error: plan.error.clone(),
        }
    }
}

/// References that are to be added and removed, by source anchors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedReferences {
    /// The target attribute.
    pub attribute: Name,
    /// Objects to refer to.
    pub added: Vec<Anchor>,
    /// Objects to refer to no longer.
    pub removed: Vec<Anchor>,
}

/// One change of a plan: what the provisioning log would say.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// Its place in the plan, from one.
    pub number: u64,
    /// The rule.
    pub rule_id: Name,
    /// Graph `provisioningAction`.
    pub provisioning_action: String,
    /// The object at the source.
    pub source_identity: ProvisionedIdentity,
    /// The object at the target.
    pub target_identity: ProvisionedIdentity,
    /// How it would end, as far as that is known before anything is sent.
    pub provisioning_status_info: ProvisioningStatusInfo,
    /// How the decision came about.
    pub provisioning_steps: Vec<ProvisioningStep>,
    /// Values before and after.
    pub modified_properties: Vec<ModifiedProperty>,
    /// The references, where the change is about them.
    pub references: Option<PlannedReferences>,
    /// `applied`, `stale` or `failed`, once the plan is applied.
    pub result: Option<String>,
}

impl PlannedChange {
    /// The resource of a change.
    #[must_use]
    pub fn of(job: &JobId, change: &ModelChange, around: &Surroundings) -> Self {
        let summary = ProvisioningObjectSummary::of(job, &change.record, around);
        let references = change.references.as_ref().map(|of| PlannedReferences {
            attribute: of.attribute.clone(),
            added: of.added.clone(),
            removed: of.removed.clone(),
        });
        Self {
            number: change.number,
            rule_id: change.rule.clone(),
            provisioning_action: summary.provisioning_action,
            source_identity: summary.source_identity,
            target_identity: summary.target_identity,
            provisioning_status_info: summary.provisioning_status_info,
            provisioning_steps: summary.provisioning_steps,
            modified_properties: summary.modified_properties,
            references,
            result: change.result.map(|result| result.wire().to_owned()),
        }
    }
}

/// POST `plan`: of the objects that are named; of a whole cycle where none is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The objects.
    #[serde(default)]
    pub subjects: Option<Vec<PlanSubject>>,
}

/// An object that a plan is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanSubject {
    /// The object at the source.
    pub object_id: String,
    /// The source's object type.
    pub object_type_name: String,
    /// The rule; every rule that maps the type where it is absent.
    #[serde(default)]
    pub rule_id: Option<String>,
}
