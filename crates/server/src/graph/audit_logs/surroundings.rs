//! What the records of a job tell beside themselves: whose the job is, and what it lies between.

use std::collections::HashMap;

use directory::ObjectKind;
use graph::synchronization::provisioning::{Identity, Surroundings, System};
use model::JobId;
use model::job::Job;
use model::schema::{Schema, SynchronizationRule};
use serde_json::{Map, Value as Json};

use crate::graph::call::Call;
use crate::graph::error::ApiError;

/// The surroundings of the jobs that a request meets, each looked up once.
pub(in crate::graph) struct Known<'a> {
    call: &'a Call,
    jobs: HashMap<JobId, Surroundings>,
}

impl<'a> Known<'a> {
    pub(in crate::graph) fn new(call: &'a Call) -> Self {
        Self { call, jobs: HashMap::new() }
    }

    /// The surroundings of a job; of one that is deleted, the tenant alone.
    pub(in crate::graph) async fn of(&mut self, job: &JobId) -> Result<&Surroundings, ApiError> {
        if !self.jobs.contains_key(job) {
            let found = look_up(self.call, job).await?;
            self.jobs.insert(job.clone(), found);
        }
        Ok(self.jobs.entry(job.clone()).or_insert_with(|| nothing(self.call)))
    }
}

fn nothing(call: &Call) -> Surroundings {
    Surroundings {
        tenant: call.caller.tenant,
        service_principal: Identity::default(),
        source: System::default(),
        target: System::default(),
    }
}

async fn look_up(call: &Call, id: &JobId) -> Result<Surroundings, ApiError> {
    let store = &call.service().store;
    let Some(job) = store.job(call.caller.tenant, id).await? else { return Ok(nothing(call)) };
    let service_principal = service_principal(call, &job).await?;
    let schema = store.schema(&job.id).await?.schema;
    let rule = schema
        .synchronization_rules
        .iter()
        .filter(|rule| rule.object_mappings.iter().any(|mapping| mapping.enabled))
        .min_by_key(|rule| rule.priority);
    let name = |side: fn(&SynchronizationRule) -> &String| rule.map_or("", |rule| side(rule));
    let source = system(&schema, name(|rule| &rule.source_directory_name));
    let mut target = system(&schema, name(|rule| &rule.target_directory_name));
    let details = [
        ("ServicePrincipalId", &service_principal.id),
        ("ServicePrincipalDisplayName", &service_principal.display_name),
    ];
    target.details.extend(details.map(|(name, value)| (name.to_owned(), Json::from(value.as_str()))));
    Ok(Surroundings { tenant: call.caller.tenant, service_principal, source, target })
}

async fn service_principal(call: &Call, job: &Job) -> Result<Identity, ApiError> {
    let id = job.service_principal.0;
    let found = call.directory().get(ObjectKind::ServicePrincipal, id).await?;
    let display_name = found.as_ref().and_then(|found| found.text("displayName")).unwrap_or_default();
    Ok(Identity { id: id.to_string(), display_name: display_name.to_owned() })
}

fn system(schema: &Schema, name: &str) -> System {
    let directory = schema.directory(name);
    System {
        id: directory.and_then(|directory| directory.id.clone()).unwrap_or_default(),
        display_name: name.to_owned(),
        details: Map::new(),
    }
}
