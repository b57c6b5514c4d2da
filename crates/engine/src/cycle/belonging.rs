//! Which target a job's links belong to. At another one they are no more than hints: its accounts may have the same names.

use serde_json::json;
use store::{Commit, Forgotten, Result};

use super::{Cycle, Prepared, Runtime, Warrant, finish, load_runtime};
use crate::health;
use crate::runner::Runner;
use crate::services::Services;

impl Runtime {
    /// Why nothing may be decided by the job's links, in words for people: they are of another target than the job's.
    pub(crate) fn belongs_elsewhere(&self, prepared: &Prepared) -> Option<String> {
        let (known, now) = (self.target_identity.as_ref()?, &prepared.identity);
        (known != now).then(|| {
            format!(
                "the job's accounts are those of the target '{known}', and its target is now '{now}'; start the job, which \
                 then matches everything anew, or set the address back"
            )
        })
    }

    /// Links are forgotten, and with them where reading goes on.
    pub(crate) fn note_reset(&mut self) {
        self.watermark = None;
        self.running = None;
        self.target_identity = None;
        self.resets += 1;
    }
}

/// From here on the job's links are those of the target that it now has; those of another one become hints.
pub(crate) async fn take_over(
    services: &Services,
    prepared: &Prepared,
    warrant: Warrant,
    mut runtime: Runtime,
) -> Result<Runtime> {
    if runtime.target_identity.as_ref() == Some(&prepared.identity) {
        return Ok(runtime);
    }
    let mut forgotten = Forgotten::default();
    if let Some(known) = &runtime.target_identity {
        let (old, new) = (json!({ "target": known }), json!({ "target": prepared.identity }));
        health::audit(services, &prepared.job, "Reset synchronization links", old, new).await?;
        forgotten.links = true;
        runtime.note_interruption();
        runtime.note_reset();
    }
    runtime.target_identity = Some(prepared.identity.clone());
    let commit = Commit { forgotten, runtime: Some(finish::text_of(&runtime)?), ..Commit::default() };
    services.store.commit(&prepared.job.id, warrant.over(commit)?).await?;
    Ok(runtime)
}

impl Cycle<'_> {
    /// Notes which target the links are of that this run is about to make, where the job has none yet.
    pub(crate) async fn take_over(&self) -> Result<()> {
        let runtime = self.runtime().clone();
        let runtime = take_over(self.services, self.prepared, self.warrant, runtime).await?;
        *self.runtime() = runtime;
        Ok(())
    }
}

impl Runner {
    /// Notes which target the links are of that somebody is about to make beside cycles, where the job has none yet.
    /// Links of another target stay what they are. What runs in the meantime has noted it itself.
    pub(crate) async fn take_over(&self, services: &Services, prepared: &Prepared) -> Result<()> {
        let (store, job) = (&services.store, &prepared.job.id);
        let known = load_runtime(services, job).await?.target_identity;
        if known.as_ref() == Some(&prepared.identity) {
            return Ok(());
        }
        let Some(_alone) = self.alone_at_once() else { return Ok(()) };
        let Some(warrant) = self.lease(services).await? else { return Ok(()) };
        let runtime = load_runtime(services, job).await?;
        if runtime.target_identity.is_some() && !store.links(job, None, 1).await?.is_empty() {
            return Ok(());
        }
        take_over(services, prepared, warrant, runtime).await?;
        Ok(())
    }
}
