//! Runs beside the cycle: a part of a cycle's work for objects that somebody named, now, whatever the schedule says.
//!
//! They decide by the same functions and on the same memory as a cycle, move no cursor and keep no runtime state.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use model::job::Counters;
use model::provisioning::{
    Action as LogAction, Identity, Outcome as LogOutcome, ProvisioningRecord, Step as TraceStep,
};
use model::{Anchor, CycleId, Name, Timestamp};

use super::behind::Behind;
use super::sealed::keyed;
use super::{Cycle, Has, Prepared, Running, Warrant, guard, load_runtime};
use crate::control::{ControlError, Result};
use crate::desk::Desk;
use crate::live::Live;
use crate::services::Services;
use crate::stop::Stop;

impl<'a> Cycle<'a> {
    /// A run beside the cycle. `party` is who has the objects in hand at the desk. One that may write is refused while the
    /// job's links are of another target.
    pub(crate) async fn aside(
        services: &'a Services,
        prepared: &'a Prepared,
        stop: &'a Stop,
        live: &'a Live,
        (desk, party): (&'a Arc<Desk>, u64),
        warrant: Warrant,
    ) -> Result<Self> {
        let job = &prepared.job.id;
        let mut runtime = load_runtime(services, job).await?;
        if let Some(words) = runtime.belongs_elsewhere(prepared).filter(|_| warrant.writes()) {
            return Err(ControlError::Unfit(words));
        }
        runtime.note_interruption();
        let intents = services.store.open_intents(job).await?;
        Ok(Self {
            services,
            prepared,
            stop,
            live,
            warrant,
            desk,
            party,
            id: CycleId(services.entropy.uuid_at(services.clock.now())),
            goes_on: false,
            initial: false,
            generation: runtime.generation.max(desk.generation()),
            sweeping: false,
            enumerations: AtomicU64::new(runtime.enumerations),
            behind: Behind::default(),
            halting: false.into(),
            indexed: HashMap::new(),
            exclusions: guard::exclusions(services, job).await?,
            has: Has { entries: true, escrows: true, staged: true, hints: true }.into(),
            intents: keyed(services, job, intents)?.into(),
            runtime: runtime.into(),
        })
    }

    /// From here on this run ends as a cycle that `began` then, read up to `cursor` and counted this. It is known here
    /// alone until then: what is durable of it before its end must not be taken for a cycle that can be gone on with.
    pub(crate) fn stand_in(
        &mut self,
        began: Timestamp,
        cursor: Option<String>,
        counters: Counters,
        failed_again: u64,
    ) {
        let initial = self.initial;
        let fresh = super::running(self.services, self.prepared, &self.runtime());
        let cycle = self.id;
        let running = Running { cycle, initial, began, cursor, read: true, counters, failed_again, ..fresh };
        self.runtime_mut().running = Some(running);
    }

    /// True where somebody asked for this run, so that it tells of every object whatever the log is to keep.
    pub(crate) fn is_asked_for(&self) -> bool {
        !matches!(self.warrant, Warrant::Lease(_))
    }

    /// The record of an object that no decision was made about.
    pub(crate) fn undecided(
        &self,
        kind: &Name,
        anchor: &Anchor,
        steps: Vec<TraceStep>,
    ) -> ProvisioningRecord {
        let now = self.services.clock.now();
        let failure = steps.iter().find_map(|step| match step {
            TraceStep::ExportFailed(_, failure) => Some(failure.clone()),
            _ => None,
        });
        let skip = steps.iter().find_map(|step| match step {
            TraceStep::Skip(reason) => Some(*reason),
            _ => None,
        });
        ProvisioningRecord {
            id: self.services.entropy.uuid_at(now),
            moment: now,
            duration_ms: 0,
            cycle: self.id,
            change: self.services.entropy.uuid(),
            action: LogAction::Other,
            outcome: if failure.is_some() { LogOutcome::Failure } else { LogOutcome::Skipped },
            skip,
            failure,
            source: Identity { anchor: Some(anchor.clone()), kind: kind.clone(), name: None },
            target: Identity::default(),
            steps,
            modified: Vec::new(),
        }
    }
}
