//! A job's health: quarantine with its series of tries, and who is told of what changes.
//!
//! Whatever changes a job's state by itself passes through here, so that each change leaves an audit record and a
//! notice. Both are written before the change: after a crash they may be repeated, but never be missing.

use model::SignedDuration;
use model::Timestamp;
use model::job::{ErrorText, Job, JobStatus, Quarantine, QuarantineReason, ScheduleState};
use serde_json::{Value as Json, json};
use store::{AuditRecord, Result};
use sync::retry_at;
use tokio::sync::Mutex as AsyncMutex;

use crate::cycle::CycleEnd;
use crate::notice::{News, NoticeKind};
use crate::services::Services;
use crate::time::after;

/// Who the audit log names where nobody ordered a change.
const SERVICE: &str = "Entente";
/// Why a job is paused after its initial cycle.
const PRUNED: &str = "Too many objects failed in the initial cycle, and the job was paused at its end. Look at the failures \
                      in the provisioning log, mend what they have in common, then start the job.";
/// How long a job may be in quarantine before it is disabled.
const QUARANTINE_LIFE: SignedDuration = SignedDuration::from_hours(28 * 24);

/// When a job in quarantine is tried again.
pub(crate) enum Retry<'a> {
    /// At the job's own interval: it goes on, but for what is held back.
    Interval(SignedDuration),
    /// After these waits, one after the other; the last repeats.
    Slowed(&'a [SignedDuration]),
}

/// Puts a job in quarantine, or leaves it there. A series goes on while the job is slowed down, or while it is not.
pub(crate) fn impose(
    status: &mut JobStatus,
    reason: QuarantineReason,
    error: ErrorText,
    now: Timestamp,
    retry: &Retry<'_>,
) {
    let slows = |reason: QuarantineReason| !reason.only_holds();
    let known = status.quarantine.take().filter(|one| slows(one.reason) == slows(reason));
    let series_count = known.as_ref().map_or(0, |one| one.series_count) + 1;
    status.quarantine = Some(Quarantine {
        reason,
        began: now,
        series_began: known.map_or(now, |one| one.series_began),
        next_attempt: match retry {
            Retry::Interval(interval) => after(now, *interval),
            Retry::Slowed(intervals) => retry_at(now, series_count, intervals),
        },
        series_count,
        error: Some(error),
    });
}

/// True where a quarantine slows the job down: it is tried at the series' own times alone.
pub(crate) fn is_slowed(status: &JobStatus) -> bool {
    status.quarantine.as_ref().is_some_and(|one| !one.reason.only_holds())
}

/// Writes a job's status, and tells what it changes about the quarantine that was there before.
pub(crate) async fn put_status(
    services: &Services,
    job: &Job,
    before: Option<Quarantine>,
    status: JobStatus,
) -> Result<()> {
    announce(services, job, before, &status).await?;
    services.store.put_status(&job.id, status).await
}

/// Tells what a status that is about to be written changes about the quarantine that was there before.
pub(crate) async fn announce(
    services: &Services,
    job: &Job,
    before: Option<Quarantine>,
    status: &JobStatus,
) -> Result<()> {
    let reason = |one: Option<&Quarantine>| one.map(|one| one.reason);
    let was = reason(before.as_ref());
    if was != reason(status.quarantine.as_ref()) {
        let shown = |quarantine: Option<&Quarantine>| match quarantine {
            Some(one) => json!({ "quarantine": one.reason.wire(), "nextAttempt": one.next_attempt }),
            None => json!({ "quarantine": null, "nextAttempt": null }),
        };
        let (old, new) = (shown(before.as_ref()), shown(status.quarantine.as_ref()));
        let activity = match status.quarantine {
            Some(_) => "Quarantine synchronization job",
            None => "Recover synchronization job",
        };
        audit(services, job, activity, old, new).await?;
        services.tell(job, news_of(before.as_ref(), status.quarantine.as_ref())).await?;
    }
    Ok(())
}

fn news_of(before: Option<&Quarantine>, quarantine: Option<&Quarantine>) -> News {
    let Some(quarantine) = quarantine else {
        let code = before.map_or("", |one| one.reason.wire());
        let message = "A good cycle ended the quarantine; the job runs at its interval again.".to_owned();
        return News { kind: NoticeKind::Recovered, code: code.to_owned(), message, next_attempt: None };
    };
    let kind = match quarantine.reason {
        QuarantineReason::TooManyDeletes => NoticeKind::RemovalsStaged,
        QuarantineReason::TooManyCreates => NoticeKind::CreatesStaged,
        QuarantineReason::TooManyUpdates => NoticeKind::UpdatesStaged,
        _ => NoticeKind::Quarantined,
    };
    let message = quarantine.error.as_ref().map(|error| error.message.clone()).unwrap_or_default();
    let next_attempt = Some(quarantine.next_attempt);
    News { kind, code: quarantine.reason.wire().to_owned(), message, next_attempt }
}

/// Writes a new schedule state and tells why, unless somebody changed the schedule in the meantime. Changes of the job
/// take turns under `edits`.
pub(crate) async fn set_state(
    services: &Services,
    edits: &AsyncMutex<()>,
    job: &Job,
    state: ScheduleState,
    code: &str,
    why: &str,
) -> Result<()> {
    let _turn = edits.lock().await;
    let Some(mut current) = services.store.job(job.tenant, &job.id).await? else { return Ok(()) };
    if current.schedule != job.schedule {
        return Ok(());
    }
    tracing::warn!(job = %job.id, "{why}");
    let (activity, kind) = match state {
        ScheduleState::Paused => ("Pause synchronization job", NoticeKind::Paused),
        _ => ("Disable synchronization job", NoticeKind::Disabled),
    };
    let (old, new) = (json!({ "state": current.schedule.state }), json!({ "state": state, "reason": code }));
    audit(services, job, activity, old, new).await?;
    let news = News { kind, code: code.to_owned(), message: why.to_owned(), next_attempt: None };
    services.tell(job, news).await?;
    current.schedule.state = state;
    services.store.update_job(current).await
}

/// Pauses or disables a job whose cycle, or the plan that was applied in its place, ended so that it cannot go on.
pub(crate) async fn after_cycle(
    services: &Services,
    edits: &AsyncMutex<()>,
    job: &Job,
    end: &CycleEnd,
) -> Result<()> {
    let status = services.store.status(&job.id).await?;
    if status.escrows_pruned && *end == CycleEnd::Completed {
        return set_state(services, edits, job, ScheduleState::Paused, "EscrowsPruned", PRUNED).await;
    }
    disable_if_hopeless(services, edits, job, &status).await
}

/// Disables a job that was in quarantine for too long.
pub(crate) async fn disable_if_hopeless(
    services: &Services,
    edits: &AsyncMutex<()>,
    job: &Job,
    status: &JobStatus,
) -> Result<()> {
    let Some(quarantine) = &status.quarantine else { return Ok(()) };
    if after(quarantine.series_began, QUARANTINE_LIFE) > services.clock.now() {
        return Ok(());
    }
    let why = "The job was in quarantine for 28 days and is disabled. Mend what the quarantine tells of, then start it.";
    set_state(services, edits, job, ScheduleState::Disabled, quarantine.reason.wire(), why).await
}

/// Writes an audit record of something that happened by itself.
pub(crate) async fn audit(
    services: &Services,
    job: &Job,
    activity: &str,
    old: Json,
    new: Json,
) -> Result<()> {
    let moment = services.clock.now();
    let record = AuditRecord {
        id: services.entropy.uuid_at(moment),
        moment,
        actor: SERVICE.to_owned(),
        activity: activity.to_owned(),
        target: job.id.to_string(),
        old: Some(old),
        new: Some(new),
        success: true,
    };
    services.store.audit(job.tenant, record).await
}
