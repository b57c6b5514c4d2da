//! Notices: what people are told of a job's health, whatever way the notice goes.
//!
//! A notice is written down before the change that it tells of, and kept until its channel has taken it: it is delivered
//! at least once, also over a crash, and no cycle waits for it or fails with it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::job::Job;
use model::secrets::Secrets;
use model::{JobId, ServicePrincipalId, SignedDuration, TenantId, Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use store::{PendingNotice, Result, StoreError};
use thiserror::Error;
use tokio::sync::Notify;

use crate::services::Services;
use crate::time::after;

/// What a notice tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoticeKind {
    /// The job is in quarantine.
    Quarantined,
    /// More disables or deletes than the limits allow wait for consent.
    RemovalsStaged,
    /// More creates than `MaxCreates` allows wait for consent.
    CreatesStaged,
    /// More updates than `MaxUpdates` allows wait for consent.
    UpdatesStaged,
    /// The initial cycle ended with too many failures, and the job was paused.
    Paused,
    /// A good cycle ended the quarantine.
    Recovered,
    /// The job was disabled: it was in quarantine for too long, or its schedule expired.
    Disabled,
}

/// One thing that happened to a job's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Identifies the event; the same on every delivery of it.
    pub id: Uuid,
    /// What it tells of.
    pub kind: NoticeKind,
    /// When it happened.
    pub moment: Timestamp,
    /// The job's tenant.
    pub tenant_id: TenantId,
    /// The job's service principal.
    pub service_principal_id: ServicePrincipalId,
    /// The job.
    pub job_id: JobId,
    /// A code, such as a quarantine reason.
    pub code: String,
    /// What happened and what can be done, in words.
    pub message: String,
    /// When the job is tried next; none where it is not by itself.
    pub next_attempt: Option<Timestamp>,
    /// Mail addresses that `SyncNotificationSettings` of the service principal names.
    pub recipients: Vec<String>,
}

/// Why a notice was not delivered.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct NotifyError(pub String);

/// A way by which notices reach people.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// The name of the channel; it must stay the same over restarts.
    fn channel(&self) -> &'static str;

    /// Delivers a notice: one attempt. Where nobody is to be told, there is nothing to do.
    async fn notify(&self, notice: &Notice) -> std::result::Result<(), NotifyError>;
}

/// The channels of a service.
#[derive(Clone, Default)]
pub struct Notifiers {
    channels: Vec<Arc<dyn Notifier>>,
    wake: Arc<Notify>,
}

impl Notifiers {
    /// The channels with one more.
    #[must_use]
    pub fn with(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.channels.push(notifier);
        self
    }
}

/// What is to be told.
pub(crate) struct News {
    pub(crate) kind: NoticeKind,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) next_attempt: Option<Timestamp>,
}

/// A delivery may take so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// A notice that was tried so often is given up.
const MOST_ATTEMPTS: u32 = 12;
/// The wait after the first try; it doubles with every further one.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(10);
/// The longest wait between two tries.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// Notices that are looked at together.
const PAGE: usize = 100;
/// Recipients of a notice at most.
const MOST_RECIPIENTS: usize = 50;

impl Services {
    /// Writes a notice down for every channel, to be delivered soon.
    pub(crate) async fn tell(&self, job: &Job, news: News) -> Result<()> {
        if self.notifiers.channels.is_empty() {
            return Ok(());
        }
        let moment = self.clock.now();
        let secrets = self.vault.secrets(&*self.store, job.tenant, job.service_principal).await;
        // Whoever the configuration names is told also where the job's secrets cannot be opened.
        let secrets = secrets.unwrap_or_else(|error| {
            tracing::warn!(job = %job.id, %error, "cannot read whom SyncNotificationSettings names");
            Secrets::new()
        });
        let notice = Notice {
            id: self.entropy.uuid_at(moment),
            kind: news.kind,
            moment,
            tenant_id: job.tenant,
            service_principal_id: job.service_principal,
            job_id: job.id.clone(),
            code: news.code,
            message: news.message,
            next_attempt: news.next_attempt,
            recipients: recipients(&secrets),
        };
        let body = serde_json::to_string(&notice).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        for notifier in &self.notifiers.channels {
            let channel = notifier.channel().into();
            let pending =
                PendingNotice { id: notice.id, channel, body: body.clone(), attempts: 0, next: moment };
            self.store.put_notice(pending).await?;
        }
        self.notifiers.wake.notify_one();
        Ok(())
    }

    /// Delivers notices as they fall due, for ever.
    pub(crate) async fn deliver_notices(self) {
        if self.notifiers.channels.is_empty() {
            return;
        }
        loop {
            let next = self.deliver_due().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot read the notices that wait");
                Some(after(self.clock.now(), FIRST_WAIT))
            });
            let due = async {
                match next {
                    Some(moment) => self.timer.until(moment).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.notifiers.wake.notified() => {}
            }
        }
    }

    /// Delivers what is due; returns when the next is.
    async fn deliver_due(&self) -> Result<Option<Timestamp>> {
        loop {
            let due = self.store.due_notices(self.clock.now(), PAGE).await?;
            if due.is_empty() {
                return self.store.next_notice().await;
            }
            for pending in due {
                self.deliver(pending).await?;
            }
        }
    }

    async fn deliver(&self, pending: PendingNotice) -> Result<()> {
        let notifier = self.notifiers.channels.iter().find(|one| one.channel() == pending.channel);
        let notice = serde_json::from_str::<Notice>(&pending.body);
        let (Some(notifier), Ok(notice)) = (notifier, notice) else {
            tracing::warn!(channel = %pending.channel, "a notice is dropped: nothing can deliver it any more");
            return self.store.drop_notice(pending.id, &pending.channel).await;
        };
        let sent = tokio::time::timeout(PATIENCE, notifier.notify(&notice)).await;
        let error = match sent {
            Ok(Ok(())) => return self.store.drop_notice(pending.id, &pending.channel).await,
            Ok(Err(error)) => error,
            Err(_) => NotifyError(format!("there was no answer within {} seconds", PATIENCE.as_secs())),
        };
        let attempts = pending.attempts + 1;
        if attempts >= MOST_ATTEMPTS {
            tracing::error!(job = %notice.job_id, channel = %pending.channel, %error, "a notice is given up");
            return self.store.drop_notice(pending.id, &pending.channel).await;
        }
        tracing::warn!(job = %notice.job_id, channel = %pending.channel, %error, "a notice was not delivered");
        let next = after(self.clock.now(), wait_after(attempts));
        self.store.put_notice(PendingNotice { attempts, next, ..pending }).await
    }
}

fn wait_after(attempts: u32) -> SignedDuration {
    let factor = 1_i32.checked_shl(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
    FIRST_WAIT.checked_mul(factor).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
}

/// The mail addresses of the secret `SyncNotificationSettings`, JSON in a text, where it is enabled.
fn recipients(secrets: &Secrets) -> Vec<String> {
    let settings = secrets.get("SyncNotificationSettings").unwrap_or_default();
    let settings: serde_json::Value = serde_json::from_str(settings).unwrap_or_default();
    let field = |name: &str| {
        settings.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    if field("Enabled").and_then(serde_json::Value::as_bool) != Some(true) {
        return Vec::new();
    }
    let texts: Vec<&str> = match field("Recipients") {
        Some(serde_json::Value::String(text)) => vec![text],
        Some(serde_json::Value::Array(list)) => list.iter().filter_map(|one| one.as_str()).collect(),
        _ => Vec::new(),
    };
    let addresses = texts.into_iter().flat_map(|text| text.split([',', ';'])).map(str::trim);
    addresses.filter(|address| !address.is_empty()).take(MOST_RECIPIENTS).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits: Vec<i64> = (1..MOST_ATTEMPTS).map(|attempt| wait_after(attempt).as_secs()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    }

    #[test]
    fn recipients_are_those_of_enabled_settings() {
        let of = |settings: &str| {
            let pair = ("SyncNotificationSettings".to_owned(), settings.to_owned());
            recipients(&std::iter::once(pair).collect())
        };
        assert_eq!(
            of(r#"{"Enabled":true,"Recipients":"a@x.example; b@x.example,"}"#),
            ["a@x.example", "b@x.example"]
        );
        assert_eq!(of(r#"{"enabled":true,"recipients":["a@x.example"]}"#), ["a@x.example"]);
        for none in
            [r#"{"Enabled":false,"Recipients":"a@x.example"}"#, r#"{"Recipients":"a@x.example"}"#, "", "[]"]
        {
            assert_eq!(of(none), [""; 0]);
        }
    }
}
