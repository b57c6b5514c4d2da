//! A synchronization job, from its application to the end of a cycle, through the Graph API.

use std::time::Duration;

use anyhow::{Result, bail};
use graph::synchronization::status::TaskExecution;
use graph::synchronization::{ProvisioningObjectSummary, SynchronizationJob, SynchronizationStatus};
use reqwest::Method;
use serde_json::json;

use crate::client::{Graph, id_of};
use crate::progress::Progress;

/// The application template of custom applications.
const CUSTOM_APPLICATION: &str = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621";
/// Between two looks at the status.
const LOOK: Duration = Duration::from_millis(100);
/// A cycle that takes longer than this is not waited for.
const LONGEST: Duration = Duration::from_hours(1);

/// A job of the sample application.
pub(crate) struct Job<'g> {
    graph: &'g Graph,
    id: String,
    /// The path of its service principal's synchronization.
    base: String,
}

impl<'g> Job<'g> {
    /// Makes the application and the job, which runs when it is told to.
    pub(crate) async fn create(graph: &'g Graph, scim: &str, token: &str) -> Result<Self> {
        let made = graph
            .post(
                &format!("/applicationTemplates/{CUSTOM_APPLICATION}/instantiate"),
                &json!({ "displayName": "Sample application" }),
            )
            .await?;
        let principal = id_of(made.get("servicePrincipal").unwrap_or(&json!(null)))?;
        let base = format!("/servicePrincipals/{principal}/synchronization");
        let mut job = Self { graph, id: String::new(), base };
        job.put_secrets(scim, token).await?;
        let made = graph.post(&format!("{}/jobs", job.base), &json!({ "templateId": "scim" })).await?;
        job.id = id_of(&made)?;
        job.set("TriggerOnChange", "false").await?;
        Ok(job)
    }

    /// Says where the application is, and how to sign in there. Everybody gets an account.
    pub(crate) async fn put_secrets(&self, scim: &str, token: &str) -> Result<()> {
        let secrets = json!({ "value": [
            { "key": "BaseAddress", "value": scim },
            { "key": "SecretToken", "value": token },
            { "key": "SyncAll", "value": "true" },
        ]});
        self.graph.send(Method::PUT, &format!("{}/secrets", self.base), &secrets).await?;
        Ok(())
    }

    /// Changes one setting.
    pub(crate) async fn set(&self, name: &str, value: &str) -> Result<()> {
        let change = json!({ "synchronizationJobSettings": [{ "name": name, "value": value }] });
        self.graph.send(Method::PATCH, &self.path(""), &change).await?;
        Ok(())
    }

    /// Starts the schedule, which begins with an initial cycle, and waits for its end.
    pub(crate) async fn start(&self) -> Result<TaskExecution> {
        self.order("/start", "Initial cycle").await
    }

    /// Runs a cycle now, and waits for its end.
    pub(crate) async fn run(&self) -> Result<TaskExecution> {
        self.order("/run", "Incremental cycle").await
    }

    async fn order(&self, order: &str, name: &'static str) -> Result<TaskExecution> {
        let before = last_cycle(&self.status().await?).map(str::to_owned);
        self.graph.post(&self.path(order), &json!({})).await?;
        let progress = Progress::begin(name, 0);
        let waited = tokio::time::timeout(LONGEST, self.end_of_cycle(before.as_deref(), &progress)).await;
        let execution = match waited {
            Ok(execution) => execution?,
            Err(_) => bail!("the cycle did not end within an hour"),
        };
        progress.end_with(execution.count_imported);
        Ok(execution)
    }

    async fn end_of_cycle(&self, before: Option<&str>, progress: &Progress) -> Result<TaskExecution> {
        loop {
            let status = self.status().await?;
            let done = status.progress.iter().map(|one| one.completed_units).sum();
            let total = status.progress.iter().map(|one| one.total_units).sum();
            if !status.progress.is_empty() {
                progress.set(done, total);
            }
            if let Some(quarantine) = &status.quarantine {
                let words = quarantine.error.as_ref().map_or("", |error| error.message.as_str());
                bail!("the job is in quarantine ({}): {words}", quarantine.reason);
            }
            let is_new = last_cycle(&status).is_some_and(|cycle| Some(cycle) != before);
            if let Some(execution) = status.last_execution.filter(|_| is_new && status.progress.is_empty()) {
                return Ok(execution);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn status(&self) -> Result<SynchronizationStatus> {
        let job: SynchronizationJob = self.graph.get(&self.path("")).await?;
        Ok(job.status)
    }

    /// The records of a cycle, oldest first.
    pub(crate) async fn log(&self, cycle: &TaskExecution) -> Result<Vec<ProvisioningObjectSummary>> {
        let path = format!("/auditLogs/provisioning?$filter=jobId%20eq%20'{}'&$top=500", self.id);
        let mut records: Vec<ProvisioningObjectSummary> = self.graph.all(&path).await?;
        records.retain(|record| record.cycle_id == cycle.activity_identifier);
        records.sort_by_key(|record| record.activity_date_time);
        Ok(records)
    }

    fn path(&self, below: &str) -> String {
        format!("{}/jobs/{}{below}", self.base, self.id)
    }
}

fn last_cycle(status: &SynchronizationStatus) -> Option<&str> {
    status.last_execution.as_ref().map(|execution| execution.activity_identifier.as_str())
}
