//! `synchronizationJob` and `synchronizationSchedule`.

use model::job::{Job, JobStatus, Schedule, ScheduleState};
use model::schema::Schema;
use model::settings::{Setting, parse_interval};
use model::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::status::SynchronizationStatus;
use crate::error::GraphError;

/// Graph `synchronizationJob`. `schema` comes along only where it is expanded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationJob {
    /// Its identifier.
    pub id: String,
    /// The template that it was made from.
    pub template_id: String,
    /// When it runs.
    pub schedule: SynchronizationSchedule,
    /// How it is doing.
    pub status: SynchronizationStatus,
    /// Its settings.
    #[serde(default)]
    pub synchronization_job_settings: Vec<Setting>,
    /// Its schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
}

impl SynchronizationJob {
    /// The resource of a job. `configured` tells whether its service principal has credentials.
    #[must_use]
    pub fn of(job: &Job, status: &JobStatus, configured: bool) -> Self {
        Self {
            id: job.id.to_string(),
            template_id: job.template.to_string(),
            schedule: SynchronizationSchedule::of(&job.schedule),
            status: SynchronizationStatus::of(job.schedule.state, status, configured),
            synchronization_job_settings: job.settings.clone(),
            schema: None,
        }
    }
}

/// Graph `synchronizationSchedule`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SynchronizationSchedule {
    /// When the job stops by itself.
    #[serde(default)]
    pub expiration: Option<Timestamp>,
    /// From the beginning of one cycle to the next, ISO 8601.
    pub interval: SignedDuration,
    /// `Active`, `Disabled` or `Paused`.
    pub state: ScheduleState,
}

impl SynchronizationSchedule {
    fn of(schedule: &Schedule) -> Self {
        Self { expiration: schedule.expiration, interval: schedule.interval, state: schedule.state }
    }
}

/// What a client may send as a `synchronizationJob`, in POST and PATCH. The properties that only the service sets are
/// taken, because clients send back what they read. `status` and `bulkUpload` have no effect, since they move by
/// themselves; what else differs from what is there, PATCH [refuses](Self::check_read_only).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobWrite {
    /// Which template to make the job from; only at creation.
    #[serde(default)]
    pub template_id: Option<String>,
    /// What is to change of the schedule.
    #[serde(default)]
    pub schedule: Option<ScheduleWrite>,
    /// All settings of the job.
    #[serde(default)]
    pub synchronization_job_settings: Option<Vec<Setting>>,
    /// The schema, where the client sends one along.
    #[serde(default)]
    pub schema: Option<Schema>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "status")]
    _status: Option<Json>,
    #[serde(default, rename = "bulkUpload")]
    _bulk_upload: Option<Json>,
}

impl JobWrite {
    /// Refuses a change of what is not the client's to change.
    ///
    /// # Errors
    /// 400 naming the property.
    pub fn check_read_only(&self, job: &Job) -> Result<(), GraphError> {
        let differs = |sent: &Option<String>, present: &str| {
            sent.as_deref().is_some_and(|sent| !sent.eq_ignore_ascii_case(present))
        };
        if differs(&self.id, &job.id.to_string()) {
            return Err(GraphError::read_only_property("id"));
        }
        if differs(&self.template_id, &job.template) {
            return Err(GraphError::read_only_property("templateId"));
        }
        if let Some(schedule) = &self.schedule
            && differs(&schedule.state, job.schedule.state.wire())
        {
            let mend = "The state changes by POST …/start and POST …/pause alone: leave it out.";
            return Err(GraphError::invalid_property("schedule.state", mend));
        }
        Ok(())
    }
}

/// What a client may send as a `synchronizationSchedule`. The state changes by the actions `start` and `pause` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleWrite {
    /// Null takes the expiration away; absent leaves it.
    #[serde(default, with = "present")]
    pub expiration: Option<Option<Timestamp>>,
    #[serde(default)]
    interval: Option<String>,
    #[serde(default)]
    state: Option<String>,
}

impl ScheduleWrite {
    /// The schedule after the change.
    ///
    /// # Errors
    /// 400 for an interval that is no duration of a second or more.
    pub fn apply(&self, schedule: &Schedule) -> Result<Schedule, GraphError> {
        let mut changed = schedule.clone();
        if let Some(expiration) = self.expiration {
            changed.expiration = expiration;
        }
        if let Some(interval) = &self.interval {
            // Takes ISO 8601 and also `0:05:00`, as the published Python SDK sends it.
            changed.interval = parse_interval(interval).map_err(|_| {
                GraphError::invalid_property(
                    "schedule.interval",
                    "Send an ISO 8601 duration of a second or more, such as PT40M.",
                )
            })?;
        }
        Ok(changed)
    }
}

/// Tells a property that is null from one that is absent.
mod present {
    use serde::{Deserialize, Deserializer};

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        T::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use model::{JobId, ServicePrincipalId, TenantId, Uuid};
    use serde_json::json;

    use super::*;
    use crate::body;

    fn job() -> Job {
        let tenant = TenantId(Uuid::from_u128(7));
        Job {
            id: JobId::new("scim", tenant, Uuid::from_u128(9)),
            tenant,
            service_principal: ServicePrincipalId(Uuid::nil()),
            template: "scim".into(),
            schedule: Schedule::default(),
            settings: vec![Setting { name: "Interval".to_owned(), value: "PT1M".to_owned() }],
            created: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_new_job_looks_as_in_graph() {
        let wire =
            serde_json::to_value(SynchronizationJob::of(&job(), &JobStatus::default(), false)).unwrap();
        assert_eq!(
            wire,
            json!({
                "id": "scim.00000000000000000000000000000007.00000000-0000-0000-0000-000000000009",
                "templateId": "scim",
                "schedule": {"expiration": null, "interval": "PT40M", "state": "Disabled"},
                "status": {
                    "code": "NotConfigured",
                    "countSuccessiveCompleteFailures": 0,
                    "escrowsPruned": false,
                    "lastExecution": null,
                    "lastSuccessfulExecution": null,
                    "lastSuccessfulExecutionWithExports": null,
                    "progress": [],
                    "quarantine": null,
                    "steadyStateFirstAchievedTime": "0001-01-01T00:00:00Z",
                    "steadyStateLastAchievedTime": "0001-01-01T00:00:00Z",
                    "synchronizedEntryCountByType": [],
                    "troubleshootingUrl": null,
                },
                "synchronizationJobSettings": [{"name": "Interval", "value": "PT1M"}],
            })
        );
        let back: SynchronizationJob = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(back).unwrap(), wire);
    }

    #[test]
    fn what_was_read_can_be_sent_back() {
        let wire = serde_json::to_value(SynchronizationJob::of(&job(), &JobStatus::default(), true)).unwrap();
        let write: JobWrite = body::read(wire).unwrap();
        assert_eq!(write.schedule.unwrap().apply(&job().schedule).unwrap(), job().schedule);
        assert_eq!(write.synchronization_job_settings, Some(job().settings));
    }

    #[test]
    fn what_is_not_the_clients_to_change_is_refused_where_it_differs() {
        let refused = |body: Json| body::read::<JobWrite>(body).unwrap().check_read_only(&job()).err();
        for body in [
            json!({"id": job().id.to_string().to_uppercase(), "templateId": "SCIM", "schedule": {"state": "disabled"}}),
            json!({"id": null, "status": {"code": "Active"}, "schedule": {"state": null}, "bulkUpload": {}}),
        ] {
            assert_eq!(refused(body), None);
        }
        for (body, words) in [
            (json!({"id": "scim.other"}), "'id' cannot be written"),
            (json!({"templateId": "other"}), "'templateId' cannot be written"),
            (json!({"schedule": {"state": "Paused"}}), "'schedule.state'. The state changes by POST …/start"),
            (json!({"schedule": {"state": "Running"}}), "'schedule.state'"),
        ] {
            let error = refused(body).unwrap();
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[test]
    fn a_schedule_changes_by_what_is_sent() {
        let mut before = Schedule { expiration: Some(Timestamp::UNIX_EPOCH), ..Schedule::default() };
        let write = |value| body::read::<JobWrite>(json!({ "schedule": value })).unwrap().schedule.unwrap();
        let after = write(json!({"interval": "PT1S", "state": "Active"})).apply(&before).unwrap();
        before.interval = SignedDuration::from_secs(1);
        assert_eq!(after, before);
        assert_eq!(write(json!({"expiration": null})).apply(&before).unwrap().expiration, None);
        for (text, seconds) in
            [("0:05:00", 300), ("1 day, 0:00:01", 86_401), ("2 days, 1:00:00", 176_400), ("P1D", 86_400)]
        {
            let after = write(json!({ "interval": text })).apply(&before).unwrap();
            assert_eq!(after.interval, SignedDuration::from_secs(seconds), "{text}");
        }
        for text in ["0:00:00", "-1 day, 0:00:00", "5", "1:2", "1:2:3:4", "PT0S"] {
            assert!(write(json!({ "interval": text })).apply(&before).is_err(), "{text}");
        }
        let error = write(json!({"interval": "soon"})).apply(&before).unwrap_err();
        assert!(
            error.message().contains("'schedule.interval'") && error.message().contains("PT40M"),
            "{error}"
        );
        let error = body::read::<JobWrite>(json!({"schedule": {"intervall": "PT1S"}})).unwrap_err();
        assert!(error.message().contains("'schedule.intervall'"), "{error}");
    }
}
